"""The language codes that CAMS takes, and the nearest of them to a language tag."""

from __future__ import annotations

import re

#: The 68 codes of "Language codes" in the ChatApp documentation.
DOCUMENTED_CODES = (  # noqa: SIM905 - 68 literals would fill a page
    "af ar az bg bn ca cs da de el en en_GB en_US es es_AR es_ES es_MX et fa fi fil fr ga gu ha "
    "he hi hr hu id it ja kk kn ko lo lt lv mk ml mr ms nb nl pa pl pt_BR pt_PT ro ru sk sl sq sr "
    "sv sw ta te th tr uk ur uz vi zh_CN zh_HK zh_TW zu"
).split()

_EXACT = {code.lower().replace("_", "-"): code for code in DOCUMENTED_CODES}

#: In the distances of CLDR, 25 is the most at which speakers are taken to understand.
_MOST_DISTANCE = 25

LONGEST_TAG = 255

#: What any tag looks like (RFC 5646, 2.1); langcodes takes numbers for languages, too.
_TAG = re.compile(r"([a-z]{2,8}|[ix])(-[a-z0-9]{1,8})*", re.ASCII | re.IGNORECASE)

_EXTENSION = re.compile(r"-[a-z0-9]-", re.ASCII | re.IGNORECASE)

_MOST_CACHED = 10_000

_DECIDING = ("language", "extlang", "script", "territory")


def nearest_code(tag: str) -> str | None:
    """The documented code nearest to a BCP 47 tag (``-`` or ``_``); None if none is near.

    Raises ValueError for what isn't a language tag.
    """
    tag = tag.strip().replace("_", "-")
    if len(tag) > LONGEST_TAG or not _TAG.fullmatch(tag):
        raise ValueError("not a language tag")
    if tag.lower() in _EXACT:
        return _EXACT[tag.lower()]
    tag = _EXTENSION.split(tag)[0]  # which decides nothing
    # Loading it takes longer than all else that a request needs before the call.
    import langcodes  # noqa: PLC0415
    from langcodes.tag_parser import parse_tag  # noqa: PLC0415

    _bound_the_caches()
    subtags = parse_tag(langcodes.standardize_tag(tag))
    plain = "-".join(subtag for kind, subtag in subtags if kind in _DECIDING).lower()
    if plain in _EXACT:
        return _EXACT[plain]
    nearest: str | None = langcodes.closest_supported_match(
        plain or "und", DOCUMENTED_CODES, _MOST_DISTANCE
    )
    return nearest


def _bound_the_caches() -> None:
    from langcodes import Language, language_distance  # noqa: PLC0415

    # They grow with every tag that anybody sends, by up to 17 KB each.
    sizes = len(language_distance._DISTANCE_CACHE), len(Language._INSTANCES)  # noqa: SLF001
    if max(sizes) > _MOST_CACHED:
        language_distance._DISTANCE_CACHE.clear()  # noqa: SLF001
        Language._INSTANCES.clear()  # noqa: SLF001
        Language._PARSE_CACHE.clear()  # noqa: SLF001
