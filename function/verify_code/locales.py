"""The language codes that CAMS takes, and the nearest of them to a language tag."""

from collections.abc import Iterator

from verify_code.locale_table import ALIASES, NEAREST, SCRIPTS, TERRITORY_ALIASES

#: The 68 codes of "Language codes" in the ChatApp documentation.
DOCUMENTED_CODES = (  # noqa: SIM905 - 68 literals would fill a page
    "af ar az bg bn ca cs da de el en en_GB en_US es es_AR es_ES es_MX et fa fi fil fr ga gu ha "
    "he hi hr hu id it ja kk kn ko lo lt lv mk ml mr ms nb nl pa pl pt_BR pt_PT ro ru sk sl sq sr "
    "sv sw ta te th tr uk ur uz vi zh_CN zh_HK zh_TW zu"
).split()

LONGEST_TAG = 255

#: The name that locale_table has for the world: the territories without a row of their own.
_WORLD = "001"


def _rows(table: str) -> Iterator[tuple[str, str]]:
    for line in table.strip().split("\n"):
        name, _, members = line.partition(": ")
        for member in members.split():
            yield member, name


_ALIASES = dict(pair.split(":") for pair in ALIASES.split())
_TERRITORY_ALIASES = dict(pair.split(":") for pair in TERRITORY_ALIASES.split())
_WRITTEN = {f"{language}-{script}" for language, script in _rows(SCRIPTS)}
_NEAREST = dict(_rows(NEAREST))


def nearest_code(tag: str) -> str | None:
    """The documented code nearest to a BCP 47 tag (``-`` or ``_``); None if none is near.

    Variants, extensions and private use make no difference. Raises ValueError for what isn't a
    language tag.
    """
    language, extlangs, script, territory = _parse(tag.strip().replace("_", "-"))
    language = _ALIASES.get(language, language)
    for extlang in extlangs:
        language = _ALIASES.get(f"{language}-{extlang}", language)
    territory = _TERRITORY_ALIASES.get(territory, territory)
    written = f"{language}-{script}"
    if script and written not in _WRITTEN:
        return None
    # The script says more than the territory: zh-Hans-TW is zh-Hans, not zh-TW.
    for each in (written, language) if script else (language,):
        places = (f"{each}-{territory}", f"{each}-{_WORLD}") if territory else ()
        for row in (*places, each):
            if row in _NEAREST:
                return None if _NEAREST[row] == "none" else _NEAREST[row]
    return None


def _parse(tag: str) -> tuple[str, list[str], str, str]:
    """The language, extended languages, script and territory of a tag, by RFC 5646, section 2.1."""
    if len(tag) > LONGEST_TAG or not tag.isascii():
        raise ValueError("not a language tag")
    tag = tag.lower()
    tag = f"und-{tag}" if tag[:2] == "x-" else _ALIASES.get(tag, tag)
    language, *rest = subtags = tag.split("-")
    extlangs: list[str] = []
    while rest and len(extlangs) < 3 and len(rest[0]) == 3 and rest[0].isalpha():
        extlangs.append(rest.pop(0))
    script = rest.pop(0) if rest and len(rest[0]) == 4 and rest[0].isalpha() else ""
    territory = rest.pop(0) if rest and _is_territory(rest[0]) else ""
    while rest and _is_variant(rest[0]):
        rest.pop(0)
    # Extensions and private use are left: a single letter or digit, and what belongs to it.
    ends_well = not rest or (len(rest[0]) == 1 and len(rest) > 1)
    if not (ends_well and language.isalpha() and 2 <= len(language) <= 4):
        raise ValueError("not a language tag")
    if not all(each.isalnum() and len(each) <= 8 for each in subtags):
        raise ValueError("not a language tag")
    return language, extlangs, script, territory


def _is_territory(subtag: str) -> bool:
    return (len(subtag) == 2 and subtag.isalpha()) or (len(subtag) == 3 and subtag.isdigit())


def _is_variant(subtag: str) -> bool:
    return len(subtag) > 4 or (len(subtag) == 4 and subtag[0].isdigit())
