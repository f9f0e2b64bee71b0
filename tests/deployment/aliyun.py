"""A recorder in the place of the Alibaba Cloud CLI, which can't be had here: it notes each command,
keeps what was made, and answers as the documentation of each API says.

The test puts it on PATH under the name `aliyun`. It keeps its state in the folder ALIYUN_STATE:
calls.jsonl has each command, things.json what was made, and fail.json what the next matching
command is to be refused with.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["ALIYUN_STATE"])
ACCOUNT = "1234567890123456"

#: Commands that make, look for and remove something: its kind, and the options that name it.
MAKE = {
    "CreateRole": ("Role", "RoleName"),
    "CreatePolicy": ("Policy", "PolicyName"),
    "CreateQueue": ("Queue", "QueueName"),
    "CreateServiceLinkedRole": ("ServiceLinkedRole", "ServiceName"),
    "create-project": ("Project", "project-name"),
    "create-log-store": ("LogStore", "logstore-name"),
    "create-index": ("Index", "logstore"),
    "create-dashboard": ("Dashboard", "dashboard-name"),
    "create-alert": ("Alert", "name"),
    "create-resource-record": ("ResourceRecord", "resource-name"),
}
LOOK = {
    "GetRole": ("Role", "RoleName"),
    "GetPolicy": ("Policy", "PolicyName"),
    "ListPolicyVersions": ("Policy", "PolicyName"),
    "ListPoliciesForRole": ("Role", "RoleName"),
    "GetQueueAttributes": ("Queue", "QueueName"),
    "get-project": ("Project", "project"),
    "get-log-store": ("LogStore", "logstore"),
    "get-index": ("Index", "logstore"),
    "get-dashboard": ("Dashboard", "dashboard-name"),
    "get-resource-record": ("ResourceRecord", "resource-name"),
}
UPDATE = {
    "update-dashboard": ("Dashboard", "dashboard-name"),
    "update-alert": ("Alert", "alert-name"),
    "update-resource-record": ("ResourceRecord", "resource-name"),
    "PutContact": ("Contact", "ContactName"),
    "PutContactGroup": ("ContactGroup", "ContactGroupName"),
    "PutResourceMetricRule": ("MetricRule", "RuleId"),
}
REMOVE = {
    "DeleteRole": ("Role", "RoleName"),
    "DeletePolicy": ("Policy", "PolicyName"),
    "DeleteQueue": ("Queue", "QueueName"),
    "delete-project": ("Project", "project"),
    "delete-alert": ("Alert", "alert-name"),
    "delete-resource-record": ("ResourceRecord", "resource-name"),
    "DeleteContact": ("Contact", "ContactName"),
    "DeleteContactGroup": ("ContactGroup", "ContactGroupName"),
}
ROLES_BY_SERVICE = {
    "sendevent-fc.eventbridge.aliyuncs.com": "AliyunServiceRoleForEventBridgeSendToFC",
    "sendevent-mns.eventbridge.aliyuncs.com": "AliyunServiceRoleForEventBridgeSendToMNS",
}


def refuse(code: str) -> int:
    print(f"ERROR: SDK.ServerError\nErrorCode: {code}\nMessage: said by the recorder")
    return 1


def main(words: list[str]) -> int:
    print("a warning, as of a newer version", file=sys.stderr)
    with (FOLDER / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    failing = json.loads(read("fail.json", "{}"))
    product, action, *rest = words
    if action in failing:
        code = failing.pop(action)
        (FOLDER / "fail.json").write_text(json.dumps(failing))
        return refuse(code)
    things: dict[str, Any] = json.loads(read("things.json", "{}"))
    status = answer(things, product, action, options(rest))
    (FOLDER / "things.json").write_text(json.dumps(things))
    return status


def read(name: str, default: str) -> str:
    path = FOLDER / name
    return path.read_text() if path.exists() else default


def options(words: list[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    while words:
        name = words.pop(0).removeprefix("--")
        named[name] = words.pop(0) if words and not words[0].startswith("--") else ""
    return named


def answer(things: dict[str, Any], product: str, action: str, given: dict[str, str]) -> int:
    if product == "plugin":
        if action == "install":
            things["plugin"] = given["names"]
        print(f"Name  Version\n{things.get('plugin', '')}")
        return 0
    if product == "sls" and "plugin" not in things:
        sys.stdin.readline()  # the real one asks whether to install it
        return refuse("plugin sls is not installed")
    if action == "GetCallerIdentity":
        print(json.dumps({"AccountId": ACCOUNT}))
        return 0
    if action in MAKE:
        return make(things, *MAKE[action], given)
    if action in UPDATE:
        kind, name = UPDATE[action]
        things.setdefault(f"{kind} {given[name]}", {}).update(given)
        print(json.dumps({"Success": True}))
        return 0
    if action == "DeleteMetricRules":
        for name in (value for key, value in given.items() if key.startswith("Id.")):
            things.pop(f"MetricRule {name}", None)
        return 0
    if action in LISTS:
        print(json.dumps(LISTS[action](things)))
        return 0
    if action in REMOVE:
        kind, name = REMOVE[action]
        gone = things.pop(f"{kind} {given[name]}", None)
        return 0 if gone is not None else refuse(f"EntityNotExist.{kind}")
    if action in ("AttachPolicyToRole", "DetachPolicyFromRole", "CreatePolicyVersion"):
        return change(things, action, given)
    if action in LOOK:
        kind, name = LOOK[action]
        found = things.get(f"{kind} {given[name]}")
        if found is None:
            return refuse(f"EntityNotExist.{kind}" if product == "ram" else f"{kind}NotExist")
        print(json.dumps(shown(action, found)))
        return 0
    return refuse("UnknownCommand")


def alerts(things: dict[str, Any]) -> dict[str, Any]:
    """The alert rules as ListAlerts gives them, with a field of the service's own."""
    made = {name: each for name, each in things.items() if name.startswith("Alert ")}
    return {
        "results": [
            {
                "name": name.removeprefix("Alert "),
                "status": "ENABLED",
                "displayName": each["display-name"],
                "description": each["description"],
                "schedule": json.loads(each["schedule"]),
                "configuration": json.loads(each["configuration"]),
            }
            for name, each in made.items()
        ]
    }


