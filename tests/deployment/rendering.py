"""s.yaml and template.yml as their tools render them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

from deploying.values import FIGURES

ROOT = Path(__file__).parents[2]
ROS_SCHEMA = json.loads((ROOT / "tests/data/ros_schema.json").read_text())

ACCOUNT = "1234567890123456"

_PUBLIC_KEY = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "e": "AQAB", "n": "x"}

#: What a deployer sets; docs/deploying.md says where each is found.
ENVIRONMENT = {
    "CUST_SPACE_IDS": "cams-one,cams-two",
    "ALLOWED_COUNTRIES": "SG,ID",
    "STORE_URL": "memory://",
    "STORE_SECRET": "0123456789abcdef" * 4,
    "JWKS": json.dumps({"keys": [_PUBLIC_KEY]}),
    "CALLER_HEADER": "x-caller-0123456789abcdef",
    "CUST_SPACE_HEADER": "x-cust-space-0123456789abcdef",
}

#: What `make deploy` adds for the choice of a store.
CHOSEN = {
    store: {"REGION": "ap-southeast-1", "RUNTIME": "python3.10", **figures}
    for store, figures in FIGURES.items()
}

#: The same as the parameters of a stack.
PARAMETERS: dict[str, Any] = {
    name.title().replace("_", ""): value for name, value in ENVIRONMENT.items()
} | {"CodeBucket": "bucket", "Jwks": json.loads(ENVIRONMENT["JWKS"])}

_NO_VALUE = object()

_PSEUDO_PARAMETERS = {
    "ALIYUN::NoValue": _NO_VALUE,
    "ALIYUN::Region": "ap-southeast-1",
    "ALIYUN::TenantId": ACCOUNT,
}

_EXPRESSION = r"\$\{([^}]*)\}"


#: What may be enabled: all that the form of a stack offers.
OPERATIONS = ["send", "send,status", "send,verify", "send,status,verify"]


def s_yaml() -> dict[str, Any]:
    return copy.deepcopy(_document("s.yaml"))


def template() -> dict[str, Any]:
    return copy.deepcopy(_document("template.yml"))


@cache
def _document(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load((ROOT / name).read_text()))


def rendered_s_yaml(
    document: dict[str, Any], environment: Mapping[str, str] = ENVIRONMENT
) -> dict[str, Any]:
    """The resources, as Serverless Devs 3.1 fills them; LookupError names what is missing."""
    is_in_memory = environment.get("STORE_URL") == "memory://"
    environment = CHOSEN["memory" if is_in_memory else "store"] | dict(environment)

    def env(name: str, default: str | None = None) -> str:
        return environment[name] if default is None else environment.get(name) or default

    variables = SimpleNamespace()
    known = {
        "env": env,
        "json": json.loads,
        "config": {"AccountID": ACCOUNT}.__getitem__,
        "vars": variables,
    }

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [fill(each) for each in value]
        if not isinstance(value, str):
            return value
        if whole := re.fullmatch(_EXPRESSION, value):  # it is Python's, too
            return eval(whole[1], known)
        return re.sub(_EXPRESSION, lambda found: str(fill(found[0])), value)

    for name, value in document["vars"].items():
        setattr(variables, name, fill(value))
    return cast("dict[str, Any]", fill(document["resources"]))


def rendered_template(document: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """The resources that the stack creates; LookupError where a reference leads nowhere."""
    stack = _Stack(document, parameters)
    resources = document["Resources"]
    for resource in resources.values():
        for name in resource.get("DependsOn", []):
            resources[name]
    return {
        name: stack.fill(resource)
        for name, resource in resources.items()
        if "Condition" not in resource or stack.holds(resource["Condition"])
    }


class _Stack:
    """What ROS makes of the functions that template.yml calls."""

    def __init__(self, document: dict[str, Any], parameters: dict[str, Any]) -> None:
        self.document = document
        declared = document["Parameters"].items()
        defaults = {name: each["Default"] for name, each in declared if "Default" in each}
        self.given = _PSEUDO_PARAMETERS | defaults | PARAMETERS | parameters

    def fill(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self.fill, value) if each is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (name := next(iter(value))).startswith(("Ref", "Fn::")):
            return self.call(name, value[name])
        filled = {key: self.fill(each) for key, each in value.items()}
        return {key: each for key, each in filled.items() if each is not _NO_VALUE}

    def call(self, function: str, operand: Any) -> Any:
        match function, operand:
            case "Ref", name:
                return self.given[name]
            case "Fn::Sub", text:
                return re.sub(_EXPRESSION, lambda found: str(self.given[found[1]]), text)
            case "Fn::If", [condition, then, otherwise]:
                return self.fill(then if self.holds(condition) else otherwise)
            case "Fn::Equals", [left, right]:
                return self.fill(left) == self.fill(right)
            case "Fn::Not", condition:
                return not self.fill(condition)
            case "Fn::Or", conditions:
                return any(map(self.holds, conditions))
            case "Fn::And", conditions:
                return all(map(self.holds, conditions))
            case "Fn::GetAtt", [resource, name]:
                target = self.document["Resources"][resource]
                if name in ROS_SCHEMA["attributes"][target["Type"]]:
                    return self.fill(target["Properties"].get(name, f"{resource}.{name}"))
                raise LookupError(f"{target['Type']} has no {name}")
        raise LookupError(function)

    def holds(self, condition: str | dict[str, Any]) -> bool:
        by_name = isinstance(condition, str)
        return bool(self.fill(self.document["Conditions"][condition] if by_name else condition))


def functions_of_s_yaml(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """What each resource has in its props, but for where the code comes from."""
    without = ("region", "code")
    return [
        {
            key: value
            for key, value in resource["props"].items()
            if key not in without and (key != "vpcConfig" or value["vpcId"])
        }
        for resource in resources.values()
    ]


def functions_of_template(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """The same from a stack's resources, in the spelling of s.yaml."""
    functions: dict[str, dict[str, Any]] = {}
    for resource in resources.values():
        if "FunctionName" not in resource["Properties"]:
            continue
        kind, properties = resource["Type"].rpartition(":")[2], dict(resource["Properties"])
        name = properties.pop("FunctionName")
        if kind == "Function":
            environment = properties.pop("EnvironmentVariables")
            del properties["Code"]
            properties["Role"] = resources["Role"]["Properties"]["RoleName"]
            functions[name] = {"functionName": name, **_lowered(properties)}
            functions[name] |= {"environmentVariables": environment, "triggers": []}
        elif kind == "Trigger":
            trigger = {_lowered_name(key): value for key, value in properties.items()}
            functions[name]["triggers"].append(trigger)
        else:
            functions[name][_lowered_name(kind)] = _lowered(properties)
    return list(functions.values())


def _lowered(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {_lowered_name(key): _lowered(each) for key, each in value.items()}


def _lowered_name(name: str) -> str:
    return name[0].lower() + name[1:]
