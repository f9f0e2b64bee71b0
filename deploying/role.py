"""What the function's role may do."""

from __future__ import annotations

import json
from typing import Any

from deploying.names import ROOT
from verify_code.operations import OPERATIONS

#: What each operation lets the role do; docs/role_policy.json has that of send alone.
ACTIONS = {name: f"cams:{each.action}" for name, each in OPERATIONS.items()}

#: What the function's role needs besides docs/role_policy.json where the store is in a VPC.
VPC_STATEMENT = {
    "Effect": "Allow",
    "Action": [
        *("vpc:DescribeVSwitchAttributes", "vpc:DescribeVpcAttribute"),
        *("ecs:CreateNetworkInterface", "ecs:DeleteNetworkInterface"),
        *("ecs:DescribeNetworkInterfaces", "ecs:CreateNetworkInterfacePermission"),
        *("ecs:DeleteNetworkInterfacePermission", "ecs:DescribeNetworkInterfacePermissions"),
    ],
    "Resource": ["*"],
}


def role_policy(value: dict[str, str], account: str) -> dict[str, Any]:
    """docs/role_policy.json with the actions of the enabled operations, and of the VPC if any."""
    text = (ROOT / "docs" / "role_policy.json").read_text().replace("ACCOUNT", account)
    policy: dict[str, Any] = json.loads(text)
    enabled = [name.strip().lower() for name in (value["OPERATIONS"] or "send").split(",")]
    of_the_api = policy["Statement"][0]
    of_the_api["Action"] = [action for name, action in ACTIONS.items() if name in enabled]
    if value["VPC_CONFIG"]:
        policy["Statement"].append(VPC_STATEMENT)
    return policy
