"""The whole way of a deployment with the real tools, against a stand-in of the control plane.

`make test-deploy` runs it; README.md beside this says what it needs.
"""

from __future__ import annotations

import copy
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment import chain
from tests.deployment.chain import DIST, Machine
from tests.deployment.control_plane import ControlPlane, Failure, Request

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
HTTP, EVENTS = "chatapp-verify-code-http", "chatapp-verify-code-events"
GIVEN = {"CUST_SPACE_IDS": "cams-one,cams-two", "ALLOWED_COUNTRIES": "SG,ID"}
MEMORY = {**GIVEN, "STORE_URL": "memory://"}
STORE = {**GIVEN, "STORE_URL": "rediss://user:pass-word@store.example:6380/0"}

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    missing = {
        "Serverless Devs (make test-deploy installs it)": chain.serverless_devs(),
        f"the component {chain.COMPONENT} (tests/deployment/README.md)": chain.component(),
        f"layers/dist/python{VERSION}.zip": (DIST / f"python{VERSION}.zip").exists(),
    }
    absent = [name for name, found in missing.items() if not found]
    if absent:
        pytest.skip(f"THE DEPLOYMENT IS NOT TESTED: missing {', '.join(absent)}")


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path) as running:
        yield running
    assert running.unexpected == []


@pytest.fixture
def machine(tmp_path: Path, plane: ControlPlane) -> Machine:
    return Machine(tmp_path, plane, f"python{VERSION}")


def places(requests: list[Request], *patterns: str) -> list[int]:
    """Where the first request that fits each pattern stands among them."""
    lines = [f"{each.method} {each.path}" for each in requests]
    return [next(at for at, line in enumerate(lines) if re.search(p, line)) for p in patterns]


def test_a_first_deployment_and_another_without_a_change(
    plane: ControlPlane, machine: Machine
) -> None:
    """From a bare account to an address that answers: layer, functions, caps and triggers in this
    order; a second run changes nothing."""
    with plane.recording() as changes:
        first = machine.deploy(**STORE, ALARM_EMAIL="on-call@example.com")
    assert first.status == 0, first.text
    assert f"https://{HTTP}-abcdefghij.ap-southeast-1.fcapp.run" in first.text
    assert "a signed, empty request was refused as it must be" in first.text
    state = plane.state
    layer = state.functions[HTTP]["layers"][0]["arn"]
    assert re.fullmatch(
        r"acs:fc:ap-southeast-1:\d{16}:layers/chatapp-verify-code/versions/1", layer
    )
    assert [each["arn"] for each in state.functions[EVENTS]["layers"]] == [layer]
    assert state.caps == {HTTP: 6, EVENTS: 3}
    assert state.triggers.keys() == {f"{HTTP}/http", f"{EVENTS}/requests"}
    assert state.asynchronous.keys() == {HTTP, EVENTS}
    order = places(
        changes,
        "POST .*/layers/",
        "POST .*/functions$",
        f"PUT .*{HTTP}/concurrency",
        f"PUT .*{EVENTS}/concurrency",
        "POST .*/triggers$",
    )
    assert order == sorted(order)
    environment = state.functions[HTTP]["environmentVariables"]
    assert (environment["RESERVED_CONCURRENCY"], environment["MAX_CALLS_PER_SECOND"]) == (
        "6 ",
        "9 ",
    )

    before, made, calls = copy.deepcopy(state), machine.made(), len(machine.calls())
    second = machine.deploy()
    assert second.status == 0, second.text
    assert state == before
    assert machine.made() == made
    assert "alarms for on-call@example.com: 10 log, 4 metric, 12 new or changed" in first.text
    assert sum(name.startswith("Alert ") for name in made) == 10
    looks = {"GetCallerIdentity", "list", "list-alerts", "ListPoliciesForRole"}
    looks.add("DescribeContactList")
    actions = {call[1] for call in machine.calls()[calls:]} - looks
    again = {name for name in actions if not name.lower().startswith("get")}
    assert again == {"PutContactGroup", "PutResourceMetricRule"}  # which change nothing
    secrets = [machine.values()[name] for name in ("STORE_SECRET", "CALLER_HEADER")]
    assert [each for each in ("pass-word", *secrets) if each in first.text + second.text] == []


