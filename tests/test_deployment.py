"""The deployment files, rendered and checked without the cloud."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

import jsonschema
import pytest
import yaml

from tests import rendering
from tests.function_under_test import NUMBER, FunctionUnderTest
from tests.rendering import ACCOUNT, ENVIRONMENT, ROOT, ROS_SCHEMA
from verify_code import events
from verify_code.cams import client as cams
from verify_code.settings import MOST_CALLS_PER_SECOND, load

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

#: What the role may do: the code's call, and what the platform does in the role's name.
LOG = f"acs:log:*:*:project/chatapp-verify-code-{ACCOUNT}/logstore/function-log"
GRANTED = {
    (f"cams:{cams._CALL.action}", "*"),
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
    in_vpc = GRANTED_IN_A_VPC if "VpcId" in parameters else set()
    assert granted(*(each["PolicyDocument"] for each in policies)) == GRANTED | in_vpc
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
    assert (max(calls) if is_shared else sum(calls)) <= MOST_CALLS_PER_SECOND


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


def granted(*documents: dict[str, Any]) -> set[tuple[str, str]]:
    """Each action that policies allow, and on what."""
    pairs: set[tuple[str, str]] = set()
    for statement in (each for document in documents for each in document["Statement"]):
        assert statement.keys() == {"Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        pairs |= set(product(statement["Action"], statement["Resource"]))
    return pairs


def test_the_files_are_right() -> None:
    """Both are what their tools take, whatever is chosen, and their figures agree."""
    check_s_yaml(rendering.s_yaml())
    check_s_yaml(rendering.s_yaml(), STORE_URL="rediss://user:word@host:6380/0")
    check_template(rendering.template())
    choices = {"AuthType": "function", "Jwks": {}, "EventBusName": "bus", **VPC}
    check_template(rendering.template(), **choices)
    check_template(rendering.template(), StoreUrl="redis://host")


@pytest.mark.parametrize(
    ("store_url", "caps", "calls"),
    [("memory://", [1, 1], ["5", "4"]), ("redis://host", [6, 3], ["9", "9"])],
)
def test_both_deploy_the_same(store_url: str, caps: list[int], calls: list[str]) -> None:
    """s.yaml and template.yml deploy the same functions key by key, with a store and without."""
    environment = ENVIRONMENT | {"STORE_URL": store_url}
    resources = rendering.rendered_s_yaml(rendering.s_yaml(), environment)
    in_s_yaml = rendering.functions_of_s_yaml(resources)
    resources = rendering.rendered_template(rendering.template(), StoreUrl=store_url)
    in_template = rendering.functions_of_template(resources)
    for function in in_s_yaml:
        assert function["asyncInvokeConfig"].pop("qualifier") == "LATEST"  # the stack's default
        function["environmentVariables"] = {
            name: value.strip() for name, value in function["environmentVariables"].items()
        }
    assert in_s_yaml == in_template
    assert [each["concurrencyConfig"]["reservedConcurrency"] for each in in_s_yaml] == caps
    environments = [each["environmentVariables"] for each in in_s_yaml]
    assert [each["MAX_CALLS_PER_SECOND"] for each in environments] == calls


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_missing_value_fails(name: str) -> None:
    """Without one of the values that must be set, nothing is rendered, hence nothing deployed."""
    environment = {key: value for key, value in ENVIRONMENT.items() if key != name}
    with pytest.raises(LookupError, match=name):
        rendering.rendered_s_yaml(rendering.s_yaml(), environment)


def test_template_wants_what_s_yaml_wants() -> None:
    """What must be set for s.yaml has no default in template.yml either; secrets aren't shown."""
    document = rendering.template()
    required = {n for n, each in document["Parameters"].items() if "Default" not in each}
    assert required == rendering.PARAMETERS.keys()
    for name in ("StoreUrl", "StoreSecret"):
        assert document["Parameters"][name]["NoEcho"] is True
    for name, value in rendering.PARAMETERS.items():
        pattern = document["Parameters"][name].get("AllowedPattern", "")
        assert re.match(pattern, value if isinstance(value, str) else ""), name


