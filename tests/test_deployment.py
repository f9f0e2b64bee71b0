"""The deployment files, checked without the cloud; and that the checks catch mistakes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatapp_code import triggers
from tests.deployment import checks, rendering
from tests.deployment.rendering import ACCOUNT, ENVIRONMENT, ROOT
from tests.function_under_test import NUMBER, FunctionUnderTest

VPC = {"VpcId": "vpc-1", "VSwitchId": "vsw-1", "SecurityGroupId": "sg-1"}


def of_s_yaml(document: dict[str, Any], **environment: str) -> list[str]:
    """All that is wrong in the document of an s.yaml."""
    resources = rendering.rendered_s_yaml(document, ENVIRONMENT | environment)
    functions = rendering.functions_of_s_yaml(resources)
    # The figures of what isn't of the right form mean nothing.
    return [*checks.problems_of_s_yaml(resources)] or [*checks.problems_of_functions(functions)]


def of_template(document: dict[str, Any], **parameters: Any) -> list[str]:
    """All that is wrong in the document of a template.yml."""
    resources = rendering.rendered_template(document, **parameters)
    functions = rendering.functions_of_template(resources)
    policies = resources["Role"]["Properties"]["Policies"]
    return [*checks.problems_of_template(document, resources)] or [
        *checks.problems_of_functions(functions),
        *checks.problems_of_queues(resources),
        *checks.problems_of_policies(
            [policy["PolicyDocument"] for policy in policies], in_vpc="VpcId" in parameters
        ),
    ]


def test_s_yaml_is_right() -> None:
    """s.yaml is what the component takes, without an unknown key, and its figures agree."""
    assert of_s_yaml(rendering.s_yaml()) == []
    assert of_s_yaml(rendering.s_yaml(), STORE_URL="rediss://user:word@host:6380/0") == []


def test_template_is_right() -> None:
    """template.yml is what ROS takes, without an unknown key, whatever is chosen in it."""
    document = rendering.template()
    assert of_template(document) == []
    assert of_template(document, AuthType="function", Jwks={}, EventBusName="bus", **VPC) == []


def test_both_deploy_the_same() -> None:
    """s.yaml and template.yml deploy the same two functions, key by key."""
    in_s_yaml = rendering.functions_of_s_yaml(rendering.rendered_s_yaml(rendering.s_yaml()))
    in_template = rendering.functions_of_template(rendering.rendered_template(rendering.template()))
    for function in in_s_yaml:
        function["environmentVariables"] = {
            name: value.strip() for name, value in function["environmentVariables"].items()
        }
    assert in_s_yaml == in_template
    assert [each["concurrencyConfig"]["reservedConcurrency"] for each in in_s_yaml] == [6, 3]


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


@pytest.mark.parametrize(("http", "events"), [(9, 0), (0, 9)])
def test_one_function_alone_has_all_calls(http: int, events: int) -> None:
    """With 0 for the one and 9 for the other both files are still right, less the trigger that
    would deliver to what never runs."""
    document = rendering.s_yaml()
    document["vars"] |= {"httpInstances": http, "eventInstances": events}
    if not events:
        document["resources"]["events"]["props"]["triggers"] = []
    assert of_s_yaml(document) == []
    assert of_template(rendering.template(), HttpInstances=http, EventInstances=events) == []


@pytest.mark.parametrize(
    ("store_url", "problems"),
    [("redis://host", []), ("memory://", ["together they make 18 calls a second, more than 9"])],
)
def test_a_shared_store_lets_both_make_all_calls(store_url: str, problems: list[str]) -> None:
    """The edit of docs/operating.md, 9 calls a second in both, needs a shared store."""
    document, stack = rendering.s_yaml(), rendering.template()
    for name in ("http", "events"):
        environment = document["resources"][name]["props"]["environmentVariables"]
        environment["MAX_CALLS_PER_SECOND"] = "9 "
        properties = stack["Resources"][f"{name.title()}Function"]["Properties"]
        properties["EnvironmentVariables"]["MAX_CALLS_PER_SECOND"] = "9"
    assert of_s_yaml(document, STORE_URL=store_url) == problems
    assert of_template(stack, StoreUrl=store_url) == problems


def put(document: Any, path: str, value: Any) -> None:
    """Puts a value at a place such as `resources/http/props/timeout`; `-` is after
    the last of a list, and `None` takes away."""
    *way, last = (int(step) if step.isdigit() else step for step in path.split("/"))
    for step in way:
        document = document[step]
    if value is None:
        del document[last]
    elif last == "-":
        document.append(value)
    else:
        document[last] = value


HTTP = "resources/http/props"
JWT = f"{HTTP}/triggers/0/triggerConfig"
STREAM = "resources/events/props/triggers/0/triggerConfig"
OPTIONS = f"{STREAM}/runOptions"
DAY_LONG = "EXPONENTIAL_DECAY_RETRY"
STACK = "Resources/HttpFunction/Properties"
POLICIES = "Resources/Role/Properties/Policies"
POLICY = f"{POLICIES}/0/PolicyDocument/Statement"
ALLOW = {"Effect": "Allow", "Resource": ["*"]}
NUMBER_OF_DAYS = {"Ref": "LogDays"}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        # In s.yaml:
        (f"{HTTP}/timout", 20, "'timout' was unexpected"),
        (f"{OPTIONS}/batchWindow/Count", 1, "'Count' was unexpected"),
        (f"{HTTP}/handler", None, "'handler' is a required property"),
        (f"{HTTP}/environmentVariables/STORE_URL", 1, "is not of type 'string'"),
        (f"{HTTP}/environmentVariables/STORE_URL", "redis//x", "STORE_URL must"),
        (f"{HTTP}/environmentVariables/RESERVED_CONCURRENCY", "9", "has a cap of 6"),
        ("vars/httpInstances", 7, "together they make 10 calls a second"),
        (f"{OPTIONS}/maximumTasks", 4, "more is delivered at once"),
        (f"{HTTP}/timeout", 30, "the app gives up"),
        (f"{HTTP}/instanceLifecycleConfig/initializer/timeout", 2, "the initializer"),
        (f"{HTTP}/logConfig/logBeginRule", "DefaultRegex", "glued together"),
        (f"{HTTP}/asyncInvokeConfig/maxAsyncEventAgeInSeconds", 3600, "wait longer"),
        (f"{HTTP}/asyncInvokeConfig/maxAsyncRetryAttempts", 8, "more than a few times"),
        (f"{HTTP}/asyncInvokeConfig/destinationConfig/onFailure", None, "fail unseen"),
        (f"{JWT}/authType", "anonymous", "lets anybody ask"),
        (f"{JWT}/methods", ["GET", "POST"], "only POST"),
        (f"{JWT}/authConfig/tokenLookup", "header:Authorization:Bearer", "from elsewhere"),
        (f"{JWT}/authConfig/claimPassBy", "header:sub:x-caller", "don't go into"),
        (f"{JWT}/authConfig/whitelist", ["/"], "some paths need no token"),
        ("vars/callerHeader", "x-caller", "could guess"),
        (f"{OPTIONS}/batchWindow/CountBasedWindow", 10, "more than one message"),
        (f"{OPTIONS}/retryStrategy/PushRetryStrategy", DAY_LONG, "for a day"),
        (f"{OPTIONS}/deadLetterQueue", None, "or is lost"),
        (f"{STREAM}/asyncInvocationType", True, "never reaches the source"),
        # In template.yml:
        (f"{STACK}/TimeOut", 20, "'TimeOut' was unexpected"),
        (f"{STACK}/MemorySize", 64, "64 is less than the minimum"),
        (f"{STACK}/EnvironmentVariables/DEFAULT_METHOD", NUMBER_OF_DAYS, "isn't text"),
        ("Resources/HttpFunction/DependOn", ["Role"], "unknown DependOn"),
        ("Resources/Requests/Type", "ALIYUN::MNS::Queu", "unknown type"),
        ("Resources/Requests/Properties/VisibilityTimeout", 30, "shows again"),
        ("Parameters/Runtime/AllowedValue", ["x"], "unknown AllowedValue"),
        ("Parameters/Extra", {"Type": "String", "Label": "x"}, "each parameter once"),
        ("Resorces", {}, "Resorces is no section"),
        (f"{POLICY}/0/Action/0", "cams:*", "cams:* on * is too much"),
        (f"{POLICY}/1/Resource/0", "*", "log:PostLogStoreLogs on * is too much"),
        (f"{POLICY}/-", {**ALLOW, "NotAction": ["ram:*"]}, "more than it seems"),
        (f"{POLICY}/2", None, "mns:SendMessage is missing"),
        (f"{POLICIES}/1/Fn::If/0", "ByToken", "ecs:CreateNetworkInterface on * is too much"),
        (f"{STACK}/Runtime", {"Ref": "Runtim"}, "'Runtim' leads nowhere"),
        (f"{STACK}/Role", {"Fn::GetAtt": ["Role", "ARN"]}, "has no ARN' leads nowhere"),
        (f"{STACK}/Role", {"Fn::GetAt": ["Role", "Arn"]}, "'Fn::GetAt' leads nowhere"),
        ("Resources/HttpTrigger/DependsOn", ["Concurrency"], "'Concurrency' leads nowhere"),
    ],
)
def test_a_mistake_is_found(path: str, value: Any, found: str) -> None:
    """A typo, a figure that contradicts another, too wide a policy or a dead reference is found."""
    is_s_yaml = path.startswith(("resources", "vars"))
    document = rendering.s_yaml() if is_s_yaml else rendering.template()
    put(document, path, value)
    try:
        problems = of_s_yaml(document) if is_s_yaml else of_template(document)
    except LookupError as nowhere:
        problems = [f"{nowhere.args[0]!r} leads nowhere"]
    assert any(found in problem for problem in problems), problems


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
    (message,) = triggers.recognise(json.dumps([item]).encode()).messages()
    assert message.read().named("phone_number") == [NUMBER]


@pytest.mark.skipif(not shutil.which("node"), reason="there is no node here")
def test_the_layer_is_published(tmp_path: Path) -> None:
    """The plugin gives the function the version of the layer that the tool printed."""
    arn = f"acs:fc:ap-southeast-1:{ACCOUNT}:layers/chatapp-verify-code/versions/7"
    tool = tmp_path / "s"
    printed = rf"\033[1mlayerVersionArn: \033[22m {arn}"
    tool.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/asked\nprintf '{printed}'\n")
    tool.chmod(0o755)
    (tmp_path / "layer.zip").touch()
    props = {"region": "ap-southeast-1", "timeout": 20}
    yaml_file = {"path": str(tmp_path / "s.yaml")}
    inputs = {"props": props, "yaml": yaml_file, "resource": {"access": "default"}}
    given = {"name": "chatapp-verify-code", "zip": "./layer.zip", "runtime": "python3.10"}
    run = (
        f"require('./layers/publish.js')({json.dumps(inputs)}, {json.dumps(given)})"
        ".then((outputs) => console.log(JSON.stringify(outputs.props)))"
    )
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    outputs = subprocess.check_output(["node", "-e", run], cwd=ROOT, env=environment)
    assert json.loads(outputs) == {**props, "layers": [arn]}
    asked = (tmp_path / "asked").read_text()
    options = f"--layer-name chatapp-verify-code --code {tmp_path}/layer.zip"
    assert f"cli fc3 layer publish {options} --compatible-runtime python3.10 " in asked
