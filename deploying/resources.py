"""What the functions need around them, made and removed with `aliyun`: role, queues and log."""

from __future__ import annotations

import json

from deploying.names import LOGSTORE, NAME, ROOT
from deploying.tools import (
    TOOLS,
    Command,
    StepFailed,
    Thing,
    aliyun,
    ensure,
    need_log_plugin,
    path_of,
    removed,
)

#: EventBridge reads the queue, sends dead letters and calls the function by these roles.
SERVICE_LINKED_ROLES = {
    "AliyunServiceRoleForEventBridgeSendToFC": "sendevent-fc.eventbridge.aliyuncs.com",
    "AliyunServiceRoleForEventBridgeSendToMNS": "sendevent-mns.eventbridge.aliyuncs.com",
}


class Resources:
    """What is made with `aliyun` for some functions and their values."""

    def __init__(self, value: dict[str, str], functions: tuple[str, ...]) -> None:
        self.value = value
        self.region = value.get("REGION", "")
        self.account = ""  # until it is found
        self.queues: dict[str, Command] = {f"{NAME}-dead": ("--MessageRetentionPeriod", "345600")}
        if "events" in functions:
            times = ("--VisibilityTimeout", "300", "--MessageRetentionPeriod", "86400")
            self.queues[f"{NAME}-requests"] = times

    @property
    def project(self) -> str:
        """The log's project, whose name must be the only one of a region."""
        return f"{NAME}-{self.account}"

    def find_account(self) -> str:
        """The account that `aliyun` is configured for; all tools must be here."""
        for tool in TOOLS:
            path_of(tool)
        self.account = str((aliyun("sts", "GetCallerIdentity") or {}).get("AccountId", ""))
        if not self.account:
            raise StepFailed("aliyun names no account. Run `aliyun configure` first.")
        return f"{self.account}, {self.region}"

    def make_role(self) -> str:
        """The role, its policy for the enabled operations, and the policy attached."""
        # Here, since `make recipient` runs without the packages of layers/requirements.txt.
        from deploying.role import role_policy

        role, policy = ("--RoleName", NAME), ("--PolicyName", NAME)
        principal = {"Service": ["fc.aliyuncs.com"]}
        statement = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": principal}
        trust = json.dumps({"Version": "1", "Statement": [statement]})
        wanted = role_policy(self.value, self.account)
        document = (*policy, "--PolicyDocument", json.dumps(wanted))
        look = ("ram", "GetPolicy", "--PolicyType", "Custom", *policy)
        told = ensure(
            Thing("role", ("ram", "GetRole", *role),
                  ("ram", "CreateRole", *role, "--AssumeRolePolicyDocument", trust)),
            Thing("policy", look, ("ram", "CreatePolicy", *document)),
        )  # fmt: skip
        found = (aliyun(*look) or {}).get("DefaultPolicyVersion", {}).get("PolicyDocument", "{}")
        if json.loads(found) != wanted:
            rotate = ("--RotateStrategy", "DeleteOldestNonDefaultVersionWhenLimitExceeded")
            aliyun("ram", "CreatePolicyVersion", *document, "--SetAsDefault", "true", *rotate)
            told += ", policy brought up to date"
        attached = (aliyun("ram", "ListPoliciesForRole", *role) or {}).get("Policies", {})
        if NAME not in [each["PolicyName"] for each in attached.get("Policy", [])]:
            aliyun("ram", "AttachPolicyToRole", "--PolicyType", "Custom", *policy, *role)
        return told

    def make_queues(self) -> str:
        """The queues that aren't there yet."""
        return ensure(
            *(
                Thing(name, self._mns("GetQueueAttributes", name),
                      self._mns("CreateQueue", name, *options))
                for name, options in self.queues.items()
            )
        )  # fmt: skip

    def make_log(self) -> str:
        """The log's project, Logstore and index, by the plugin sls of aliyun."""
        need_log_plugin()
        about = ("--description", f"The log of {NAME}")
        size = ("--ttl", "7", "--shard-count", "1")
        line = json.dumps({"token": [" ", "\n", "\t", ",", ":", '"', "{", "}"]})
        keys = (ROOT / "docs" / "log_index.json").read_text()
        of_project = ("--project", self.project)
        of_logstore = (*of_project, "--logstore", LOGSTORE)
        return ensure(
            Thing("project", self._sls("get-project", *of_project),
                  self._sls("create-project", "--project-name", self.project, *about)),
            Thing("Logstore", self._sls("get-log-store", *of_logstore),
                  self._sls("create-log-store", *of_project, "--logstore-name", LOGSTORE, *size)),
            Thing("index", self._sls("get-index", *of_logstore),
                  self._sls("create-index", *of_logstore, "--line", line, "--keys", keys)),
        )  # fmt: skip

    def make_service_linked_roles(self) -> str:
        """The roles of EventBridge that aren't there yet."""
        make = ("resourcemanager", "CreateServiceLinkedRole", "--ServiceName")
        return ensure(
            *(
                Thing(role, ("ram", "GetRole", "--RoleName", role), (*make, service))
                for role, service in SERVICE_LINKED_ROLES.items()
            )
        )

    def remove_log(self) -> str:
        """The log's project and all that it holds."""
        return removed(self._sls("delete-project", "--project", self.project))

    def remove_queues(self) -> str:
        """Both queues and the messages in them."""
        return removed(*(self._mns("DeleteQueue", name) for name in self.queues))

    def remove_role(self) -> str:
        """The policy, detached first and with its older versions, and the role."""
        policy, role = ("--PolicyName", NAME), ("--RoleName", NAME)
        custom = ("--PolicyType", "Custom", *policy)
        listed = (aliyun("ram", "ListPolicyVersions", *custom) or {}).get("PolicyVersions", {})
        older = [each for each in listed.get("PolicyVersion", []) if not each["IsDefaultVersion"]]
        for version in older:
            aliyun("ram", "DeletePolicyVersion", *policy, "--VersionId", version["VersionId"])
        return removed(
            ("ram", "DetachPolicyFromRole", *custom, *role),
            ("ram", "DeletePolicy", *policy),
            ("ram", "DeleteRole", *role),
        )

    def _mns(self, action: str, queue: str, *words: str) -> Command:
        endpoint = f"mns-open.{self.region}.aliyuncs.com"
        where = ("--version", "2022-01-19", "--force", "--endpoint", endpoint)
        return ("mns-open", action, *where, "--QueueName", queue, *words)

    def _sls(self, action: str, *words: str) -> Command:
        return ("sls", action, "--region", self.region, *words)
