"""What s.yaml and template.yml must be: what their tools take, with figures that agree."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

import jsonschema

from tests.deployment import rendering
from tests.deployment.rendering import ACCOUNT, ENVIRONMENT, ROOT, ROS_SCHEMA
from verify_code.operations import OPERATIONS
from verify_code.settings import MAX_CALLS_PER_SECOND, load

FC3_SCHEMA = json.loads((ROOT / "tests/data/fc3_schema.json").read_text())

#: What may stand in a template, in a parameter and in a resource.
SECTIONS = {
    *("ROSTemplateFormatVersion", "Description", "Metadata", "Parameters"),
    *("Conditions", "Resources", "Outputs"),
}
OF_A_PARAMETER = {
    *("Type", "Label", "Description", "Default", "AllowedValues", "AllowedPattern", "MinLength"),
    *("MaxLength", "MinValue", "MaxValue", "NoEcho"),
    *("AssociationProperty", "AssociationPropertyMetadata"),
}
OF_A_RESOURCE = {"Type", "Condition", "DependsOn", "Properties"}

#: What each operation asks of the API.
ACTIONS = {name: f"cams:{each.action}" for name, each in OPERATIONS.items()}

#: What the platform does in the role's name.
LOG = f"acs:log:*:*:project/chatapp-verify-code-{ACCOUNT}/logstore/function-log"
GRANTED_TO_THE_PLATFORM = {
    ("log:PostLogStoreLogs", LOG),
    ("mns:SendMessage", "acs:mns:*:*:/queues/chatapp-verify-code-dead/messages"),
}
GRANTED_IN_A_VPC = {
    (action, "*")
    for action in (
        *("vpc:DescribeVSwitchAttributes", "vpc:DescribeVpcAttribute"),
        *("ecs:CreateNetworkInterface", "ecs:CreateNetworkInterfacePermission"),
        *("ecs:DeleteNetworkInterface", "ecs:DeleteNetworkInterfacePermission"),
        *("ecs:DescribeNetworkInterfaces", "ecs:DescribeNetworkInterfacePermissions"),
    )
}
VPC = {"VpcId": "vpc-1", "VSwitchId": "vsw-1", "SecurityGroupId": "sg-1"}


def check_s_yaml(document: dict[str, Any], **environment: str) -> None:
    """It is what the component takes, without an unknown key, and its figures agree."""
    resources = rendering.rendered_s_yaml(document, ENVIRONMENT | environment)
    for resource in resources.values():
        assert resource["component"] == "fc3@0.1.22"
        assert resource["actions"]["pre-deploy"][0]["args"]["component"] == resource["component"]
        assert resource.keys() == {"component", "actions", "props"}
        jsonschema.validate(resource["props"], FC3_SCHEMA)
    check_functions(rendering.functions_of_s_yaml(resources))


def check_template(document: dict[str, Any], **parameters: Any) -> None:
    """It is what ROS takes, without an unknown key, and its figures agree."""
    assert document.keys() <= SECTIONS
    groups = document["Metadata"]["ALIYUN::ROS::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(document["Parameters"])
    for parameter in document["Parameters"].values():
        assert {"Type", "Label"} <= parameter.keys() <= OF_A_PARAMETER
    resources = rendering.rendered_template(document, **parameters)
    for resource in resources.values():
        assert resource.keys() <= OF_A_RESOURCE
        schema = {"$ref": f"#/definitions/{resource['Type']}", **ROS_SCHEMA}
        jsonschema.validate(resource["Properties"], schema)
    policies = resources["Role"]["Properties"]["Policies"]
    wanted = to_grant(parameters.get("Operations", "send"), is_in_vpc="VpcId" in parameters)
    assert granted(*(each["PolicyDocument"] for each in policies)) == wanted
    functions = rendering.functions_of_template(resources)
    check_functions(functions)
    if "Requests" not in resources:
        return
    events = functions[-1]
    # A message doesn't show again while its deliveries go on.
    initializer_seconds = events["instanceLifecycleConfig"]["initializer"]["timeout"]
    deliveries_seconds = 4 * (events["timeout"] + initializer_seconds) + 3 * 20
    assert resources["Requests"]["Properties"]["VisibilityTimeout"] >= deliveries_seconds


def check_functions(functions: list[dict[str, Any]]) -> None:
    """Their figures fit each other, the pacing and the settings."""
    calls, is_shared = [], False
    for function in functions:
        environment = function["environmentVariables"]
        instances = function["concurrencyConfig"]["reservedConcurrency"]
        assert all(isinstance(value, str) for value in environment.values())
        if instances:  # what never runs may keep its settings
            assert environment["RESERVED_CONCURRENCY"].strip() == str(instances)
            calls.append(int(environment["MAX_CALLS_PER_SECOND"]))
            is_shared = environment["STORE_URL"] != "memory://"
            check_settings(function)
        for trigger in function["triggers"]:
            check = {"http": check_http, "eventbridge": check_stream}[trigger["triggerType"]]
            check(trigger["triggerConfig"], function)
    assert (max(calls) if is_shared else sum(calls)) <= MAX_CALLS_PER_SECOND


def check_settings(function: dict[str, Any]) -> None:
    """They can be loaded; nothing waits too long, is tried too often, or fails unseen."""
    settings = load(function["environmentVariables"], function["timeout"])
    asynchronous = function["asyncInvokeConfig"]
    assert asynchronous["maxAsyncEventAgeInSeconds"] <= settings.max_event_age_seconds
    assert asynchronous["maxAsyncRetryAttempts"] <= 3
    assert "onFailure" in asynchronous["destinationConfig"]
    assert function["timeout"] < 25  # when the app gives up
    initializer_seconds = function["instanceLifecycleConfig"]["initializer"]["timeout"]
    assert settings.connect_timeout_seconds < initializer_seconds <= 300
    assert function["logConfig"]["logBeginRule"] == "None"  # else lines are glued together


def check_http(config: dict[str, Any], function: dict[str, Any]) -> None:
    """Nobody asks without a token or a signature, and who asks can't be forged."""
    environment = function["environmentVariables"]
    headers = [environment["CALLER_HEADER"], environment["CUST_SPACE_HEADER"]]
    assert config["methods"] == ["POST"]
    if config["authType"] == "function":  # without tokens there are no claims
        assert headers == ["", ""]
        assert "authConfig" not in config
        return
    assert config["authType"] == "jwt"
    jwt = config["authConfig"]
    assert jwt["claimPassBy"] == "header:sub:{},header:cust_space_id:{}".format(*headers)
    assert all(re.fullmatch(r"x-[a-z-]+-[a-z0-9]{16,}", header) for header in headers)
    assert jwt["tokenLookup"] == "header:Authorization:Bearer "
    assert not jwt.keys() & {"whitelist", "blacklist"}


