"""s.yaml and template.yml as their tools render them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

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

#: The same as the parameters of a stack.
PARAMETERS: dict[str, Any] = {
    name.title().replace("_", ""): value for name, value in ENVIRONMENT.items()
} | {"CodeBucket": "bucket", "Jwks": json.loads(ENVIRONMENT["JWKS"])}

PSEUDO_PARAMETERS = {"ALIYUN::Region": "ap-southeast-1", "ALIYUN::TenantId": ACCOUNT}

_NO_VALUE = object()
_EXPRESSION = r"\$\{([^}]*)\}"


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
    """The resources, with the variables put in; LookupError names one that is missing."""
    rendering = _SYaml(environment)
    for name, value in document["vars"].items():
        rendering.variables[name] = rendering.fill(value)
    return cast("dict[str, Any]", rendering.fill(document["resources"]))


class _SYaml:
    """What Serverless Devs 3.1 makes of an expression."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.variables: dict[str, Any] = {}

    def fill(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        if not isinstance(value, str):
            return value
        if whole := re.fullmatch(_EXPRESSION, value):
            return self.value_of(whole[1])
        return re.sub(_EXPRESSION, lambda found: str(self.value_of(found[1])), value)

    def value_of(self, expression: str) -> Any:
        if found := re.fullmatch(r"vars\.(\w+)", expression):
            return self.variables[found[1]]
        if found := re.fullmatch(r"env\('(\w+)'(, '')?\)", expression):
            name, is_optional = found.groups()
            return self.environment.get(name, "") if is_optional else self.environment[name]
        if found := re.fullmatch(r"json\((.*)\)", expression):
            return json.loads(self.value_of(found[1]))
        return {"config('AccountID')": ACCOUNT}[expression]


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
        self.conditions = document["Conditions"]
        self.resources = document["Resources"]
        declared = document["Parameters"].items()
        defaults = {name: each["Default"] for name, each in declared if "Default" in each}
        self.given = PSEUDO_PARAMETERS | defaults | PARAMETERS | parameters

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
        if function == "Ref":
            return _NO_VALUE if operand == "ALIYUN::NoValue" else self.given[operand]
        if function == "Fn::Sub":
            return re.sub(_EXPRESSION, lambda found: str(self.given[found[1]]), operand)
        if function == "Fn::If":
            condition, then, otherwise = operand
            return self.fill(then if self.holds(condition) else otherwise)
        return self.attribute(*{"Fn::GetAtt": operand}[function])

    def attribute(self, resource: str, name: str) -> Any:
        target = self.resources[resource]
        if name not in ROS_SCHEMA["attributes"][target["Type"]]:
            raise LookupError(f"{target['Type']} has no {name}")
        return self.fill(target["Properties"].get(name, f"{resource}.{name}"))

    def holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            condition = self.conditions[condition]
        ((function, operands),) = condition.items()
        if function == "Fn::Not":
            return not self.holds(operands)
        left, right = {"Fn::Equals": operands}[function]
        return bool(self.fill(left) == self.fill(right))


def functions_of_s_yaml(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """What each resource has in its props, but for where the code comes from."""
    return [
        {key: value for key, value in resource["props"].items() if key not in ("region", "code")}
        for resource in resources.values()
    ]


def functions_of_template(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """The same from a stack's resources, in the spelling of s.yaml."""
    functions: dict[str, dict[str, Any]] = {}
    for resource in resources.values():
        kind, properties = resource["Type"].rpartition(":")[2], dict(resource["Properties"])
        if not resource["Type"].startswith("ALIYUN::FC3::") or kind == "LayerVersion":
            continue
        name = properties.pop("FunctionName")
        if kind == "Function":
            environment = properties.pop("EnvironmentVariables")
            for key in ("Code", "Layers"):
                properties.pop(key)
            properties["Role"] = resources["Role"]["Properties"]["RoleName"]
            functions[name] = {"functionName": name, **_lowered(properties)}
            functions[name] |= {"environmentVariables": environment, "triggers": []}
        elif kind == "Trigger":
            trigger = {key[0].lower() + key[1:]: value for key, value in properties.items()}
            functions[name]["triggers"].append(trigger)
        else:
            keys = {
                "AsyncInvokeConfig": "asyncInvokeConfig",
                "ConcurrencyConfig": "concurrencyConfig",
            }
            functions[name][keys[kind]] = _lowered(properties)
    return list(functions.values())


def _lowered(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key[0].lower() + key[1:]: _lowered(each) for key, each in value.items()}
