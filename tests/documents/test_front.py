"""What one reads first: README.md, the quick starts, CONTRIBUTING.md and SECURITY.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.page import measured
from tests.support.hostile import ROOT

README = "README.md"
QUICK_STARTS = ("docs/quickstart.zh-CN.md", "docs/quickstart.id.md")
PAGES = (README, "CONTRIBUTING.md", "SECURITY.md", "tests/README.md", *QUICK_STARTS)

#: Names of files are given from here, or from the page's own folder.
FOLDERS = (ROOT, ROOT / "function/verify_code")


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def blocks(page: str, language: str) -> list[str]:
    """The lines of the blocks in this language, without comments and what is left out."""
    found = re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL)
    lines = (line.partition(" #")[0].rstrip() for block in found for line in block.splitlines())
    return [line for line in lines if line.strip() not in ("", "…")]


def prose(page: str) -> str:
    return re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def quoted(page: str) -> list[str]:
    """What stands in code quotes."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def commands(page: str) -> str:
    return "\n".join([*quoted(page), *blocks(page, "sh")])


def links(page: str) -> set[tuple[Path, str]]:
    """The file and the heading that each link names."""
    targets = re.findall(r"\]\((?!https:)([^)#]*)#?([^)]*)\)", text_of(page))
    folder = (ROOT / page).parent
    return {((folder / file).resolve(), anchor) for file, anchor in targets}


def headings(file: Path) -> set[str]:
    found = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in found}


@pytest.mark.parametrize(
    ("page", "lines", "words"),
    [
        (README, 130, 1110),
        ("CONTRIBUTING.md", 80, 450),
        ("SECURITY.md", 45, 250),
        ("tests/README.md", 40, 350),
        ("docs/quickstart.zh-CN.md", 50, 250),
        ("docs/quickstart.id.md", 51, 260),
    ],
)
def test_pages_are_short(page: str, lines: int, words: int) -> None:
    """No page is longer than who comes for the first time reads."""
    text = text_of(page)
    assert len(text.splitlines()) <= lines
    assert len(text.split()) <= words
    assert len(re.findall(r"[\u4e00-\u9fff]", text)) <= 600


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Each link names a file, or a folder, and a heading that are there."""
    for file, anchor in links(page):
        assert file.exists(), file
        assert not anchor or anchor in headings(file), (file, anchor)


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_there(page: str) -> None:
    """Each target of make that a page names exists, and so do the bench and the event."""
    targets = set(re.findall(r"^([a-z][\w-]*):", text_of("Makefile"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z][\w-]*)", commands(page))) - targets == set()
    for variable, folder in (("BENCH", "bench"), ("EVENT", "events")):
        for name in re.findall(rf"{variable}=(\w+)", commands(page)):
            assert list((ROOT / "tests" / folder).glob(f"{name}.*")), name


@pytest.mark.parametrize("page", PAGES)
def test_files_are_there(page: str) -> None:
    """Each file and folder that a page names exists."""
    is_name = r"[\w.-]+(/[\w.-]+)*(/|\.(py|md|yml|toml|js|json))|\.ci/run"
    names = [name for name in quoted(page) if re.fullmatch(is_name, name)]
    folders = (*FOLDERS, (ROOT / page).parent)
    assert [name for name in names if not any((each / name).exists() for each in folders)] == []


def test_contributing_names_what_is_there() -> None:
    """The names of the code in CONTRIBUTING.md are names of the code."""
    names = {name for name in quoted("CONTRIBUTING.md") if re.fullmatch(r"_?[A-Z]\w+", name)}
    folders = ("function", "tests/support", "deploy*")
    sources = [path for each in folders for path in [*ROOT.glob(each)]]
    files = [
        file for path in sources for file in ([path] if path.is_file() else path.rglob("*.py"))
    ]
    code = "\n".join(file.read_text() for file in files)
    assert len(names) > 5
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set()


def test_the_tests_page_has_each_folder() -> None:
    """tests/README.md has a row for each folder of the tests."""
    rows = re.findall(r"^\| `(\w+)/` ", text_of("tests/README.md"), re.MULTILINE)
    listed = ["git", "ls-files", "tests"]
    files = subprocess.check_output(listed, cwd=ROOT, text=True).splitlines()
    assert sorted(rows) == sorted({Path(file).parts[1] for file in files if file.count("/") > 1})


def test_the_readme_shows_what_make_run_prints() -> None:
    """Each line of the excerpt is one that the sandbox prints, but for the code."""
    command = [sys.executable, "-m", "tests.sandbox", "run"]
    printed = subprocess.check_output(command, text=True, cwd=ROOT)
    shown, there = (
        re.sub(r"\d{3}-\d{3}", "", text).splitlines()
        for text in ("\n".join(blocks(README, "text")), printed)
    )
    assert [line for line in shown if line not in there] == []
    assert len(shown) > 3


def test_the_readmes_figures_are_those_of_the_bench() -> None:
    """Each figure beside a bench's command is in a table of the linked page, or is a sum."""
    rows = re.findall(
        r"`make bench BENCH=\w+`: (.*)\((docs/.*?)\)(.*) \|$", prose(README), re.MULTILINE
    )
    assert len(rows) == prose(README).count("`make bench BENCH=")
    for before, page, after in rows:
        tables = [each["lines"] for each in measured().values() if f"docs/{each['page']}" == page]
        found = {figure for table in tables for figure in figures(table)}
        for figure, percent in re.findall(r"([\d,.]*\d)( %)?", before + after):
            number = float(figure.replace(",", "")) / (100 if percent else 1)
            assert number in found, (page, figure)


def figures(table: list[str]) -> set[float]:
    """The numbers in the cells of a table, and the sum of each column that has only numbers."""
    _, *rows = (line.replace("*", "").replace(",", "").split(" | ") for line in table)
    found = {float(each) for row in rows for each in re.findall(r"\d+(?:\.\d+)?", " ".join(row))}
    for cells in zip(*rows, strict=True):
        if all(re.fullmatch(r"[\d.]+", cell) for cell in cells):
            found.add(sum(map(float, cells)))
    return found


@pytest.mark.parametrize("page", QUICK_STARTS)
def test_quick_starts_are_the_readmes(page: str) -> None:
    """The commands are the README's, and no name, line, link or figure is another than there."""
    assert blocks(page, "sh") == blocks(README, "sh")
    for language in ("text", "json"):
        assert set(blocks(page, language)) <= set(blocks(README, language))
    assert set(quoted(page)) <= set(quoted(README))
    own = {((ROOT / each).resolve(), "") for each in (README, *QUICK_STARTS)}
    assert links(page) <= links(README) | own
    assert {name for name in quoted(page) if name.startswith("make ")} == {
        name for name in quoted(README) if re.match(r"make (run|serve|event|help)", name)
    }
    spoken = re.sub(r"\]\(.*?\)", "]", prose(page))
    number = r"\d+(?:\.\d+)*"
    assert set(re.findall(number, spoken)) <= set(re.findall(number, prose(README)))
