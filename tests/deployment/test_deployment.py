"""The deployment files, rendered and checked without the cloud."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import yaml

from tests.deployment import rendering
from tests.deployment.checks import VPC, check_s_yaml, check_template
from tests.deployment.rendering import ENVIRONMENT, ROOT
from tests.support.function_under_test import NUMBER, FunctionUnderTest
from verify_code import events

FC3_SCHEMA = json.loads((ROOT / "tests/data/fc3_schema.json").read_text())


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


@pytest.mark.parametrize("enabled", rendering.OPERATIONS)
def test_operations_reach_both_functions_and_the_role(enabled: str) -> None:
    """Both files tell both functions what is enabled; the stack's role may do it and no more."""
    check_s_yaml(rendering.s_yaml(), OPERATIONS=enabled)
    check_template(rendering.template(), Operations=enabled)
    environment = ENVIRONMENT | {"OPERATIONS": enabled}
    resources = rendering.rendered_s_yaml(rendering.s_yaml(), environment)
    functions = rendering.functions_of_s_yaml(resources)
    resources = rendering.rendered_template(rendering.template(), Operations=enabled)
    functions += rendering.functions_of_template(resources)
    told = [each["environmentVariables"]["OPERATIONS"] for each in functions]
    assert told == [enabled] * 4


def test_nothing_but_send_is_enabled_unless_it_is_asked_for() -> None:
    """Without a value both files enable `send` alone; the form of a stack offers no wrong value."""
    resources = rendering.rendered_s_yaml(rendering.s_yaml(), ENVIRONMENT)
    for function in rendering.functions_of_s_yaml(resources):
        assert function["environmentVariables"]["OPERATIONS"] == "send"
    parameter = rendering.template()["Parameters"]["Operations"]
    assert parameter["Default"] == "send"
    assert parameter["AllowedValues"] == rendering.OPERATIONS


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
    (message,) = events.recognise(json.dumps([item]).encode()).messages
    assert message.parse()["phone_number"] == NUMBER