def test_a_redeployment_with_changed_code_and_with_a_changed_layer(
    plane: ControlPlane, machine: Machine
) -> None:
    """New code reaches both functions with the layer as it was; new libraries make one further
    version, which both get."""
    assert machine.deploy(**MEMORY).status == 0
    before = copy.deepcopy(plane.state)
    add(machine.checkout / "layers" / "dist" / "function.zip", "new.txt")
    ended = machine.deploy()
    assert ended.status == 0, ended.text
    assert all(plane.state.code[name] != before.code[name] for name in (HTTP, EVENTS))
    assert plane.state.layers == before.layers
    add(machine.checkout / "layers" / "dist" / f"python{VERSION}.zip", "python/new.txt")
    ended = machine.deploy()
    assert ended.status == 0, ended.text
    assert len(plane.state.layers["chatapp-verify-code"]) == 2
    for name in (HTTP, EVENTS):
        arns = [each["arn"] for each in plane.state.functions[name]["layers"]]
        assert [arn.rpartition("/")[2] for arn in arns] == ["2"]
    assert plane.state.triggers == before.triggers


def add(archive: Path, name: str) -> None:
    with zipfile.ZipFile(archive, "a") as content:
        content.writestr(name, "new")


def test_memory_is_chosen_in_a_terminal(plane: ControlPlane, machine: Machine) -> None:
    """In a terminal it asks for spaces, countries, the store and an address for alarms; memory gets
    one instance for each function, and calls that add up to 9."""
    ended = machine.deploy_in_a_terminal(["cams-one", "SG", "memory", ""])
    assert ended.status == 0, ended.text
    assert plane.state.caps == {HTTP: 1, EVENTS: 1}
    environments = [plane.state.functions[n]["environmentVariables"] for n in (HTTP, EVENTS)]
    assert [each["MAX_CALLS_PER_SECOND"].strip() for each in environments] == ["5", "4"]
    assert {each["STORE_URL"] for each in environments} == {"memory://"}
    path = machine.checkout / ".env"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (machine.checkout / "private.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CUST_SPACE_IDS": "cams-one"}, "ALLOWED_COUNTRIES is missing"),
        ({**MEMORY, "ALLOWED_COUNTRIES": "Singapore"}, "ALLOWED_COUNTRIES"),
        ({**MEMORY, "STORE_SECRET": "short", "STORE_URL": "redis://host"}, "STORE_SECRET"),
        ({**MEMORY, "OPERATIONS": "send,delete"}, "OPERATIONS"),
    ],
)
def test_a_missing_or_wrong_value_changes_nothing(
    plane: ControlPlane, machine: Machine, given: dict[str, str], said: str
) -> None:
    """Without a terminal a value that is missing or wrong is named before anything is asked of the
    cloud."""
    ended = machine.deploy(**given)
    assert ended.status == 1
    assert said in ended.text
    assert "Nothing was changed." in ended.text
    assert "Traceback" not in ended.text
    assert plane.requests == []
    assert machine.calls() == []
    assert not (machine.checkout / ".env").exists()


def test_a_step_that_fails_half_way_goes_on(plane: ControlPlane, machine: Machine) -> None:
    """A refusal is a sentence with what to do and no secret; the next run goes on from there, and
    until then nobody can call anything."""
    machine.refuse(CreateQueue="NoPermission")
    ended = machine.deploy(**MEMORY)
    assert ended.status == 1
    assert "NoPermission" in ended.text
    assert "AliyunMNSFullAccess" in ended.text
    assert plane.state.functions == {}
    plane.failures.append(Failure(f"PUT .*{EVENTS}/concurrency", "AccessDenied", 403))
    ended = machine.deploy()
    assert ended.status == 1
    assert "AccessDenied" in ended.text
    assert plane.state.functions.keys() == {HTTP, EVENTS}
    assert plane.state.triggers == {}
    ended = machine.deploy()
    assert ended.status == 0, ended.text
    assert plane.state.triggers.keys() == {f"{HTTP}/http", f"{EVENTS}/requests"}


def test_one_function_alone(plane: ControlPlane, machine: Machine) -> None:
    """With ONLY=http there is no other function, no queue for requests, and no role of
    EventBridge."""
    ended = machine.deploy("deploy", "http", **MEMORY)
    assert ended.status == 0, ended.text
    assert plane.state.functions.keys() == {HTTP}
    assert plane.state.caps == {HTTP: 1}
    assert "Queue chatapp-verify-code-requests" not in machine.made()
    assert not [name for name in machine.made() if "EventBridge" in name]


def test_operations_come_and_go(plane: ControlPlane, machine: Machine) -> None:
    """OPERATIONS reaches both functions and the role; a word that is taken out is gone from all."""
    given = {**MEMORY, "OPERATIONS": "send,status"}
    status = b'{"operation": "status"}'
    for operations, actions, code in (
        (
            "send,status",
            {"GetChatappVerifyCode", "GetPhoneNumberVerificationStatus"},
            "InvalidRequest",
        ),
        ("send", {"GetChatappVerifyCode"}, "OperationNotEnabled"),
    ):
        ended = machine.deploy(**given)
        assert ended.status == 0, ended.text
        environments = [plane.state.functions[n]["environmentVariables"] for n in (HTTP, EVENTS)]
        assert [each["OPERATIONS"] for each in environments] == [operations] * 2
        assert set(re.findall(r"cams:(\w+)", json.dumps(machine.made()))) == actions
        assert json.loads(plane.deployed.invoke(HTTP, status))["code"] == code
        given = {}
        machine.set(OPERATIONS="send")


