"""The role that `make deploy` makes, by the recorder in the place of `aliyun`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploying.names import FUNCTIONS, NAME
from deploying.resources import Resources
from tests.deployment import rendering
from tests.deployment.checks import VPC, granted, to_grant
from tests.deployment.rendering import ACCOUNT


def make_role(things: Path, operations: str, vpc: str = "") -> tuple[str, dict[str, Any]]:
    """What the step says, and the role's policy then."""
    values = {"OPERATIONS": operations, "VPC_CONFIG": vpc}
    resources = Resources(values, FUNCTIONS)
    resources.account = ACCOUNT
    told = resources.make_role()
    made = json.loads((things / "things.json").read_text())
    assert made[f"Role {NAME}"]["attached"] == NAME
    policy: dict[str, Any] = json.loads(made[f"Policy {NAME}"]["PolicyDocument"])
    return told, policy


@pytest.mark.parametrize("operations", rendering.OPERATIONS)
def test_the_role_may_do_what_is_enabled(things: Path, operations: str) -> None:
    """It grants the action of each enabled operation and no other, like the stack's role."""
    told, policy = make_role(things, operations)
    assert told == "made role, policy"
    assert granted(policy) == to_grant(operations)
    resources = rendering.rendered_template(rendering.template(), Operations=operations)
    policies = resources["Role"]["Properties"]["Policies"]
    assert [each["PolicyDocument"] for each in policies] == [policy]


@pytest.mark.parametrize(
    ("written", "operations"),
    [("", "send"), (" Verify , send,", "send,verify"), ("status", "status")],
)
def test_operations_as_users_write_them(things: Path, written: str, operations: str) -> None:
    """Blanks, capitals and the order don't matter; none means `send`."""
    assert granted(make_role(things, written)[1]) == to_grant(operations)


def test_a_changed_operation_changes_the_role(things: Path) -> None:
    """A further operation adds its action in a new version of the policy, one that is taken out
    takes it along, and the same ones change nothing."""
    vpc = json.dumps({"vpcId": VPC["VpcId"]})
    make_role(things, "send", vpc)
    for operations, told in (
        ("send,status,verify", "there already, policy brought up to date"),
        ("send,verify", "there already, policy brought up to date"),
        ("verify,send", "there already"),
        ("send", "there already, policy brought up to date"),
    ):
        said, policy = make_role(things, operations, vpc)
        assert said == told, operations
        assert granted(policy) == to_grant(operations, is_in_vpc=True)
    calls = [json.loads(line)[1] for line in (things / "calls.jsonl").read_text().splitlines()]
    assert calls.count("CreatePolicy") == 1
    assert calls.count("CreatePolicyVersion") == 3
