"""What the dashboard and the alarms are, read from docs/monitoring.json.

Both ways of deploying take them from here: monitoring_step.py sends them to the APIs, and `make
monitoring` writes them into template.yml. Log alarms and the dashboard stand in Simple Log Service,
metric rules in Cloud Monitor. The fields have the APIs' names: SLS 2020-12-30 and CMS 2019-01-01.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from deploying.names import NAME, ROOT

SOURCE = ROOT / "docs" / "monitoring.json"
SEVERITIES = {"critical": 10, "high": 8, "medium": 6, "low": 4}
#: How many columns the grid of a dashboard has, and the size of one of our charts.
COLUMNS, WIDTH, HEIGHT = 24, 12, 8


class Place(NamedTuple):
    """Where it is made. In a stack each is a reference instead of a text."""

    account: Any
    region: Any
    project: Any
    logstore: Any
    dashboard: Any = NAME
    contact_group: Any = NAME


def source() -> dict[str, list[dict[str, Any]]]:
    """What docs/monitoring.json has: ``alarms``, ``charts`` and ``metric_rules``."""
    content: dict[str, list[dict[str, Any]]] = json.loads(SOURCE.read_text("utf-8"))
    return content


def alert(alarm: dict[str, Any], place: Place) -> dict[str, Any]:
    """The alert rule of a log alarm, as CreateAlert takes it."""
    query = {
        "storeType": "log",
        "region": place.region,
        "project": place.project,
        "store": place.logstore,
        "query": alarm["query"],
        "timeSpanType": "Relative",
        "start": f"-{alarm['minutes']}m",
        "end": "now",
        "powerSqlMode": "disable",
    }
    condition = {"condition": alarm["condition"], "countCondition": ""}
    figures = ", ".join(f"{name}: ${{{name}}}" for name in re.findall(r" AS (\w+)", alarm["query"]))
    # The service puts the row's values in the place of ${…}.
    texts = {"title": f"{NAME}: {alarm['title']}", "desc": f"{alarm['meaning']} {figures}"}
    return {
        "name": f"{NAME}-{alarm['name']}",
        "displayName": texts["title"],
        "description": alarm["meaning"],
        "schedule": {"type": "FixedRate", "interval": "5m", "runImmediately": True},
        "configuration": {
            "version": "2.0",
            "type": "default",
            "dashboard": place.dashboard,
            "queryList": [query],
            "groupConfiguration": {"type": "no_group", "fields": []},
            "severityConfigurations": [
                {"severity": SEVERITIES[alarm["severity"]], "evalCondition": condition}
            ],
            "threshold": 1,
            "annotations": [{"key": key, "value": text} for key, text in texts.items()],
            "autoAnnotation": True,
            "sendResolved": False,
            "noDataFire": False,
            "policyConfiguration": {
                "alertPolicyId": "sls.builtin.dynamic",
                "actionPolicyId": NAME,
                "repeatInterval": "1h",
            },
        },
    }


def charts(place: Place) -> list[dict[str, Any]]:
    """The charts of the dashboard, two in a row."""
    a_row = COLUMNS // WIDTH
    return [
        _chart(chart, place, {"xPos": WIDTH * (at % a_row), "yPos": HEIGHT * (at // a_row)})
        for at, chart in enumerate(source()["charts"])
    ]


def _chart(chart: dict[str, Any], place: Place, position: dict[str, int]) -> dict[str, Any]:
    text = {"query": chart["query"], "tokenQuery": chart["query"]}
    of_logstore = {"project": place.project, "logstore": place.logstore}
    axes = {
        "linepro": {"xAxisKey": chart.get("x"), "yAxisKeys": chart.get("y")},
        "barpro": {"xAxisKey": chart.get("x"), "yAxisKeys": chart.get("y")},
        "piepro": {"showFieldKey": chart.get("x"), "numFieldKey": chart.get("y", [None])[0]},
        "tablepro": {},
    }[chart["type"]]
    return {
        "title": chart["name"],
        "type": chart["type"],
        "search": {
            "logstore": place.logstore,
            "topic": "",
            "query": "@",
            "start": "-86400s",
            "end": "now",
            "chartQueries": [{"name": "A", "datasource": "logstore", **of_logstore, **text}],
        },
        "action": {},
        "display": {
            "basicOptions": {"displayName": chart["title"], "showTitle": True},
            "queryOptionMap": {"A": {"name": "A", **axes}},
            **position,
            "width": WIDTH,
            "height": HEIGHT,
            "version": "2",
        },
    }


def metric_rule(rule: dict[str, Any], place: Place) -> dict[str, Any]:
    """The rule for a metric, as PutResourceMetricRule takes it, but for what it is of."""
    condition = {
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Statistics": rule["statistics"],
        "Threshold": str(rule["threshold"]),
        "Times": rule["times"],
    }
    return {
        "RuleId": f"{NAME}-{rule['name']}",
        "RuleName": f"{NAME}: {rule['title']}",
        "Namespace": rule["namespace"],
        "MetricName": rule["metric"],
        "ContactGroups": [place.contact_group],
        "Escalations": {rule["level"]: condition},
        "Period": 60,
        "Interval": 60,
        "SilenceTime": 3600 * rule["silence_hours"],
        "NoDataPolicy": "OK",
        "EmailSubject": f"{NAME}: {rule['title']}",
    }


def dimensions(rule: dict[str, Any], place: Place) -> dict[str, dict[str, Any]]:
    """What a metric rule is of: the dimensions of each function, or of the queue, by its name."""
    everywhere = {"userId": place.account, "region": place.region}
    if "queue" in rule:
        return {rule["queue"]: {**everywhere, "queue": rule["queue"]}}
    return {name: {**everywhere, "functionName": f"{NAME}-{name}"} for name in rule["functions"]}


def contact(email: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cloud Monitor's contact and its group, as PutContact and PutContactGroup take them."""
    told = f"Whom the alarms of {NAME} are sent to"
    person = {"ContactName": NAME, "Describe": told, "Channels": {"Mail": email}}
    return person, {"ContactGroupName": NAME, "Describe": told, "ContactNames": [NAME]}


def records(email: str) -> dict[str, dict[str, Any]]:
    """Simple Log Service's user and action policy: the value of each resource record."""
    send = (
        f'fire(type="email", users=["{NAME}"], groups=[], oncall_groups=[], '
        'receiver_type="static", external_url="", external_headers={}, '
        'template_id="sls.builtin.cn", period="any")'
    )
    return {
        "sls.common.user": {
            "user_id": NAME,
            "user_name": NAME,
            "email": [email],
            "country_code": "",
            "phone": "",
            "enabled": True,
            "sms_enabled": False,
            "voice_enabled": False,
        },
        "sls.alert.action_policy": {
            "action_policy_id": NAME,
            "action_policy_name": NAME,
            "labels": {},
            "is_default": False,
            "primary_policy_script": send,
            "secondary_policy_script": send,
            "escalation_start_enabled": False,
            "escalation_start_timeout": "10m",
            "escalation_inprogress_enabled": False,
            "escalation_inprogress_timeout": "30m",
            "escalation_enabled": False,
            "escalation_timeout": "1h",
        },
    }
