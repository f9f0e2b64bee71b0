"""template.yml's part that is made from docs/monitoring.json: `make monitoring` writes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from deploying.monitoring import (
    Place,
    alert,
    charts,
    contact,
    dimensions,
    metric_rule,
    source,
)
from deploying.names import NAME

TEMPLATE = Path(__file__).parents[2] / "template.yml"
BEGIN = (
    "  # What `make monitoring` writes from docs/monitoring.json, to the end of the mark below.\n"
)
END = "  # The end of what `make monitoring` writes.\n"

#: Where it is made, as a stack refers to it.
PLACE = Place(
    account={"Ref": "ALIYUN::TenantId"},
    region={"Ref": "ALIYUN::Region"},
    project={"Fn::GetAtt": ["Logstore", "ProjectName"]},
    logstore={"Fn::GetAtt": ["Logstore", "LogstoreName"]},
    dashboard={"Fn::GetAtt": ["Dashboard", "DashboardName"]},
    contact_group={"Fn::GetAtt": ["AlarmContactGroup", "ContactGroupName"]},
)

#: The condition under which a stack has each function.
HAS = {"http": "HasHttp", "events": "HasEvents"}


def resources() -> dict[str, dict[str, Any]]:
    """The resources of a stack: the dashboard, and with an address the alarms."""
    person, group = contact({"Ref": "AlarmEmail"})
    group["ContactNames"] = [{"Fn::GetAtt": ["AlarmContact", "ContactName"]}]
    made = {
        "Dashboard": {
            "Type": "ALIYUN::SLS::Dashboard",
            "DependsOn": ["LogIndex"],
            "Properties": {
                "ProjectName": PLACE.project,
                "DashboardName": NAME,
                "DisplayName": NAME,
                "Description": "Made from docs/monitoring.json",
                "Charts": charts(PLACE),
            },
        },
        "AlarmContact": of_alarms("ALIYUN::CMS::Contact", person),
        "AlarmContactGroup": of_alarms("ALIYUN::CMS::ContactGroup", group),
    }
    for alarm in source()["alarms"]:
        made[f"{camel(alarm['name'])}Alarm"] = of_alarms("ALIYUN::SLS::Alert", ros_alert(alarm))
    for rule in source()["metric_rules"]:
        condition = {("http",): "HasHttpAlarms"}.get(tuple(rule.get("functions", [])), "HasAlarms")
        made[f"{camel(rule['name'])}Rule"] = of_alarms(
            "ALIYUN::CMS::ResourceMetricRule", ros_metric_rule(rule), condition
        )
    return made


def of_alarms(
    kind: str, properties: dict[str, Any], condition: str = "HasAlarms"
) -> dict[str, Any]:
    return {"Type": kind, "Condition": condition, "Properties": properties}


def ros_alert(alarm: dict[str, Any]) -> dict[str, Any]:
    """The alert rule in ROS's spelling: that of the API, with a capital."""
    return {"Project": PLACE.project, "Detail": {"Type": "Alert", **capital(alert(alarm, PLACE))}}


def ros_metric_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """The metric rule for those of its functions that the stack has."""
    properties = metric_rule(rule, PLACE)
    (condition,) = properties["Escalations"].values()
    if condition["Statistics"] == "Value":  # ROS doesn't list it: of one value a minute it is the
        condition["Statistics"] = "Average"  # average, too
    each = dimensions(rule, PLACE)
    properties["Resources"] = [
        if_there(HAS[name], of) if len(each) > 1 else of for name, of in each.items()
    ]
    return properties


def if_there(condition: str, value: Any) -> dict[str, Any]:
    return {"Fn::If": [condition, value, {"Ref": "ALIYUN::NoValue"}]}


def capital(content: Any) -> Any:
    """Each key with a capital, but for the functions of ROS, which have one."""
    if isinstance(content, dict):
        return {key[0].upper() + key[1:]: capital(each) for key, each in content.items()}
    return [capital(each) for each in content] if isinstance(content, list) else content


def camel(name: str) -> str:
    return "".join(map(str.capitalize, name.split("-")))


class _Dumper(yaml.SafeDumper):
    """Indents lists like the rest of template.yml, and writes on one line what fits on it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> Any:
        return super().represent_mapping(tag, mapping, flow_style=fits(mapping))

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        return super().represent_sequence(tag, sequence, flow_style=fits(sequence))


def fits(content: Any) -> bool:
    return len(str(content)) < 80


def part() -> str:
    """The lines between the marks."""
    text = yaml.dump(resources(), Dumper=_Dumper, sort_keys=False, width=98, allow_unicode=True)
    text = re.sub(r"'(Fn::\w+)'", r"\1", text)  # quotes that only PyYAML wants
    return "".join(f"  {line}\n" for line in text.splitlines())


def written(template: str) -> str:
    """The template with the part made anew."""
    marks = re.escape(BEGIN) + ".*" + re.escape(END)
    assert re.search(marks, template, re.DOTALL), "template.yml has no marks"
    return re.sub(marks, lambda _: BEGIN + part() + END, template, flags=re.DOTALL)


if __name__ == "__main__":
    TEMPLATE.write_text(written(TEMPLATE.read_text("utf-8")), "utf-8")