def test_a_store_in_a_vpc_comes_and_goes(plane: ControlPlane, machine: Machine) -> None:
    """VPC_CONFIG connects both functions and lets the role do it; emptied, it disconnects both."""
    vpc = {"vpcId": "vpc-1", "vSwitchIds": ["vsw-1"], "securityGroupId": "sg-1"}
    assert machine.deploy(**STORE, VPC_CONFIG=json.dumps(vpc)).status == 0
    assert [plane.state.functions[name]["vpcConfig"] for name in (HTTP, EVENTS)] == [vpc, vpc]
    assert "ecs:CreateNetworkInterface" in json.dumps(machine.made())
    machine.set(VPC_CONFIG="")
    assert machine.deploy().status == 0
    assert [plane.state.functions[name]["vpcConfig"]["vpcId"] for name in (HTTP, EVENTS)] == [
        "",
        "",
    ]
    assert "ecs:CreateNetworkInterface" not in json.dumps(machine.made())


def test_all_is_taken_away(plane: ControlPlane, machine: Machine) -> None:
    """`undeploy` leaves nothing at the control plane, says what stays, and can be run again."""
    assert machine.deploy(**MEMORY, ALARM_EMAIL="on-call@example.com").status == 0
    refused = machine.deploy("undeploy")
    assert refused.status == 1
    assert "YES=1" in refused.text
    assert plane.state.functions.keys() == {HTTP, EVENTS}
    ended = machine.deploy("undeploy", YES="1")
    assert ended.status == 0, ended.text
    state = plane.state
    assert [state.functions, state.triggers, state.caps] == [{}, {}, {}]
    assert not any(state.layers["chatapp-verify-code"])
    stays = [name for name in machine.made() if "EventBridge" not in name]
    assert {name.partition(" ")[0] for name in stays} <= {
        *("plugin", "LogStore", "Index", "Dashboard")  # which go with their project
    }
    assert ".env and private.pem" in ended.text
    assert machine.deploy("undeploy", YES="1").status == 0


def test_a_removal_that_fails_says_so(plane: ControlPlane, machine: Machine) -> None:
    """`s` hides that it removed nothing; what is still there is looked for, and nothing of what it
    needs is taken away."""
    assert machine.deploy("deploy", "http", **MEMORY).status == 0
    plane.failures += [Failure(f"DELETE .*{HTTP}$", "AccessDenied", 403)] * 9
    ended = machine.deploy("undeploy", YES="1")
    plane.failures.clear()
    assert ended.status == 1
    assert "s removed not everything: AccessDenied" in ended.text
    assert "AliyunFCFullAccess" in ended.text
    assert "Role chatapp-verify-code" in machine.made()


def test_from_a_store_to_memory_and_with_other_secrets(
    plane: ControlPlane, machine: Machine
) -> None:
    """Fewer instances come before what each may do; one function alone is refused where the other
    runs otherwise, and so are secrets that were made anew."""
    assert machine.deploy(**STORE).status == 0
    machine.set(STORE_URL="memory://")
    alone = machine.deploy("deploy", "http")
    assert (alone.status, "Deploy both, without ONLY." in alone.text) == (1, True)
    with plane.recording() as changes:
        assert machine.deploy().status == 0
    order = places(
        changes, f"PUT .*{HTTP}/concurrency", f"PUT .*{EVENTS}/concurrency", "/functions/[^/]+$"
    )
    assert order == sorted(order)
    assert plane.state.caps == {HTTP: 1, EVENTS: 1}
    (machine.checkout / ".env").unlink()
    before = copy.deepcopy(plane.state)
    anew = machine.deploy(**MEMORY)
    assert (anew.status, ".env was made anew" in anew.text) == (1, True)
    assert plane.state == before


def test_the_token_of_another_key_is_refused(plane: ControlPlane, machine: Machine) -> None:
    """Where the deployed key set isn't private.pem's, the check of the way in says so."""
    assert machine.deploy(**MEMORY).status == 0
    (machine.checkout / "private.pem").unlink()
    run = machine.run(
        sys.executable, "-c", "from deploying.key_pair import new_key_set; new_key_set()"
    )
    assert run.status == 0, run.text
    ended = machine.deploy()
    assert ended.status == 1
    assert "422 InvalidRequest" in ended.text
    assert "403" in ended.text
