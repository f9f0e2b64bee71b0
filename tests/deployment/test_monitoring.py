"""The dashboard and the alarms: a stack has what `make deploy` asks of the APIs, from one file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import deploy
from deploying.monitoring import (
    SEVERITIES,
    Place,
    alert,
    charts,
    contact,
    dimensions,
    metric_rule,
    source,
)
from deploying.monitoring_step import Monitoring
from deploying.names import NAME
from deploying.tools import StepFailed, tried
from tests.deployment import rendering
from tests.deployment.checks import check_template
from tests.deployment.rendering import ACCOUNT, ROOT
from tests.support import monitoring

EMAIL = "on-call@example.com"
PROJECT = f"{NAME}-{ACCOUNT}"
PLACE = Place(ACCOUNT, "ap-southeast-1", PROJECT, "function-log")
SCHEMA = json.loads((ROOT / "tests/data/monitoring_schema.json").read_text())
ALARMS, RULES = source()["alarms"], source()["metric_rules"]


def validate(content: Any, name: str) -> None:
    jsonschema.validate(content, {"$ref": f"#/definitions/{name}", **SCHEMA})


def stack(**parameters: Any) -> dict[str, Any]:
    given = {"AlarmEmail": EMAIL, **parameters}
    return rendering.rendered_template(rendering.template(), **given)


def of_kind(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in resources.values() if each["Type"] == kind]


# --- the one source ----------------------------------------------------------------------------


def test_the_template_is_made_from_the_file() -> None:
    """template.yml has what `make monitoring` writes."""
    text = (ROOT / "template.yml").read_text()
    assert monitoring.written(text) == text


def test_a_change_of_the_file_is_found() -> None:
    """A part that was edited by hand is written over."""
    text = (ROOT / "template.yml").read_text()
    assert monitoring.written(text.replace("Interval: 5m", "Interval: 9m")) == text


def test_the_texts_fit() -> None:
    """Names and texts have the lengths that the API and ROS take, and each alarm says something."""
    for each in ALARMS:
        made = alert(each, PLACE)
        assert re.fullmatch(r"[0-9a-z][0-9a-z_-]{2,62}[0-9a-z]", made["name"])
        assert 4 <= len(made["displayName"].encode()) <= 64
        assert 30 < len(made["description"].encode()) <= 256
        assert each["severity"] in SEVERITIES
        title, text = (one["value"] for one in made["configuration"]["annotations"])
        assert title == made["displayName"]
        compared = set(re.findall(r"[a-z_]+", each["condition"]))
        assert compared
        assert compared <= set(re.findall(r"\$\{(\w+)\}", text))
    titles = [each["title"] for each in (*ALARMS, *RULES)]
    assert len(titles) == len(set(titles))


# --- what the tools and the APIs take ----------------------------------------------------------


def test_the_stack_takes_it() -> None:
    """With an address, and with each choice of functions, it is what ROS takes."""
    for functions in ("both", "http", "events", "stopped"):
        check_template(rendering.template(), AlarmEmail=EMAIL, Functions=functions)


def test_the_apis_take_it() -> None:
    """Each request has the fields that its API requires, and no other."""
    for each in ALARMS:
        validate(alert(each, PLACE), "Alert")
    for chart in charts(PLACE):
        validate(chart, "Chart")
    for rule in RULES:
        resources = {"Resources": json.dumps(list(dimensions(rule, PLACE).values()))}
        request = {**metric_rule(rule, PLACE), **resources, "ContactGroups": NAME}
        as_sent = {**request, "Period": "60", "Interval": "60"}
        validate(as_sent, "PutResourceMetricRule")
    person, group = contact(EMAIL)
    validate(person, "PutContact")
    validate(group, "PutContactGroup")


def test_a_dashboard_has_room() -> None:
    """No chart lies over another or beyond the grid, and each has a name of its own."""
    made = charts(PLACE)
    places = [
        (x, y)
        for chart in made
        for x in range(chart["display"]["xPos"], chart["display"]["xPos"] + 12)
        for y in range(chart["display"]["yPos"], chart["display"]["yPos"] + 8)
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    assert len({chart["title"] for chart in made}) == len(made)


# --- both are the same -------------------------------------------------------------------------


def test_both_make_the_same_dashboard() -> None:
    """The stack's charts are those that `make deploy` sends."""
    (dashboard,) = of_kind(stack(), "ALIYUN::SLS::Dashboard")
    assert dashboard["Charts"] == charts(PLACE)
    assert dashboard["DashboardName"] == NAME


def test_both_make_the_same_log_alarms() -> None:
    """The stack's alert rules are those that `make deploy` sends, but for the spelling."""
    made = of_kind(stack(), "ALIYUN::SLS::Alert")
    wanted = [monitoring.capital(alert(each, PLACE)) for each in ALARMS]
    assert [each["Detail"] for each in made] == [{"Type": "Alert", **each} for each in wanted]
    assert {each["Project"] for each in made} == {PROJECT}