def check_stream(config: dict[str, Any], function: dict[str, Any]) -> None:
    """Each message comes alone, a few times, and what fails is dead-lettered."""
    options = config["runOptions"]
    assert options["batchWindow"]["CountBasedWindow"] == 1
    assert options["retryStrategy"]["PushRetryStrategy"] == "BACKOFF_RETRY"
    assert options["errorsTolerance"] == "ALL"
    assert "deadLetterQueue" in options
    assert config["asyncInvocationType"] is False  # else what is raised never reaches the source
    instances = function["concurrencyConfig"]["reservedConcurrency"]
    assert 1 <= options["maximumTasks"] <= instances


def to_grant(enabled: str, *, is_in_vpc: bool = False) -> set[tuple[str, str]]:
    """What the role must be allowed for these operations, and on what: no less and no more."""
    of_the_code = {(ACTIONS[name], "*") for name in enabled.split(",")}
    return of_the_code | GRANTED_TO_THE_PLATFORM | (GRANTED_IN_A_VPC if is_in_vpc else set())


def granted(*documents: dict[str, Any]) -> set[tuple[str, str]]:
    """Each action that policies allow, and on what."""
    pairs: set[tuple[str, str]] = set()
    for statement in (each for document in documents for each in document["Statement"]):
        assert statement.keys() == {"Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        pairs |= set(product(statement["Action"], statement["Resource"]))
    return pairs
