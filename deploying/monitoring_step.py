"""The step that makes, changes and removes the dashboard and the alarms with `aliyun`."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any

from deploying.monitoring import (
    Place,
    alert,
    charts,
    contact,
    dimensions,
    metric_rule,
    records,
    source,
)
from deploying.names import NAME
from deploying.tools import NOT_THERE, Command, StepFailed, aliyun

#: Users and action policies belong to the account, not to a project; this region has them.
RECORDS_REGION = "cn-shanghai"


class Put(Enum):
    """What became of a thing that must be there, as it is told."""

    MADE = "made"
    CHANGED = "changed"
    THERE_ALREADY = "there already"


class Monitoring:
    """The dashboard and the alarms of one deployment. What is there as it should be stays."""

    def __init__(self, place: Place, functions: tuple[str, ...], email: str) -> None:
        self.place, self.functions, self.email = place, functions, email

    def put(self) -> str:
        """The dashboard, and the alarms if there is an address for them; else none of them."""
        told = f"dashboard {self._put_dashboard().value}"
        there = self._alerts()
        if not self.email:
            gone = ", and those that were there are removed" if there else ""
            if there:
                self._remove(there)
            return f"{told}; no alarms, since ALARM_EMAIL is empty{gone}"
        done = [_put_record(name, value) for name, value in records(self.email).items()]
        wanted = [alert(each, self.place) for each in source()["alarms"]]
        done += [self._put_alert(each, there.pop(each["name"], None)) for each in wanted]
        self._delete_alerts(there)  # those that the file has no more
        self._put_contact()
        rules = [self._put_rule(each) for each in source()["metric_rules"]]
        changed = len(done) - done.count(Put.THERE_ALREADY) + len(there)
        more = f", {changed} new or changed" if changed else ""
        return f"{told}; alarms for {self.email}: {len(wanted)} log, {sum(rules)} metric{more}"

    def remove(self) -> str:
        """All but the dashboard, which goes with the project."""
        there = self._alerts()
        if not there and not self.email:
            return "was not there"
        self._remove(there)
        return "removed"

    def _put_dashboard(self) -> Put:
        wanted = {"charts": charts(self.place)}
        of_dashboard = ("--dashboard-name", NAME)
        about = ("--display-name", NAME, "--description", "Made from docs/monitoring.json")
        content = ("--charts", _json(wanted["charts"]), "--attribute", "type=grid")
        return _put(
            aliyun(*self._sls("get-dashboard", *of_dashboard)),
            wanted,
            self._sls("create-dashboard", *of_dashboard, *about, *content),
            self._sls("update-dashboard", *of_dashboard, *about, *content),
        )

    def _alerts(self) -> dict[str, dict[str, Any]]:
        """The log alarms that are there, by their names; other rules of the project aren't ours."""
        found = aliyun(*self._sls("list-alerts", "--offset", "0", "--size", "200")) or {}
        ours = [each for each in found.get("results", []) if each["name"].startswith(f"{NAME}-")]
        return {each["name"]: each for each in ours}

    def _put_alert(self, wanted: dict[str, Any], found: dict[str, Any] | None) -> Put:
        # A stack's rule has no such field; without it an alert would be evaluated and not sent on.
        enabled = {**wanted["configuration"], "sinkAlerthub": {"enabled": True}}
        content = (
            *("--display-name", wanted["displayName"], "--description", wanted["description"]),
            *("--schedule", _json(wanted["schedule"]), "--configuration", _json(enabled)),
        )
        return _put(
            found,
            {**wanted, "configuration": enabled},
            self._sls("create-alert", "--name", wanted["name"], *content),
            self._sls("update-alert", "--alert-name", wanted["name"], *content),
        )

    def _put_contact(self) -> None:
        """The contact is left alone while its address is the same: each change sends a link."""
        person, group = contact(self.email)
        found = _cms("DescribeContactList", "--ContactName", NAME)
        mails = [
            each.get("Channels", {}).get("Mail")
            for each in (found or {}).get("Contacts", {}).get("Contact", [])
            if each.get("Name") == NAME
        ]
        if self.email not in mails:
            _cms("PutContact", *_flat(person))
        try:
            _cms("PutContactGroup", *_flat(group))
        except StepFailed as failed:
            raise StepFailed(
                f"{failed}\nIf {self.email} has got a link from Cloud Monitor, open it first."
            ) from None

    def _put_rule(self, rule: dict[str, Any]) -> bool:
        """Putting a rule again changes nothing. False where it is of no function deployed."""
        of = dimensions(rule, self.place)
        resources = [each for name, each in of.items() if name in (*self.functions, *_queue(rule))]
        if not resources:
            return False
        wanted = metric_rule(rule, self.place)
        group = wanted.pop("ContactGroups")[0]
        given = (*_flat(wanted), "--ContactGroups", group, "--Resources", _json(resources))
        _cms("PutResourceMetricRule", "--region", self.place.region, *given)
        return True

    def _remove(self, alerts: dict[str, Any]) -> None:
        rules = [f"{NAME}-{each['name']}" for each in source()["metric_rules"]]
        ids = [word for at, rule in enumerate(rules, 1) for word in (f"--Id.{at}", rule)]
        _cms("DeleteMetricRules", "--region", self.place.region, *ids)
        _cms("DeleteContactGroup", "--ContactGroupName", NAME)
        _cms("DeleteContact", "--ContactName", NAME)
        for name in reversed(records("")):
            of_record = ("--resource-name", name, "--ids", NAME)
            aliyun(*_record("delete-resource-record", *of_record))
        self._delete_alerts(alerts)  # last, since by them it is known that there is more

    def _delete_alerts(self, alerts: dict[str, Any]) -> None:
        for name in alerts:
            aliyun(*self._sls("delete-alert", "--alert-name", name))

    def _sls(self, action: str, *words: str) -> Command:
        where = ("--region", self.place.region, "--project", self.place.project)
        return ("sls", action, *where, *words)