def test_both_make_the_same_metric_rules() -> None:
    """The stack's rules are those that `make deploy` sends; ROS has another word for a value."""
    made = of_kind(stack(), "ALIYUN::CMS::ResourceMetricRule")
    for properties, rule in zip(made, RULES, strict=True):
        wanted: dict[str, Any] = metric_rule(rule, PLACE)
        (condition,) = wanted["Escalations"].values()
        condition["Statistics"] = {"Value": "Average"}.get(rule["statistics"], rule["statistics"])
        assert properties.pop("Resources") == list(dimensions(rule, PLACE).values())
        assert properties == wanted
    person, group = contact(EMAIL)
    assert of_kind(stack(), "ALIYUN::CMS::Contact") == [person]
    assert of_kind(stack(), "ALIYUN::CMS::ContactGroup") == [group]


def test_without_an_address_there_is_the_dashboard_alone() -> None:
    """None of the alarms' resources is made."""
    kinds = {each["Type"] for each in stack(AlarmEmail="").values()}
    assert "ALIYUN::SLS::Dashboard" in kinds
    assert not [kind for kind in kinds if "CMS" in kind or "Alert" in kind]


@pytest.mark.parametrize(
    ("chosen", "rules"),
    [
        ("http", ["throttles", "function-errors", "lost-dead-letters", "dead-letters"]),
        ("events", ["lost-dead-letters", "dead-letters"]),
    ],
)
def test_a_rule_is_of_a_function_that_is_there(chosen: str, rules: list[str]) -> None:
    """A stack with one function has no rule for the other."""
    made = of_kind(stack(Functions=chosen), "ALIYUN::CMS::ResourceMetricRule")
    assert [each["RuleId"].removeprefix(f"{NAME}-") for each in made] == rules
    of = {each.get("functionName") for rule in made for each in rule["Resources"]}
    assert of == {f"{NAME}-{chosen}", None}


# --- what `make deploy` does -------------------------------------------------------------------


class Recorder:
    """What `aliyun` was asked, and what it has made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = folder, 0
        for words in (
            ("plugin", "install", "--names", "sls"),
            ("sls", "create-project", "--project-name", PROJECT),
        ):
            assert tried("aliyun", *words)[1]
        self.changes()

    def made(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "things.json").read_text()))

    def kinds(self) -> set[str]:
        return {name.partition(" ")[0] for name in self.made()} - {"plugin", "Project"}

    def changes(self) -> list[str]:
        """The commands since the last time that change something."""
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        actions = [json.loads(line)[1] for line in lines[self.seen :]]
        self.seen = len(lines)
        looks = ("get-", "list", "Describe")
        return [action for action in actions if not action.startswith(looks)]

    def refuse(self, **codes: str) -> None:
        (self.folder / "fail.json").write_text(json.dumps(codes))


@pytest.fixture
def recorder(things: Path) -> Recorder:
    return Recorder(things)


def step(email: str = EMAIL, functions: tuple[str, ...] = ("http", "events")) -> Monitoring:
    return Monitoring(PLACE, functions, email)


def test_it_is_made_once(recorder: Recorder) -> None:
    """A second run finds all as it should be; only Cloud Monitor's rules are put again."""
    told = step().put()
    assert told.startswith(f"dashboard made; alarms for {EMAIL}: {len(ALARMS)} log, 4 metric")
    made = recorder.made()
    assert sum(name.startswith("Alert ") for name in made) == len(ALARMS)
    assert sum(name.startswith("MetricRule ") for name in made) == len(RULES)
    person = made[f"Contact {NAME}"]
    assert person["Channels.Mail"] == EMAIL
    assert json.loads(made["ResourceRecord sls.common.user"]["value"])["email"] == [EMAIL]
    recorder.changes()
    assert step().put() == (
        f"dashboard there already; alarms for {EMAIL}: {len(ALARMS)} log, 4 metric"
    )
    assert recorder.changes() == ["PutContactGroup", *["PutResourceMetricRule"] * len(RULES)]
    assert recorder.made() == made


def test_what_is_sent_is_what_the_stack_has(recorder: Recorder) -> None:
    """The commands carry the requests that the tests above compare with the stack's."""
    step().put()
    made = recorder.made()
    assert json.loads(made[f"Dashboard {NAME}"]["charts"]) == charts(PLACE)
    for each in ALARMS:
        wanted = alert(each, PLACE)
        sent = made[f"Alert {wanted['name']}"]
        configuration = json.loads(sent["configuration"])
        assert configuration.pop("sinkAlerthub") == {"enabled": True}
        assert configuration == wanted["configuration"]
        assert json.loads(sent["schedule"]) == wanted["schedule"]
    for rule in RULES:
        sent = made[f"MetricRule {NAME}-{rule['name']}"]
        assert json.loads(sent["Resources"]) == list(dimensions(rule, PLACE).values())
        assert sent["ContactGroups"] == NAME
        assert sent[f"Escalations.{rule['level']}.Threshold"] == str(rule["threshold"])
        assert sent[f"Escalations.{rule['level']}.Statistics"] == rule["statistics"]
    assert made[f"ContactGroup {NAME}"]["ContactNames.1"] == NAME


