"""The nearest documented code: the checked-in table is compared with CLDR, by langcodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langcodes import Language, closest_supported_match, standardize_tag
from langcodes.data_dicts import LANGUAGE_DISTANCES

from tests.support import locale_table
from verify_code.locales import DOCUMENTED_CODES, LONGEST_TAG, nearest_code

#: Regions with many speakers or with a code of their own, and other names of some.
REGIONS = (
    "US",
    "GB",
    "IN",
    "ES",
    "MX",
    "AR",
    "GT",
    "419",
    "BR",
    "AO",
    "CN",
    "TW",
    "HK",
    "MO",
    "SG",
    "MY",
    "ME",
    "BA",
    "PK",
    "IR",
    "EG",
    "GQ",
    "FR",
    "001",
    "UK",
    "826",
)

SCRIPTS = ("Latn", "Cyrl", "Arab", "Hans", "Hant", "Guru")

#: What the rules of the table change: what langcodes gives, and what the table gives.
PERMITTED: dict[str, set[tuple[str | None, str | None]]] = {
    # Serbian comes first for Serbian, Serbo-Croatian and Montenegrin.
    "sr": {("hr", "sr")},
    "sh": {("hr", "sr")},
    "cnr": {("hr", "sr")},
    # Argentina's Spanish is for its neighbours only, and Spain's for Equatorial Guinea, too.
    "es": {("es_AR", "es_MX"), ("es", "es_ES")},
    # langcodes drops the script of pa-Guru-PK.
    "pa": {(None, "pa")},
    # A part of a larger language is written in each territory as the larger one is.
    "part of ar": {(None, "ar")},
    "part of az": {("az", None)},
    "part of zh": {
        (None, "zh_CN"),
        (None, "zh_HK"),
        (None, "zh_TW"),
        ("zh_CN", "zh_HK"),
        ("zh_CN", "zh_TW"),
    },
}


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        # A code of the same language comes first.
        ("sr-ME", "sr"),
        ("sr-Latn-BA", "sr"),
        ("sr-Latn-HR", "sr"),
        ("bs", "hr"),
        ("bs-Cyrl", "sr"),
        # Spanish by its territory.
        ("es", "es"),
        ("es-US", "es_MX"),
        ("es-GT", "es_MX"),
        ("es-419", "es_MX"),
        ("es-CO", "es_MX"),
        ("es-UY", "es_AR"),
        ("es-PY", "es_AR"),
        ("es-GQ", "es_ES"),
        ("es-FR", "es"),
        # The script that a territory is likely to use, unless the tag names it.
        ("zh-TW", "zh_TW"),
        ("zh-MO", "zh_HK"),
        ("zh-Hant-MO", "zh_HK"),
        ("zh-SG", "zh_CN"),
        ("zh-MY", "zh_CN"),
        ("zh-Hans-HK", "zh_CN"),
        ("zh-Hant-CN", "zh_TW"),
        ("pa-PK", None),
        ("pa-Guru-PK", "pa"),
        ("en-Cyrl", None),
        # A language that is part of a larger one.
        ("zh-yue", "zh_HK"),
        ("yue", "zh_HK"),
        ("yue-CN", "zh_CN"),
        ("nan-TW", "zh_TW"),
        ("zh-min-nan-TW", "zh_TW"),
        ("afb", "ar"),
        ("ar-arz", "ar"),
        ("ms-zsm", "ms"),
        # Other names of languages and territories.
        ("in-ID", "id"),
        ("iw-IL", "he"),
        ("mo", "ro"),
        ("sh", "sr"),
        ("eng-840", "en_US"),
        ("en-UK", "en_GB"),
        ("zh-cmn-Hant", "zh_TW"),
        ("cmn-Hant-HK", "zh_HK"),
        # Tags that are older than the rules.
        ("i-lux", "de"),
        ("i-klingon", None),
        ("en-GB-oed", "en_GB"),
        ("sgn-BE-FR", None),
        ("art-lojban", None),
        # What decides nothing.
        ("pt-AO-1990-u-nu-latn-x-pt-br", "pt_PT"),
        ("de-1996", "de"),
        ("x-en-US", None),
        ("qaa-Latn", None),
        # No language.
        ("und", None),
        ("root", None),
        ("und-BR", "pt_BR"),
        ("und-Latn", None),
    ],
)
def test_the_nearest_code(tag: str, code: str | None) -> None:
    """Each tag has the documented code that most of its users can read."""
    for spelling in (tag, tag.lower(), tag.upper(), tag.replace("-", "_")):
        assert nearest_code(spelling) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "e",
        "en-",
        "-en",
        "en--US",
        "english",
        "e1",
        "en US",
        "en.US",
        "en-US.UTF-8",
        "en-USAA1A1A1",
        "en-u",
        "en-x",
        "x",
        "x-",
        "i-none",
        "zh-TW-Hant",
        "en-US-GB",
        "en-a1",
        "\u212ao",
        "zh-\uff28\uff2b",
        "ar-\u0660\u0660\u0661",
        pytest.param("en-x-" + LONGEST_TAG * "a", id="too long"),
        "zh-yue-yue-yue-yue",
    ],
)
def test_what_is_no_language_tag(text: str) -> None:
    """Text that isn't a language tag raises an error."""
    with pytest.raises(ValueError, match="language tag"):
        nearest_code(text)


SUBTAG = st.text("abcdehklmnrstuxz0149", min_size=1, max_size=9)


@given(st.text() | st.lists(SUBTAG, max_size=8).map("-".join) | st.lists(SUBTAG).map("_".join))
def test_any_text(text: str) -> None:
    """Any text raises an error, has a documented code, or has none."""
    try:
        code = nearest_code(text)
    except ValueError as wrong:
        assert str(wrong) == "not a language tag"
    else:
        assert code is None or code in DOCUMENTED_CODES


def test_the_table_is_up_to_date() -> None:
    """The checked-in table is the one that `make locales` writes."""
    assert locale_table.TABLE.read_text("utf-8") == locale_table.source()


def by_cldr(tag: str) -> str | None:
    """What langcodes gives without any rule of this package."""
    language = str(Language.get(tag).prefer_macrolanguage().language)
    if language not in LANGUAGE_DISTANCES and not locale_table.own_codes(language):
        return None  # for the distance to each code is 80
    standard = str(standardize_tag(tag))
    if standard.replace("-", "_") in DOCUMENTED_CODES:
        return standard.replace("-", "_")
    nearest: str | None = closest_supported_match(standard, DOCUMENTED_CODES, 25)
    return nearest


def tags() -> Iterator[str]:
    """All registered languages; those with a near code also by script and region."""
    for language in locale_table.registered("language"):
        yield language
        if language in locale_table.aliases():
            yield from (f"{language}-{region}" for region in ("TW", "HK", "MX", "ME", "IR"))
        elif nearest_code(language):
            yield from (f"{language}-{region}" for region in REGIONS)
            yield from (f"{language}-{script}" for script in SCRIPTS)
            yield from (f"{language}-{script}-PK" for script in SCRIPTS)
            yield from (f"{language}-{script}-TW" for script in SCRIPTS)


def test_the_table_agrees_with_langcodes() -> None:
    """The table gives the code that langcodes gives, except where its own rules differ."""
    differences: dict[str, set[tuple[str | None, str | None]]] = {}
    members = locale_table.members()
    for tag in tags():
        given, code = by_cldr(tag), nearest_code(tag)
        if given != code:
            language = tag.partition("-")[0]
            kind = f"part of {members[language]}" if language in members else language
            differences.setdefault(kind, set()).add((given, code))
    assert differences == PERMITTED
