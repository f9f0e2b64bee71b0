"""Which documented code is nearest to which language tag.

`make locales` wrote this file from CLDR by langcodes 3.5.1. Don't edit it.
"""

#: Other names of a language or of a whole tag, each with the name that NEAREST has.
ALIASES = """
aae:sq aao:ar aat:sq abh:ar abv:ar acm:ar acq:ar acw:ar acx:ar acy:ar adf:ar aeb:ar aec:ar afb:ar
afr:af ajp:ar alb:sq aln:sq als:sq apc:ar apd:ar ara:ar arb:ar arq:ar ars:ar art-lojban:und ary:ar
arz:ar auz:ar avl:ar ayh:ar ayl:ar aym:ay ayn:ar ayp:ar ayr:ay azb:az aze:az azj:az baq:eu bbz:ar
bcc:bal bel:be ben:bn bjn:ms bos:bs bre:br btj:ms bul:bg bve:ms bvu:ms cat:ca cdo:zh cel-gaulish:und
ces:cs chi:zh cjy:zh cmn:zh cnr:sr coa:ms cos:co cpx:zh cym:cy cze:cs czh:zh czo:zh dan:da deu:de
drw:fa dup:ms dut:nl ekk:et ell:el en-gb-oed:en-gb eng:en est:et eus:eu fao:fo fas:fa fin:fi fra:fr
fre:fr fry:fy gan:zh ger:de gla:gd gle:ga glg:gl gre:el grn:gn gug:gn guj:gu hak:zh hat:ht hau:ha
hbs:sr heb:he hin:hi hji:ms hrv:hr hsn:zh hun:hu i-ami:und i-bnn:und i-default:en i-enochian:und
i-hak:zh i-klingon:und i-lux:lb i-mingo:und i-navajo:und i-pwn:und i-tao:und i-tay:und i-tsu:und
ice:is in:id ind:id isl:is ita:it iw:he jak:ms jav:jv jax:ms jpn:ja jw:jv kan:kn kaz:kk kor:ko
kvb:ms kvr:ms kxd:ms lao:lo lat:la lav:lv lce:ms lcf:ms lit:lt liw:ms ltg:lv ltz:lb lvs:lv lzh:zh
mac:mk mal:ml mao:mi mar:mr max:ms may:ms meo:ms mfb:ms min:ms mkd:mk mnp:zh mo:ro mol:ro mqg:ms
mri:mi msa:ms msi:ms mui:ms nan:zh nld:nl nno:nn no-bok:nb no-bokmal:nb no-nyn:nn no-nynorsk:nn
nob:nb nor:no oci:oc orn:ms ors:ms pan:pa pel:ms per:fa pes:fa pga:ar pol:pl por:pt prs:fa pse:ms
roh:rm ron:ro rum:ro rus:ru scc:sr scr:hr sgn-be-fr:und sgn-be-nl:und sgn-ch-de:und sh:sr shu:ar
slk:sk slo:sk slv:sl spa:es sqi:sq srp:sr ssh:ar sun:su swa:sw swc:sw swe:sv swh:sw tam:ta tel:te
tgl:fil tha:th tl:fil tmw:ms tnf:fa tur:tr ukr:uk urd:ur urk:ms uzb:uz uzn:uz uzs:uz vie:vi vkk:ms
vkt:ms vro:et wel:cy wuu:zh xmm:ms zh-cmn:zh zh-gan:zh zh-guoyu:zh zh-hakka:zh zh-min:zh
zh-min-nan:zh zh-wuu:zh zh-xiang:zh zh-yue:yue zho:zh zlm:ms zmi:ms zsm:ms zul:zu
"""