def test_the_notified_user_is_the_one_that_is_made(recorder: Recorder) -> None:
    """Each alert names the action policy, which names the user with the address."""
    step().put()
    made = recorder.made()
    policy = json.loads(made["ResourceRecord sls.alert.action_policy"]["value"])
    user = json.loads(made["ResourceRecord sls.common.user"]["value"])
    assert f'users=["{user["user_id"]}"]' in policy["primary_policy_script"]
    for each in ALARMS:
        notified = alert(each, PLACE)["configuration"]["policyConfiguration"]
        assert notified["actionPolicyId"] == policy["action_policy_id"]


def test_only_what_changed_is_changed(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another threshold changes one alert; an alarm that is taken out of the file is deleted."""
    step().put()
    recorder.changes()
    changed = source()
    changed["alarms"][0]["condition"] = "entries > 3"
    del changed["alarms"][1]
    (tmp_path / "monitoring.json").write_text(json.dumps(changed))
    monkeypatch.setattr("deploying.monitoring.SOURCE", tmp_path / "monitoring.json")
    assert step().put().endswith(", 2 new or changed")
    assert recorder.changes()[:2] == ["update-alert", "delete-alert"]
    assert f"Alert {NAME}-{ALARMS[1]['name']}" not in recorder.made()


def test_another_address_is_told_to_both(recorder: Recorder) -> None:
    """Both services get the new address."""
    step().put()
    step("night@example.com").put()
    made = recorder.made()
    assert made[f"Contact {NAME}"]["Channels.Mail"] == "night@example.com"
    user = json.loads(made["ResourceRecord sls.common.user"]["value"])
    assert user["email"] == ["night@example.com"]


def test_without_an_address_no_alarm_is_made(recorder: Recorder) -> None:
    """There is the dashboard alone, and Cloud Monitor isn't even asked."""
    assert step("").put() == "dashboard made; no alarms, since ALARM_EMAIL is empty"
    assert recorder.kinds() == {"Dashboard"}
    calls = (recorder.folder / "calls.jsonl").read_text()
    assert '"cms"' not in calls


def test_an_address_that_is_taken_out_takes_the_alarms_along(recorder: Recorder) -> None:
    """The dashboard stays."""
    step().put()
    assert step("").put().endswith("those that were there are removed")
    assert recorder.kinds() == {"Dashboard"}


def test_removing_it(recorder: Recorder) -> None:
    """All but the dashboard goes, which goes with the project; a second time nothing is there."""
    step().put()
    assert step().remove() == "removed"
    assert recorder.kinds() == {"Dashboard"}
    assert step().remove() == "removed"
    assert step("").remove() == "was not there"


def test_one_function_alone(recorder: Recorder) -> None:
    """With ONLY=events there is no rule for the HTTP function."""
    step(functions=("events",)).put()
    made = recorder.made()
    assert f"MetricRule {NAME}-throttles" not in made
    lost = json.loads(made[f"MetricRule {NAME}-lost-dead-letters"]["Resources"])
    assert [each["functionName"] for each in lost] == [f"{NAME}-events"]


def test_the_recipient_of_a_stacks_alarms(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make recipient` makes what a stack can't: the user and the action policy, and no more."""
    assert deploy.main(["recipient", EMAIL]) == 0
    assert capsys.readouterr().out == "sls.common.user made, sls.alert.action_policy made\n"
    assert recorder.kinds() == {"ResourceRecord"}
    notified = of_kind(stack(), "ALIYUN::SLS::Alert")[0]["Detail"]["Configuration"]
    policy = json.loads(recorder.made()["ResourceRecord sls.alert.action_policy"]["value"])
    assert notified["PolicyConfiguration"]["ActionPolicyId"] == policy["action_policy_id"]
    assert deploy.main(["recipient", EMAIL]) == 0
    assert recorder.changes() == ["create-resource-record", "create-resource-record"]
    for words in ([], ["a", "b@example.com"], ["nobody"]):
        assert deploy.main(["recipient", *words]) == 1
        told = capsys.readouterr().err
        assert told == "Write one e-mail address: make recipient EMAIL=…\n"


def test_a_link_that_nobody_opened_is_told(recorder: Recorder) -> None:
    """Cloud Monitor may take a contact into a group only after its address was confirmed."""
    recorder.refuse(PutContactGroup="ContactNotActivated")
    with pytest.raises(StepFailed, match=f"If {EMAIL} has got a link from Cloud Monitor"):
        step().put()
    assert "4 metric" in step().put()
