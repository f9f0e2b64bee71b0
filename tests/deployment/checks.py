"""What must hold of s.yaml and template.yml, once rendered.

A check gives one sentence for each thing that is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema

from chatapp_code import cams
from chatapp_code.settings import MOST_CALLS_PER_SECOND, WrongSettings, load
from tests.deployment.rendering import ACCOUNT, ROOT, ROS_SCHEMA, functions_of_template

FC3_SCHEMA = json.loads((ROOT / "tests/data/fc3_schema.json").read_text())


def problems_of_s_yaml(resources: dict[str, Any]) -> Iterator[str]:
    """What the fc3 component would not take, or not know."""
    for name, resource in resources.items():
        if resource["component"] != "fc3" or resource.keys() != {"component", "actions", "props"}:
            yield f"{name} is no resource of the component fc3"
        yield from _schema_problems(name, resource["props"], FC3_SCHEMA)


def problems_of_template(document: dict[str, Any], resources: dict[str, Any]) -> Iterator[str]:
    """What ROS would not take, or not know; the template's own form, and its resources."""
    sections = {"ROSTemplateFormatVersion", "Description", "Metadata", "Parameters"}
    sections |= {"Conditions", "Resources", "Outputs"}
    yield from (f"{key} is no section" for key in document.keys() - sections)
    groups = document["Metadata"]["ALIYUN::ROS::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    if sorted(grouped) != sorted(document["Parameters"]):
        yield "the groups don't hold each parameter once"
    known = {"Type", "Label", "Description", "Default", "AllowedValues", "AllowedPattern"}
    known |= {"MinLength", "MaxLength", "MinValue", "MaxValue", "NoEcho"}
    known |= {"AssociationProperty", "AssociationPropertyMetadata"}
    for name, parameter in document["Parameters"].items():
        yield from (f"{name} has an unknown {key}" for key in parameter.keys() - known)
        if not {"Type", "Label"} <= parameter.keys():
            yield f"{name} has no type or no label"
    for name, resource in resources.items():
        keys = {"Type", "Condition", "DependsOn", "Properties"}
        yield from (f"{name} has an unknown {key}" for key in resource.keys() - keys)
        if resource["Type"] not in ROS_SCHEMA["definitions"]:
            yield f"{name} has an unknown type {resource['Type']}"
            continue
        schema = {"$ref": f"#/definitions/{resource['Type']}", **ROS_SCHEMA}
        yield from _schema_problems(name, resource["Properties"], schema)


def _schema_problems(name: str, value: Any, schema: dict[str, Any]) -> Iterator[str]:
    for error in jsonschema.Draft7Validator(schema).iter_errors(value):
        yield f"{name}: {error.json_path}: {error.message}"


def problems_of_functions(functions: list[dict[str, Any]]) -> Iterator[str]:
    """Figures that contradict each other, the pacing or the settings; callers who aren't known."""
    calls, is_shared = [], False
    for function in functions:
        name, environment = function["functionName"], function["environmentVariables"]
        instances = function["concurrencyConfig"]["reservedConcurrency"]
        if not all(isinstance(value, str) for value in environment.values()):
            yield f"{name} has a setting that isn't text"
            continue
        if (figure := environment["RESERVED_CONCURRENCY"].strip()) != str(instances):
            yield f"{name} has a cap of {instances}, and {figure} in its settings"
        if instances:  # one that never runs needs no settings
            calls.append(int(environment["MAX_CALLS_PER_SECOND"]))
            is_shared = environment["STORE_URL"] != "memory://"
            yield from _problems_of_settings(function)
        for trigger in function["triggers"]:
            problems = {"http": _problems_of_http, "eventbridge": _problems_of_stream}
            for problem in problems[trigger["triggerType"]](trigger["triggerConfig"], function):
                yield f"{name}: {problem}"
    if (total := max(calls) if is_shared else sum(calls)) > MOST_CALLS_PER_SECOND:
        yield f"together they make {total} calls a second, more than {MOST_CALLS_PER_SECOND}"


def _problems_of_settings(function: dict[str, Any]) -> Iterator[str]:
    try:
        settings = load(function["environmentVariables"], function["timeout"])
    except WrongSettings as wrong:
        yield f"{function['functionName']}: {wrong}"
        return
    asynchronous = function["asyncInvokeConfig"]
    if asynchronous["maxAsyncEventAgeInSeconds"] > settings.max_event_age_seconds:
        yield "events wait longer than they are good for"
    if asynchronous["maxAsyncRetryAttempts"] > 3:
        yield "asynchronous invocations are tried more than a few times"
    if "onFailure" not in asynchronous["destinationConfig"]:
        yield "asynchronous invocations fail unseen"
    if function["timeout"] >= 25:
        yield "the app gives up (after 25 s) before the function does"
    initializer = function["instanceLifecycleConfig"]["initializer"]
    if not settings.connect_timeout_seconds < initializer["timeout"] <= 300:
        yield "the initializer has no time to connect, or more than the platform gives"
    if function["logConfig"]["logBeginRule"] != "None":
        yield "lines of the log would be glued together"


def _problems_of_http(config: dict[str, Any], function: dict[str, Any]) -> Iterator[str]:
    environment = function["environmentVariables"]
    headers = [environment["CALLER_HEADER"], environment["CUST_SPACE_HEADER"]]
    if config["methods"] != ["POST"]:
        yield "only POST is needed"
    if config["authType"] == "function":
        if any(headers) or "authConfig" in config:
            yield "without tokens there are no claims"
        return
    if config["authType"] != "jwt":
        yield f"{config['authType']} lets anybody ask"
        return
    expected = "header:sub:{},header:cust_space_id:{}".format(*headers)
    if config["authConfig"].get("claimPassBy") != expected:
        yield "the claims don't go into the headers that the settings name"
    if not all(re.fullmatch(r"x-[a-z-]+-[a-z0-9]{16,}", header) for header in headers):
        yield "a client could guess a header's name"
    if config["authConfig"]["tokenLookup"] != "header:Authorization:Bearer ":
        yield "tokens are taken from elsewhere than the Authorization header"
    if config["authConfig"].keys() & {"whitelist", "blacklist"}:
        yield "some paths need no token"


def _problems_of_stream(config: dict[str, Any], function: dict[str, Any]) -> Iterator[str]:
    options = config["runOptions"]
    if options.get("batchWindow", {}).get("CountBasedWindow") != 1:
        yield "a delivery holds more than one message"
    if options["retryStrategy"]["PushRetryStrategy"] != "BACKOFF_RETRY":
        yield "an event is delivered for a day"
    if options["errorsTolerance"] != "ALL" or "deadLetterQueue" not in options:
        yield "what fails blocks the queue, or is lost"
    if config["asyncInvocationType"]:
        yield "what the function raises never reaches the source"
    instances = function["concurrencyConfig"]["reservedConcurrency"]
    if not 1 <= options["maximumTasks"] <= instances:
        yield "more is delivered at once than there are instances"


def problems_of_queues(resources: dict[str, Any]) -> Iterator[str]:
    """A message that comes again while its deliveries go on."""
    function = functions_of_template(resources)[0]
    initializer_seconds = function["instanceLifecycleConfig"]["initializer"]["timeout"]
    deliveries_seconds = 4 * (function["timeout"] + initializer_seconds) + 3 * 20
    if resources["Requests"]["Properties"]["VisibilityTimeout"] < deliveries_seconds:
        yield f"a message shows again within the {deliveries_seconds} s of its deliveries"


#: What the platform does in the role's name, beside the call that the code makes.
_LOG = f"acs:log:*:*:project/chatapp-verify-code-{ACCOUNT}/logstore/function-log"
_NEEDED = {
    f"cams:{cams._CALL.action}": "*",
    "log:PostLogStoreLogs": _LOG,
    "mns:SendMessage": "acs:mns:*:*:/queues/chatapp-verify-code-dead/messages",
}
_NEEDED_IN_A_VPC = dict.fromkeys(
    [
        *("vpc:DescribeVSwitchAttributes", "vpc:DescribeVpcAttribute"),
        *("ecs:CreateNetworkInterface", "ecs:CreateNetworkInterfacePermission"),
        *("ecs:DeleteNetworkInterface", "ecs:DeleteNetworkInterfacePermission"),
        *("ecs:DescribeNetworkInterfaces", "ecs:DescribeNetworkInterfacePermissions"),
    ],
    "*",
)


def problems_of_policies(documents: list[dict[str, Any]], in_vpc: bool = False) -> Iterator[str]:
    """What the role may do and needn't, or needs and mayn't."""
    needed = _NEEDED | (_NEEDED_IN_A_VPC if in_vpc else {})
    granted: dict[str, str] = {}
    for statement in (each for document in documents for each in document["Statement"]):
        if statement.keys() != {"Effect", "Action", "Resource"} or statement["Effect"] != "Allow":
            yield f"{statement} is more than it seems"
            continue
        for action in statement["Action"]:
            for resource in statement["Resource"]:
                granted[action] = resource
                if needed.get(action) != resource:
                    yield f"{action} on {resource} is too much"
    yield from (f"{action} is missing" for action in needed.keys() - granted.keys())