#: Other names of a territory, each with the name that NEAREST has.
TERRITORY_ALIASES = """
004:af 016:as 028:ag 032:ar 036:au 044:bs 052:bb 060:bm 068:bo 076:br 084:bz 092:vg 096:bn 120:cm
124:ca 136:ky 152:cl 156:cn 158:tw 166:cc 170:co 172:ru 188:cr 192:cu 212:dm 214:do 218:ec 222:sv
226:gq 238:fk 254:gf 258:pf 304:gl 308:gd 312:gp 316:gu 320:gt 328:gy 332:ht 340:hn 344:hk 360:id
364:ir 368:iq 388:jm 446:mo 474:mq 484:mx 496:mn 500:ms 530:cw 531:cw 532:cw 533:aw 534:sx 535:bq
558:ni 580:mp 581:um 584:mh 586:pk 591:pa 600:py 604:pe 608:ph 630:pr 643:ru 652:bl 659:kn 660:ai
662:lc 663:mf 666:pm 670:vc 704:vn 724:es 729:sd 736:sd 740:sr 764:th 780:tt 796:tc 810:ru 826:gb
840:us 850:vi 858:uy 862:ve an:cw jt:um mi:um pu:um pz:pa su:ru uk:gb vd:vn wk:um
"""

#: Each script, and the languages that are near to a code when written in it.
SCRIPTS = """
arab: ar bal fa ur
beng: bn
cyrl: be bg bs hr kk mk ru sr uk
deva: hi mai mr
grek: el
gujr: gu
guru: pa
hang: ko
hani: ja ko zh
hans: bo ug yue za zh
hant: bo ug yue za zh
hebr: he
hira: ja
hrkt: ja
jamo: ko
jpan: ja
kana: ja
knda: kn
kore: ko
laoo: lo
latn: af ar ay az bn br bs ca chr co crs cs cy da de en es et eu fi fil fo fr fy ga gd gl gn gsw gu
latn: ha haw hi hr ht hu id is it ja jv kn la lb lt lv mfa mi ml mr ms nb nl nn no oc pcm pl pt rm
latn: ro sk sl sq sr su sv sw ta te tr uz vi zh zu
mlym: ml
taml: ta
telu: te
thai: th
"""