def contacts(things: dict[str, Any]) -> dict[str, Any]:
    made = {name: each for name, each in things.items() if name.startswith("Contact ")}
    listed = [
        {"Name": name.removeprefix("Contact "), "Channels": {"Mail": each["Channels.Mail"]}}
        for name, each in made.items()
    ]
    return {"Success": True, "Contacts": {"Contact": listed}}


LISTS = {"list-alerts": alerts, "DescribeContactList": contacts}


def make(things: dict[str, Any], kind: str, name: str, given: dict[str, str]) -> int:
    if kind == "LogStore" and f"Project {given['project']}" not in things:
        return refuse("ProjectNotExist")
    if kind == "ServiceLinkedRole":
        things[f"Role {ROLES_BY_SERVICE[given[name]]}"] = given
        return 0
    key = f"{kind} {given[name]}"
    if key in things:
        return refuse(f"{kind}AlreadyExist")
    things[key] = given
    return 0


def change(things: dict[str, Any], action: str, given: dict[str, str]) -> int:
    if action == "CreatePolicyVersion":
        things[f"Policy {given['PolicyName']}"] |= given
    else:
        role = things.get(f"Role {given['RoleName']}")
        if role is None:
            return refuse("EntityNotExist.Role")
        role["attached"] = given["PolicyName"] if action == "AttachPolicyToRole" else ""
    return 0


def shown(action: str, found: dict[str, Any]) -> dict[str, Any]:
    if action == "get-dashboard":
        return {"charts": json.loads(found["charts"])}
    if action == "get-resource-record":
        return {"id": found["id"], "tag": found["tag"], "value": found["value"]}
    if action == "GetPolicy":
        return {"DefaultPolicyVersion": {"PolicyDocument": found["PolicyDocument"]}}
    if action == "ListPolicyVersions":
        version = {"VersionId": "v1", "IsDefaultVersion": True}
        return {"PolicyVersions": {"PolicyVersion": [version]}}
    if action == "ListPoliciesForRole":
        attached = [{"PolicyName": found["attached"]}] if found.get("attached") else []
        return {"Policies": {"Policy": attached}}
    return {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
