"""Writes function/verify_code/locale_table.py from CLDR, by langcodes: ``make locales``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from langcodes import Language, standardize_tag, tag_distance
from langcodes.data_dicts import (
    LANGUAGE_DISTANCES,
    LANGUAGE_REPLACEMENTS,
    LIKELY_SUBTAGS,
    NORMALIZED_MACROLANGUAGES,
    TERRITORY_REPLACEMENTS,
)
from langcodes.language_distance import AMERICAS, US
from langcodes.tag_parser import EXCEPTIONS

from verify_code.locales import DOCUMENTED_CODES

TABLE = Path(__file__).parents[2] / "function" / "verify_code" / "locale_table.py"

#: In the distances of CLDR, 25 is the most at which speakers are taken to understand.
MOST_DISTANCE = 25

#: In the distances of CLDR, 10 is from a language to the larger one that it is part of.
DISTANCE_OF_A_MEMBER = 10

#: The territories where Spanish is spoken as in Argentina: they get es_AR. The rest of the Americas
#: gets es_MX, which has more speakers: for CLDR, both codes are equally near.
AS_IN_ARGENTINA = frozenset({"AR", "PY", "UY"})

#: The territories outside the Americas for which CLDR has Spanish of their own: they get es_ES.
AS_IN_SPAIN = frozenset({"EA", "ES", "GQ", "IC", "PH"})

WORLD = "001"

HEADER = '''"""Which documented code is nearest to which language tag.