#: Each code, and the tags to which it is nearest; to those behind `none` no code is.
NEAREST = """
af: af und-na
ar: ar und-ae und-bh und-dz und-eg und-eh und-iq und-jo und-km und-kw und-lb und-ly und-ma und-mr
ar: und-om und-ps und-qa und-sa und-sd und-sy und-tn und-ye
az: az az-latn und-az
bg: bg und-bg
bn: bn und-bd
ca: ca und-ad
cs: cs und-cz
da: da fo und-dk und-fo
de: de gsw lb rm und-at und-ch und-de und-ez und-li
el: el und-cy und-gr
en: chr-latn cy-001 en en-as en-gu en-mh en-mp en-pr en-um en-vi gd-001 haw is mi pcm und-gu und-is
en: und-mh und-mp und-um und-vi
en_GB: chr-latn-gb cy cy-gb en-001 gd gd-gb haw-gb is-gb mi-gb pcm-gb und-ac und-ag und-ai und-au
en_GB: und-bb und-bm und-bs und-bw und-bz und-ca und-cc und-ck und-cx und-dg und-dm und-eu und-fj
en_GB: und-fk und-fm und-gb und-gd und-gg und-gi und-gm und-gy und-ie und-im und-io und-je und-jm
en_GB: und-ki und-kn und-ky und-lc und-lr und-ms und-mw und-nf und-ng und-nr und-nu und-nz und-pn
en_GB: und-qo und-sb und-sg und-sh und-sl und-ss und-sx und-sz und-ta und-tc und-tt und-un und-vc
en_GB: und-vg und-za und-zm
en_US: en-us und-us
es: ay es eu gl gn und-py
es_AR: ay-ar es-ar es-py es-uy eu-ar gl-ar gn-ar und-ar und-uy
es_ES: es-ea es-es es-gq es-ic es-ph und-ea und-es und-gq und-ic
es_MX: ay-mx es-003 es-005 es-013 es-019 es-021 es-029 es-419 es-ag es-ai es-aw es-bb es-bl es-bm
es_MX: es-bo es-bq es-br es-bs es-bz es-ca es-cl es-co es-cr es-cu es-cw es-dm es-do es-ec es-fk
es_MX: es-gd es-gf es-gl es-gp es-gt es-gy es-hn es-ht es-jm es-kn es-ky es-lc es-mf es-mq es-ms
es_MX: es-mx es-ni es-pa es-pe es-pm es-pr es-sr es-sv es-sx es-tc es-tt es-us es-vc es-ve es-vg
es_MX: es-vi eu-mx gl-mx gn-mx und-bo und-cl und-co und-cr und-cu und-do und-ec und-gt und-hn und-mx
es_MX: und-ni und-pa und-pe und-pr und-sv und-ve
et: et und-ee
fa: fa und-af und-ir
fi: fi und-fi
fil: fil und-ph
fr: br co crs fr ht oc und-bf und-bj und-bl und-cf und-cg und-ci und-cm und-fr und-ga und-gf und-gn
fr: und-gp und-ht und-lu und-mc und-mf und-mq und-nc und-pf und-pm und-re und-sc und-sn und-td
fr: und-tf und-tg und-wf und-yt
ga: ga
gu: gu
ha: ha ha-latn und-ne
he: he und-il
hi: hi mai und-in
hr: bs hr und-ba und-hr
hu: hu und-hu
id: id jv su und-id
it: it la und-it und-sm und-va
ja: ja und-jp
kk: kk kk-cyrl
kn: kn
ko: ko und-kp und-kr
lo: lo und-la
lt: lt und-lt
lv: lv und-lv
mk: mk und-mk
ml: ml
mr: mr
ms: mfa-latn ms ms-latn und-bn und-my
nb: nb nn no und-no und-sj
nl: fy nl und-aw und-be und-nl und-sr
none: az-iq az-ir az-ru bo chr ha-cm ha-sd kk-af kk-cn kk-ir kk-mn mfa ms-cc pa-pk ug uz-af uz-cn za
pa: pa pa-guru
pl: pl und-pl
pt_BR: pt pt-003 pt-005 pt-013 pt-019 pt-021 pt-029 pt-419 pt-ag pt-ai pt-ar pt-aw pt-bb pt-bl pt-bm
pt_BR: pt-bo pt-bq pt-br pt-bs pt-bz pt-ca pt-cl pt-co pt-cr pt-cu pt-cw pt-dm pt-do pt-ec pt-fk
pt_BR: pt-gd pt-gf pt-gl pt-gp pt-gt pt-gy pt-hn pt-ht pt-jm pt-kn pt-ky pt-lc pt-mf pt-mq pt-ms
pt_BR: pt-mx pt-ni pt-pa pt-pe pt-pm pt-pr pt-py pt-sr pt-sv pt-sx pt-tc pt-tt pt-us pt-uy pt-vc
pt_BR: pt-ve pt-vg pt-vi und-br
pt_PT: pt-001 und-ao und-cv und-gw und-mz und-pt und-st und-tl
ro: ro und-md und-ro
ru: be ru und-by und-kz und-ru
sk: sk und-sk
sl: sl und-si
sq: sq und-al und-xk
sr: bs-cyrl hr-cyrl sr und-me und-rs
sv: sv und-ax und-se
sw: sw und-cd und-ke und-tz und-ug
ta: ta
te: te
th: th und-th
tr: tr und-tr
uk: uk und-ua
ur: bal und-pk ur
uz: und-uz uz uz-latn
vi: und-vn vi
zh_CN: bo-hans ug-hans und-cn yue-cn yue-hans za-hans zh zh-hani zh-hans zh-latn
zh_HK: bo-hant ug-hant und-hk und-mo yue yue-hant za-hant zh-hk zh-hani-hk zh-hant-hk zh-hant-mo
zh_HK: zh-mo
zh_TW: bo-hant-tw ug-hant-tw und-tw yue-hant-tw yue-tw za-hant-tw zh-au zh-bn zh-gb zh-gf zh-hani-tw
zh_TW: zh-hant zh-id zh-pa zh-pf zh-ph zh-sr zh-th zh-tw zh-us zh-vn
zu: zu
"""
