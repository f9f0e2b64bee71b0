"""The steps that deploy, and those that remove what was deployed, in their order."""

from __future__ import annotations

import os
import sys

from deploying.functions import Functions
from deploying.monitoring import Place
from deploying.monitoring_step import Monitoring
from deploying.names import ENV_FILE, LOGSTORE, NAME, PRIVATE_KEY
from deploying.resources import Resources
from deploying.steps import Step, run_steps
from deploying.tools import StepFailed

MONITORING_POLICIES = "AliyunLogFullAccess, AliyunCloudMonitorFullAccess"


class Deployment:
    """One deployment of some functions with their values."""

    def __init__(
        self, value: dict[str, str], functions: tuple[str, ...], *, is_new: bool = False
    ) -> None:
        self._value = value
        self._resources = Resources(value, functions)
        self._functions = Functions(value, functions, is_new=is_new)

    def deploy(self) -> None:
        """All steps in their order; raises StepFailed at the first that fails."""
        resources, functions = self._resources, self._functions
        steps = [
            Step("account", "", resources.find_account),
            Step("role", "AliyunRAMFullAccess", resources.make_role),
            Step("queues", "AliyunMNSFullAccess", resources.make_queues),
            Step("log", "AliyunLogFullAccess", resources.make_log),
            Step("layer and functions", "AliyunFCFullAccess", functions.deploy),
            Step("caps", "AliyunFCFullAccess", functions.put_caps),
            Step(
                "triggers",
                "AliyunFCFullAccess, AliyunEventBridgeFullAccess",
                functions.put_triggers,
            ),
            Step("check", "AliyunFCInvocationAccess", functions.check),
            Step("monitoring", MONITORING_POLICIES, lambda: self._monitoring().put()),
        ]
        if "events" in functions.functions:
            policy = "ram:CreateServiceLinkedRole (AliyunRAMFullAccess)"
            steps.insert(
                4, Step("service-linked roles", policy, resources.make_service_linked_roles)
            )
        run_steps(steps)
        if functions.address:
            print(f"\n{functions.address}")
        print("\nDeployed. A token for an app: make token CALLER=shop-17")

    def undeploy(self) -> None:
        """Takes everything away that `deploy` made, in the other order."""
        if not self._value:
            raise StepFailed(f"There is no {ENV_FILE} here: nothing was deployed from here.")
        if sys.stdin.isatty() and input(f"Type {NAME} to remove it, its log included: ") != NAME:
            raise StepFailed("Nothing was removed.")
        if not sys.stdin.isatty() and os.environ.get("YES") != "1":
            raise StepFailed("Without a terminal write: make undeploy YES=1. Nothing was removed.")
        resources, functions = self._resources, self._functions
        run_steps(
            [
                Step("account", "", resources.find_account),
                Step("functions", "AliyunFCFullAccess", functions.remove),
                Step("alarms", MONITORING_POLICIES, lambda: self._monitoring().remove()),
                Step("log", "AliyunLogFullAccess", resources.remove_log),
                Step("queues", "AliyunMNSFullAccess", resources.remove_queues),
                Step("role", "AliyunRAMFullAccess", resources.remove_role),
            ]
        )
        print(
            f"\nRemoved. What stays: {ENV_FILE} and {PRIVATE_KEY} here (secrets), ~/.s/logs (the "
            "values in clear), the store's keys for 24 hours, EventBridge's service-linked roles, "
            "and the plugin sls of aliyun. Delete what nothing else uses."
        )

    def _monitoring(self) -> Monitoring:
        made = self._resources
        place = Place(made.account, made.region, made.project, LOGSTORE)
        return Monitoring(place, self._functions.functions, self._value.get("ALARM_EMAIL", ""))