def test_the_other_trigger_of_s_yaml_is_right() -> None:
    """The trigger that s.yaml has commented out, for servers that sign, is template.yml's."""
    text = (ROOT / "s.yaml").read_text()
    at = text.index("# - triggerName: http")
    lines = text[at : text.index("\n\n", at)].splitlines()
    trigger = yaml.safe_load("\n".join(line.strip()[2:] for line in lines))[0]
    resources = rendering.rendered_template(rendering.template(), AuthType="function")
    functions = rendering.functions_of_template(resources)
    assert functions[0]["triggers"] == [trigger]


@pytest.mark.parametrize(
    ("chosen", "names", "caps"),
    [
        ("both", ["http", "events"], [6, 3]),
        ("http", ["http"], [6]),
        ("events", ["events"], [3]),
        ("stopped", ["http", "events"], [0, 0]),
    ],
)
def test_a_stack_has_the_functions_that_are_chosen(
    chosen: str, names: list[str], caps: list[int]
) -> None:
    """One function alone, or both, or both stopped; a queue never delivers to what can't run."""
    given = {"Functions": chosen, "StoreUrl": "redis://host"}
    check_template(rendering.template(), **given)
    resources = rendering.rendered_template(rendering.template(), **given)
    functions = rendering.functions_of_template(resources)
    assert [each["functionName"].rpartition("-")[2] for each in functions] == names
    assert [each["concurrencyConfig"]["reservedConcurrency"] for each in functions] == caps
    assert ("EventsTrigger" in resources) == (chosen in ("both", "events"))


@pytest.mark.parametrize(
    ("file", "right", "wrong", "found"),
    [
        ("s.yaml", "timeout: 20", "timout: 20", "'timout' was unexpected"),
        ("s.yaml", "disableURLInternet:", "disableUrlInternet:", "'disableUrlInternet' was"),
        ("s.yaml", "'${vars.httpInstances} '", "6", "6 is not of type 'string'"),
        ("template.yml", "Timeout: 20", "TimeOut: 20", "'TimeOut' was unexpected"),
        ("template.yml", "Ref: Runtime", "Ref: Runtim", "Runtim"),
        ("template.yml", "[Role, Arn]", "[Role, ARN]", "ALIYUN::RAM::Role has no ARN"),
        ("template.yml", "Fn::GetAtt: [Role", "Fn::GetAt: [Role", "Fn::GetAt"),
        ("template.yml", "DependsOn: [HttpConcurrency", "DependsOn: [Http", "Http"),
        ("template.yml", "Condition: HasHttp", "Condition: HasHtp", "HasHtp"),
    ],
)
def test_a_typo_is_found(file: str, right: str, wrong: str, found: str) -> None:
    """The schemas know every key, and each reference is followed."""
    text = (ROOT / file).read_text()
    assert right in text
    document = yaml.safe_load(text.replace(right, wrong, 1))
    check = {"s.yaml": check_s_yaml, "template.yml": check_template}[file]
    with pytest.raises((jsonschema.ValidationError, LookupError), match=found):
        check(document)


def test_nobody_calls_before_the_cap_is_there() -> None:
    """In the stack each trigger comes after its function's cap and dead-letter queue."""
    resources = rendering.template()["Resources"]
    for name in ("Http", "Events"):
        after = resources[f"{name}Trigger"]["DependsOn"]
        assert {f"{name}Concurrency", f"{name}Asynchronous"} <= set(after)


def test_attempts_tell_codes_from_replays_and_test_numbers(
    function: FunctionUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the log only a request that called the API has attempts, which the queries count by."""
    function.set(TEST_NUMBERS="+6581234567")
    for fields in ({}, {}, {"phone_number": "+6581234567"}):
        function.ask(idempotency_key="one", **fields)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    attempts = [line["attempts"] for line in lines if line["event"] == "invocation"]
    assert attempts == [1, 0, 0]


def test_an_event_of_the_bus_is_a_request() -> None:
    """What the rule puts into the queue, a whole CloudEvent, is read out of the queue's message."""
    event = {"specversion": "1.0", "id": "1", "source": "x", "data": {"phone_number": NUMBER}}
    item = {
        "specversion": "1.0",
        "data": {"messageId": "m", "messageBody": json.dumps(event)},
    }
    (message,) = events.recognise(json.dumps([item]).encode()).messages()
    assert message.read()["phone_number"] == NUMBER