`make locales` wrote this file from CLDR by langcodes {version}. Don't edit it.
"""
'''

ABOUT = {
    "ALIASES": "Other names of a language or of a whole tag, each with the name that NEAREST has.",
    "TERRITORY_ALIASES": "Other names of a territory, each with the name that NEAREST has.",
    "SCRIPTS": "Each script, and the languages that are near to a code when written in it.",
    "NEAREST": "Each code, and the tags to which it is nearest; to those behind `none` no code is.",
}


@cache
def registered(kind: str) -> list[str]:
    """The subtags of one kind in the registry of IANA, except for private use."""
    registry = files("langcodes") / "data" / "language-subtag-registry.txt"
    subtags = []
    for record in registry.read_text("utf-8").split("%%"):
        fields = dict(line.split(": ", 1) for line in record.splitlines() if ": " in line)
        if fields.get("Type") == kind and fields["Description"] != "Private use":
            subtags.append(fields["Subtag"])
    return subtags


def join(*subtags: str) -> str:
    return "-".join(filter(None, subtags))


@cache
def own_codes(language: str) -> tuple[str, ...]:
    """The documented codes of a language."""
    return tuple(code for code in DOCUMENTED_CODES if code.partition("_")[0] == language)


def closest(tag: str, codes: Iterable[str]) -> str | None:
    """The first of the nearest codes, by CLDR alone.

    langcodes has a function for it, but that drops a script before it looks at the territory.
    """
    near: str | None = None
    distance = MOST_DISTANCE + 1
    for code in codes:
        if (to_code := tag_distance(tag, code)) < distance:
            near, distance = code, to_code
    return near


def nearest_by_rule(tag: str, codes: Iterable[str] = DOCUMENTED_CODES) -> str | None:
    """The code that the table gives for a tag: the nearest by CLDR, except for these rules.

    A code of the tag's own language comes before codes of other languages, however near they are.
    The territory decides which Spanish it is. A territory alone stands for its likeliest language.
    """
    if tag[:4] == "und-":
        tag = str(Language.get(tag).maximize())
    exact = str(standardize_tag(tag, macro=True)).replace("-", "_")
    if exact in DOCUMENTED_CODES:
        return exact
    found = Language.get(tag).prefer_macrolanguage()
    own = closest(tag, own_codes(str(found.language)))
    if own and found.language == "es":
        return spanish(found.territory)
    return own or closest(tag, codes)


def spanish(territory: str | None) -> str:
    if territory in AMERICAS:
        return "es_AR" if territory in AS_IN_ARGENTINA else "es_MX"
    return "es_ES" if territory in AS_IN_SPAIN else "es"


@cache
def scripts() -> list[str]:
    """The scripts in which some tag is near to a documented code."""
    of_codes = {Language.get(code).maximize().script for code in DOCUMENTED_CODES}
    near = {key.partition("_")[2] for key in LANGUAGE_DISTANCES if "_" in key} - {"*"}
    return sorted(of_codes | near)


@cache
def territories() -> list[str]:
    """The territories that decide for some language; each other is like the world (001)."""
    with_code = {code.partition("_")[2] for code in DOCUMENTED_CODES}
    likely = {tag.rpartition("-")[2] for tag in LIKELY_SUBTAGS if not tag.startswith("und")}
    places = with_code | likely | AMERICAS | US | AS_IN_SPAIN
    return sorted(place for place in places if len(place) < 4 and place == place.upper() > "")


def countries() -> list[str]:
    """All countries by their present names."""
    known = {*registered("region"), *(tag.removeprefix("und-") for tag in LIKELY_SUBTAGS)}
    countries = {name for name in known if len(name) == 2 and name.isupper()}
    return sorted(countries - {name.upper() for name in TERRITORY_REPLACEMENTS})


@cache
def aliases() -> dict[str, str]:
    """Each other name of a language, and the language that it stands for, if a code is near.

    CLDR has sr-Latn and the like for some, but the language alone leads to the same code.
    """
    found = {"en-gb-oed": "en-gb"}
    for name in LANGUAGE_REPLACEMENTS | NORMALIZED_MACROLANGUAGES:
        stands_for = Language.get(standardize_tag(name, macro=True))
        by_parts = name.startswith(("en-", "und-", "sgn-")) or ("-" in name and stands_for.script)
        if not by_parts:
            found[name] = str(stands_for.language)
    found |= members()
    shapeless = dict.fromkeys(EXCEPTIONS, "und")
    found = {name: found.get(language, language) for name, language in found.items()}
    return shapeless | {name: tag for name, tag in found.items() if nearest_by_rule(tag)}


def members() -> dict[str, str]:
    """Each language that is part of a larger one, and is written as that is, as far as CLDR knows.

    Without this, Gulf Arabic had no code, and Hakka in Taiwan that of the mainland.
    """
    return {
        language: larger
        for language, distances in LANGUAGE_DISTANCES.items()
        for larger, distance in distances.items()
        if distance == DISTANCE_OF_A_MEMBER and own_codes(larger) and not own_codes(language)
        if language not in LIKELY_SUBTAGS
        or Language.get(language).maximize().script == Language.get(larger).maximize().script
    }


def languages() -> list[str]:
    """The languages to which CLDR may know a documented code near."""
    known = {code.partition("_")[0] for code in DOCUMENTED_CODES}
    known |= {name for name, near in LANGUAGE_DISTANCES.items() if any(map(own_codes, near))}
    return sorted(known - aliases().keys())


def rows(language: str) -> tuple[list[str], dict[str, str | None]]:
    """The scripts in which a language is near to a code, and its rows of NEAREST.

    Only rows that the look-up in verify_code.locales doesn't find without them are made.
    """
    written = [script for script in scripts() if nearest_by_rule(join(language, script))]
    near = (
        code
        for code in DOCUMENTED_CODES
        for script in ("", *written)
        if closest(join(language, script), [code])
    )
    codes = tuple(dict.fromkeys(near))

    def by_place(script: str) -> dict[str, str | None]:
        places = ("", WORLD, *territories())
        return {place: nearest_by_rule(join(language, script, place), codes) for place in places}

    usual = by_place("")
    found = rows_of(language, usual) if written or any(usual.values()) else {}
    for script in written:
        wanted = by_place(script)
        if wanted != usual:
            found |= rows_of(join(language, script), wanted)
    return written, found


def rows_of(tag: str, by_place: Mapping[str, str | None]) -> dict[str, str | None]:
    """The rows of one language in one script: alone, in the world, and where it is unlike that."""
    found = {tag: by_place[""]}
    if by_place[WORLD] != by_place[""]:
        found[join(tag, WORLD)] = by_place[WORLD]
    unlike = {place: code for place, code in by_place.items() if code != by_place[WORLD] and place}
    return found | {join(tag, place): code for place, code in unlike.items()}


@cache
def source() -> str:
    """The text of the table."""
    nearest: dict[str, str | None] = {}
    written: dict[str, list[str]] = {}
    for language in languages():
        in_scripts, found = rows(language)
        nearest |= found
        for script in in_scripts:
            written.setdefault(script.lower(), []).append(language)
    needed = {tag.rpartition("-")[2] for tag in nearest}
    places = {
        name: place
        for name, place in TERRITORY_REPLACEMENTS.items()
        if place in needed and (len(name) == 2 or name.isdigit())
    }
    alone = {f"und-{country}": nearest_by_rule(f"und-{country}") for country in countries()}
    groups: dict[str, list[str]] = {}
    nearest |= {tag: code for tag, code in alone.items() if code}
    for tag, code in sorted(nearest.items()):
        groups.setdefault(code or "none", []).append(tag)
    parts = {
        "ALIASES": pairs(aliases()),
        "TERRITORY_ALIASES": pairs(places),
        "SCRIPTS": lines_of(written),
        "NEAREST": lines_of(groups),
    }
    text = HEADER.format(version=version("langcodes"))
    for name, lines in parts.items():
        text += f'\n#: {ABOUT[name]}\n{name} = """\n{lines}\n"""\n'
    return text


def pairs(values: Mapping[str, str]) -> str:
    return wrapped(" ".join(f"{name}:{value}" for name, value in sorted(values.items())).lower())


def lines_of(groups: Mapping[str, list[str]]) -> str:
    """A line for each group, or several that begin alike."""
    return "\n".join(
        f"{name}: {line.lower()}"
        for name, members in sorted(groups.items())
        for line in wrapped(" ".join(members), 98 - len(name)).splitlines()
    )


def wrapped(text: str, width: int = 100) -> str:
    return "\n".join(textwrap.wrap(text, width, break_on_hyphens=False))


if __name__ == "__main__":
    TABLE.write_text(source(), "utf-8")