def put_recipient(email: str) -> str:
    """The user and the action policy of Simple Log Service, by which its alarms are sent."""
    told = [f"{name} {_put_record(name, value).value}" for name, value in records(email).items()]
    return ", ".join(told)


def _put_record(name: str, value: dict[str, Any]) -> Put:
    of_records, of_record = ("--resource-name", name), ("--record-id", NAME)
    content = ("--id", NAME, "--tag", NAME, "--value", _json(value))
    found = aliyun(*_record("get-resource-record", *of_records, *of_record))
    found = (found or {}).get("record", found)
    return _put(
        found and json.loads(found.get("value", "{}")),
        value,
        _record("create-resource-record", *of_records, *content),
        _record("update-resource-record", *of_records, *of_record, *content),
    )


def _put(found: Any, wanted: Any, create: Command, update: Command) -> Put:
    if found is None:
        aliyun(*create)
        return Put.MADE
    if _has(found, wanted):
        return Put.THERE_ALREADY
    aliyun(*update)
    return Put.CHANGED


def _record(action: str, *words: str) -> Command:
    return ("sls", action, "--region", RECORDS_REGION, *words)


def _cms(action: str, *words: str) -> dict[str, Any] | None:
    """What Cloud Monitor answers. It also tells a failure in an answer that looks well."""
    answer = aliyun("cms", action, *words)
    if answer is None or str(answer.get("Success", "true")).lower() == "true":
        return answer
    if re.search(NOT_THERE, _json(answer)):
        return None
    raise StepFailed(f"aliyun cms {action} failed: {_json(answer)}")


def _flat(content: dict[str, Any], prefix: str = "--") -> Command:
    """Fields as the CLI takes them: nested ones with dots, lists with numbers."""
    words: list[str] = []
    for name, value in content.items():
        if isinstance(value, dict):
            words += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            words += _flat({str(at): each for at, each in enumerate(value, 1)}, f"{prefix}{name}.")
        else:
            words += [f"{prefix}{name}", str(value)]
    return tuple(words)


def _queue(rule: dict[str, Any]) -> list[str]:
    return [rule["queue"]] if "queue" in rule else []


def _has(found: Any, wanted: Any) -> bool:
    """Is all that is wanted there? The service may add fields of its own."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            _has(found.get(key), each) for key, each in wanted.items()
        )
    if isinstance(wanted, list):
        same = isinstance(found, list) and len(found) == len(wanted)
        return same and all(map(_has, found, wanted))
    return bool(found == wanted)


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False)
