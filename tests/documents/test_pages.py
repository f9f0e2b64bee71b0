"""What the pages in docs/ say: their commands run, their lists are whole."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploying.monitoring import source
from deploying.values import FIGURES
from tests.deployment import rendering
from tests.deployment.checks import granted, to_grant
from tests.deployment.rendering import ACCOUNT, ROOT
from tests.support import log_service

DEPLOYING = (ROOT / "docs/deploying.md").read_text()
LIVE_RUN = (ROOT / "docs/live_run.md").read_text()
OPERATING = (ROOT / "docs/operating.md").read_text()


def block(page: str, name: str) -> str:
    """The commands that stand behind the mark."""
    found = re.search(rf"<!-- tested: {name} -->\n```\w+\n(.*?)```", page, re.DOTALL)
    assert found, name
    return found[1]


def run(commands: str, directory: Path) -> str:
    return subprocess.check_output(["sh", "-euc", commands], cwd=directory, text=True)


def index() -> dict[str, Any]:
    """The keys of the stack's index."""
    resource = rendering.template()["Resources"]["LogIndex"]
    return {key["Name"]: key for key in resource["Properties"]["KeyIndices"]}


def logged() -> Iterator[tuple[str, set[str]]]:
    """The event and the fields of each line of the log, read out of the function's source."""
    for path in (ROOT / "function").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id="write") | ast.Attribute(attr="write"),
                    args=[_, ast.Constant(value=str(event))],
                ):
                    yield event, {keyword.arg for keyword in node.keywords if keyword.arg}


def test_no_command_asks_for_a_strangers_number(tmp_path: Path) -> None:
    """The pages name no number: their commands take TEST_NUMBERS, and without any ask for none."""
    assert not re.search(r"\+\d[\d ]{6}", DEPLOYING + LIVE_RUN)
    tools = 'curl() { printf "%s\\n" "$@" | tail -1; }; make() { :; }'
    commands = block(DEPLOYING, "ask") + block(LIVE_RUN, "forge")
    for numbers, asked in (("+6581234567,+6587654321", "+6581234567"), ("", "")):
        (tmp_path / ".env").write_text(f"TEST_NUMBERS='{numbers}'\n")
        printed = run(f"{tools}\n{commands}", tmp_path).splitlines()
        assert [json.loads(line) for line in printed] == [{"phone_number": asked}] * 2


def test_the_page_has_the_figures() -> None:
    """docs/deploying.md says what `make deploy` and template.yml give each choice of a store."""
    rows = re.findall(
        r"^\| `(\S+)://\S*`.*? \| HTTP (\d), events (\d) \| (\d) (\w+)", DEPLOYING, re.MULTILINE
    )
    for (store, *instances, first, word), figures in zip(rows, ("store", "memory"), strict=True):
        chosen = FIGURES[figures]
        assert (store == "memory") == (figures == "memory")
        assert instances == [chosen["HTTP_INSTANCES"], chosen["EVENT_INSTANCES"]]
        assert first == chosen["HTTP_CALLS_PER_SECOND"]
        assert word == ("and" if figures == "memory" else "together")


def test_the_role_for_s_yaml_is_the_stacks() -> None:
    """docs/role_policy.json grants what template.yml grants for `send`, and nothing else."""
    policy = json.loads((ROOT / "docs/role_policy.json").read_text().replace("ACCOUNT", ACCOUNT))
    assert granted(policy) == to_grant("send")
    role = rendering.rendered_template(rendering.template())["Role"]
    assert [each["PolicyDocument"] for each in role["Properties"]["Policies"]] == [policy]


def test_the_index_for_s_yaml_is_the_stacks() -> None:
    """docs/log_index.json has the fields of template.yml's index."""
    in_page = json.loads((ROOT / "docs/log_index.json").read_text())
    for ours, theirs in (
        (in_page, index().values()),
        (in_page["message"]["json_keys"], index()["message"]["JsonKeyIndices"]),
    ):
        types = {name: key["type"] for name, key in ours.items()}
        assert types == {key["Name"]: key["Type"] for key in theirs}


def test_the_index_and_the_page_have_all_of_the_log() -> None:
    """Each field but a start's can be searched, a query names no other, each event is explained."""
    fields = {key["Name"] for key in index()["message"]["JsonKeyIndices"]}
    written = {name for event, names in logged() if event != "start" for name in names}
    assert fields == written | {"level", "event"}
    assert set(re.findall(r"message\.(\w+)", OPERATING)) <= fields
    section = OPERATING[OPERATING.index("## The log") :]
    assert {event for event, _ in logged() if f"`{event}`" not in section} == set()


def queries() -> list[str]:
    """Each query of the log: the alarms', the charts', and those of the page."""
    content = source()
    of_page = re.findall(r"^message\..*$", OPERATING, re.MULTILINE)
    assert len(of_page) == 3
    return [each["query"] for each in (*content["alarms"], *content["charts"])] + of_page


def test_queries_of_codes_count_codes() -> None:
    """A query that counts codes, or asks how they waited, leaves out replays and test numbers."""
    of_codes = [query for query in queries() if re.search(r"AS (codes|calls|p50|refused)\b", query)]
    of_codes = [query for query in of_codes if "QuotaExhausted" not in query]
    assert len(of_codes) == 8
    assert all("message.attempts > 0" in query for query in of_codes)


def test_queries_tell_the_operations_apart() -> None:
    """A query that counts requests counts those of one operation, or of each by itself."""
    knows = r"GROUP BY .*\boperation\b|AS operation|message\.operation: |message\.sent: (yes|no)"
    mixed = [query.partition(" | ")[0] for query in queries() if not re.search(knows, query)]
    assert mixed == [
        "message.code: Misconfigured OR message.event: misconfigured",
        "message.event: eviction",
        "message.event: bug",
        "message.event: invocation AND message.attempts > 0",  # how long calls wait, twice
        "message.event: invocation AND message.attempts > 0",
        'message.invocation_id: "1-67ae…"',
        "message.level: ERROR",
    ]


def test_the_queries_of_the_page_run() -> None:
    """They find what they say in a line of the log."""
    line = {"event": "invocation", "level": "ERROR", "country": "SG", "phone_number": "+65******67"}
    line |= {"invocation_id": "1-67ae…", "code": "Misconfigured", "operation": "send"}
    by_id, of_number, errors = queries()[-3:]
    assert log_service.matches(by_id, line)
    (row,) = log_service.run(of_number, [(7, line)])
    assert (row["moment"], row["id"]) == (7, "1-67ae…")
    (row,) = log_service.run(errors, [(7, line)])
    assert (row["code"], row["lines"]) == ("Misconfigured", 1)


def test_the_page_has_each_alarm() -> None:
    """docs/operating.md says of each alarm what it means, in its mail's words, and what to do."""
    section = OPERATING[OPERATING.index("## When an alarm fires") :].partition("\n## ")[0]
    rows = re.findall(r"^\| ([A-Z].*?) \| (.*?) \| (.{20,}?) \|$", section, re.MULTILINE)
    content = source()
    wanted = [(each["title"], each["meaning"]) for each in content["alarms"]]
    wanted += [(each["title"], each["meaning"]) for each in content["metric_rules"]]
    assert [(title, meaning) for title, meaning, _ in rows] == wanted


def test_the_page_has_the_figures_of_the_alarms() -> None:
    """The figures that a meaning names are those of its alarm's window and condition."""
    for alarm in source()["alarms"]:
        figures = set(re.findall(r"\b\d+\b", alarm["condition"])) - {"0"}
        told = set(re.findall(r"\b\d+\b", alarm["meaning"])) - {"10"}
        window = {"within an hour": "60", "in 5 minutes": "5", "in 15 minutes": "15"}
        minutes = {value for words, value in window.items() if words in alarm["meaning"]}
        if minutes:
            assert minutes == {str(alarm["minutes"])}
            assert figures - {"10"} <= told, alarm["name"]


def test_links_lead_somewhere() -> None:
    """Each link in README.md and the pages names a file, and a heading, that are there."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text())
        for target, anchor in links:
            path = page.parent / target if target else page
            assert path.exists(), (page.name, target)
            if anchor:
                assert anchor in anchors(path.read_text()), (page.name, target, anchor)


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
