"""Deploys the package with Serverless Devs and the Alibaba Cloud CLI: `make deploy`.

    deploy.py deploy [http|events]   from a bare account to an address that answers
    deploy.py undeploy               takes all of it away
    deploy.py recipient EMAIL        lets a stack's alarms be sent to an address
    deploy.py values                 makes .env and the key pair, and deploys nothing
    deploy.py token CALLER           prints a token for one hour; without CALLER it has no sub

Every step first looks whether its work is done, so a second run changes only what changed, and a
run after a failure goes on where the last one stopped. docs/deploying.md explains it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from deploying.monitoring import Place
from deploying.monitoring_step import Monitoring, put_recipient
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
    run,
    tried,
)

ROOT = Path(__file__).parent
NAME = "chatapp-verify-code"
FUNCTIONS = ("http", "events")
ENV_FILE, PRIVATE_KEY = Path(".env"), Path("private.pem")
#: A line of .env, in which `s` allows blanks around the sign, too.
LINE = r"\s*(?:export\s+)?(\w+)\s*=(.*)"

#: Instances and calls a second of the two functions. In memory each function counts alone, so the
#: calls add up to 9; with a store both take turns from the same 9.
FIGURES = {
    "memory": {
        "HTTP_INSTANCES": "1",
        "HTTP_CALLS_PER_SECOND": "5",
        "EVENT_INSTANCES": "1",
        "EVENT_CALLS_PER_SECOND": "4",
    },
    "store": {
        "HTTP_INSTANCES": "6",
        "HTTP_CALLS_PER_SECOND": "9",
        "EVENT_INSTANCES": "3",
        "EVENT_CALLS_PER_SECOND": "9",
    },
}

#: What each operation of OPERATIONS lets the role do; docs/role_policy.json has that of send alone.
ACTIONS = {
    "send": "cams:GetChatappVerifyCode",
    "status": "cams:GetPhoneNumberVerificationStatus",
    "verify": "cams:ChatappVerifyAndRegister",
}

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

MONITORING_POLICIES = "AliyunLogFullAccess, AliyunCloudMonitorFullAccess"

#: EventBridge reads the queue, sends dead letters and calls the function by these roles.
SERVICE_LINKED_ROLES = {
    "AliyunServiceRoleForEventBridgeSendToFC": "sendevent-fc.eventbridge.aliyuncs.com",
    "AliyunServiceRoleForEventBridgeSendToMNS": "sendevent-mns.eventbridge.aliyuncs.com",
}

SPACES = "Spaces to use (CustSpaceId), separated by commas, the first is the default: "
COUNTRIES = "Countries that codes may be sent to, as ISO 3166 codes such as SG,ID: "
STORE = """
Where should the record of sent codes and the limits be kept?
  a store   redis://… or rediss://… (Tair, Redis, Valkey): all instances of both functions share it.
  memory    nothing to run. HTTP gets 1 instance and 5 calls a second, events 1 and 4. Duplicates
            and limits hold within one function until its instance is recycled, limits count once
            for each function, and simultaneous callers get the platform's 429.
The store's URL, or memory: """
ALARMS = "E-mail address that alarms are sent to (empty for no alarms): "
VPC = "If the store is in a VPC: vpc-…,vsw-…,sg-… (else empty): "


JSON = ("--silent", "-o", "json")


class Step(NamedTuple):
    """One step: what it is about, the system policy that allows it, and how it is done."""

    title: str
    policy: str
    run: Callable[[], str]


def main(words: list[str]) -> int:
    """Runs one command; the exit status says whether it succeeded."""
    os.umask(0o077)  # what this writes, and what `s` logs, has secrets
    try:
        match words:
            case ["deploy", *only] if not only or (len(only) == 1 and only[0] in FUNCTIONS):
                is_new = "STORE_SECRET" not in read_values() and "STORE_SECRET" not in os.environ
                Deployment(values(), tuple(only) or FUNCTIONS, is_new=is_new).deploy()
            case ["undeploy"]:
                Deployment(read_values(), FUNCTIONS).undeploy()
            case ["recipient", *email]:
                check_email(" ".join(email))
                need_log_plugin()
                print(put_recipient(*email))
            case ["token", *caller]:
                print(token(read_values(), *caller))
            case ["values"]:
                values()
            case _:
                print("Write: make deploy, make deploy ONLY=http, or make deploy ONLY=events.")
                return 2
    except StepFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. Run the same command again: it goes on from here.", file=sys.stderr)
        return 130
    return 0


# The values


def values() -> dict[str, str]:
    """The values of .env, which is made or completed first."""
    written = read_values()
    value = {**written}

    def take(name: str, ask: str = "", make: Callable[[], str] = str) -> None:
        given = os.environ.get(name, "").strip()
        if name not in value or (ask and not value[name]):
            value[name] = given or (asked(name, ask) if ask else make())
        elif given and given != value[name]:
            print(f"{name} of {ENV_FILE} is used, not the environment's.", file=sys.stderr)

    take("REGION", make=lambda: "ap-southeast-1")
    take("RUNTIME", make=lambda: "python3.10")
    take("CUST_SPACE_IDS", ask=SPACES)
    take("ALLOWED_COUNTRIES", ask=COUNTRIES)
    take("STORE_URL", ask=STORE)
    if value["STORE_URL"] == "memory":
        value["STORE_URL"] = "memory://"
    in_memory = value["STORE_URL"] == "memory://"
    take("VPC_CONFIG", make=lambda: "" if in_memory or not sys.stdin.isatty() else asked_vpc())
    figures = FIGURES["memory" if in_memory else "store"]
    others = FIGURES["store" if in_memory else "memory"]
    if others.items() <= value.items():  # the choice of a store was changed, the figures were not
        value |= figures
    for name in figures:
        take(name, make=partial(figures.__getitem__, name))
    take("TEST_NUMBERS")
    take("ALARM_EMAIL", make=lambda: input(ALARMS).strip() if sys.stdin.isatty() else "")
    take("OPERATIONS", make=lambda: "send")
    take("STORE_SECRET", make=lambda: secrets.token_hex(32))
    take("CALLER_HEADER", make=lambda: f"x-caller-{secrets.token_hex(12)}")
    take("CUST_SPACE_HEADER", make=lambda: f"x-cust-space-{secrets.token_hex(12)}")
    take("JWKS", make=new_key_set)
    check_values(value)
    changed = {name: text for name, text in value.items() if written.get(name) != text}
    if changed:
        write_values(changed)
        told = f"{ENV_FILE} has new values. Keep it and {PRIVATE_KEY} secret; git ignores both."
        print(told, file=sys.stderr)
    return value


def read_values() -> dict[str, str]:
    """What is written in .env; none if there is no such file."""
    if not ENV_FILE.exists():
        return {}
    value = {}
    for line in ENV_FILE.read_text("utf-8").splitlines():
        found = re.fullmatch(LINE, line)
        if found:
            value[found[1]] = re.sub(r"^(['\"])(.*)\1$", r"\2", found[2].strip()).strip()
        elif line.strip() and not line.lstrip().startswith("#"):
            raise StepFailed(
                f"{ENV_FILE} has a line that is not NAME='value'. Nothing was changed."
            )
    return value


def write_values(changed: dict[str, str]) -> None:
    """Puts values into .env, each in the place where it stood; only its owner may read the file."""
    lines = ENV_FILE.read_text("utf-8").splitlines() if ENV_FILE.exists() else []
    for name, value in changed.items():
        at = [i for i, each in enumerate(lines) if (m := re.fullmatch(LINE, each)) and m[1] == name]
        if at:
            lines[at[0]] = f"{name}='{value}'"
        else:
            lines.append(f"{name}='{value}'")
    new = ENV_FILE.with_suffix(".new")
    new.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    new.replace(ENV_FILE)


def asked(name: str, question: str) -> str:
    """What the user types; without a terminal a sentence says what to set."""
    if not sys.stdin.isatty():
        raise StepFailed(
            f"{name} is missing. Set it in the environment, or run `make deploy` in a terminal, "
            "which asks for it. Nothing was changed."
        )
    while not (answer := input(question).strip()):
        pass
    return answer


def asked_vpc() -> str:
    """The VPC in the form that s.yaml takes; empty for none."""
    ids = [each.strip() for each in input(VPC).split(",") if each.strip()]
    if not ids:
        return ""
    if [each.partition("-")[0] for each in ids] != ["vpc", "vsw", "sg"]:
        raise StepFailed("Write the VPC as vpc-…,vsw-…,sg-…: one of each. Nothing was changed.")
    return json.dumps({"vpcId": ids[0], "vSwitchIds": [ids[1]], "securityGroupId": ids[2]})


def check_values(value: dict[str, str]) -> None:
    """Lets the function itself read its settings before anything is created."""
    sys.path.insert(0, str(ROOT / "function"))  # it needs what layers/requirements.txt installs
    from verify_code.settings import MAX_CALLS_PER_SECOND, SettingsError, load

    for name in ("VPC_CONFIG", "JWKS"):
        try:
            json.loads(value[name] or "{}")
        except ValueError:
            raise StepFailed(f"{name} must be JSON. Nothing was changed.") from None
    # `s` reads the file, too: it puts variables in the place of $NAME.
    unfit = [name for name, text in value.items() if re.search(r"['$\n]", text)]
    if unfit:
        raise StepFailed(
            f"{unfit[0]} must be one line without ' and $ (in a URL write %27 and %24). "
            "Nothing was changed."
        )
    if value["ALARM_EMAIL"]:
        check_email(value["ALARM_EMAIL"])
    prefixes = {"http": "HTTP", "events": "EVENT"}
    for function, prefix in prefixes.items():
        if value[f"{prefix}_INSTANCES"] == "0":
            continue  # it never runs
        settings = value | {
            "RESERVED_CONCURRENCY": value[f"{prefix}_INSTANCES"],
            "MAX_CALLS_PER_SECOND": value[f"{prefix}_CALLS_PER_SECOND"],
        }
        try:
            load(settings, 20)
        except SettingsError as wrong:
            told = f"A value in {ENV_FILE} or in the environment is wrong: {wrong}"
            raise StepFailed(f"{told} (function {function}). Nothing was changed.") from None
    calls = sum(int(value[f"{prefix}_CALLS_PER_SECOND"]) for prefix in prefixes.values())
    if value["STORE_URL"] == "memory://" and calls > MAX_CALLS_PER_SECOND:
        raise StepFailed(
            "With memory:// HTTP_CALLS_PER_SECOND and EVENT_CALLS_PER_SECOND add up to at most "
            f"{MAX_CALLS_PER_SECOND}, since no function knows of the other. Nothing was changed."
        )


def check_email(email: str) -> None:
    """Refuses what can't be one e-mail address."""
    if not re.fullmatch(r"[^@\s,'\"]+@[^@\s,'\"]+", email):
        raise StepFailed("ALARM_EMAIL must be one e-mail address, or empty. Nothing was changed.")


def new_key_set() -> str:
    """The JWKS of private.pem, which is made if it isn't there."""
    if not PRIVATE_KEY.exists() or not PRIVATE_KEY.stat().st_size:
        PRIVATE_KEY.touch(0o600)
        size = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        run("openssl", "genpkey", *size, "-out", str(PRIVATE_KEY))
    printed = run("openssl", "rsa", "-in", str(PRIVATE_KEY), "-noout", "-modulus")
    modulus = base64url(bytes.fromhex(printed.partition("=")[2]))
    kid = time.strftime("%Y-%m-%d-%H%M%S", time.gmtime())
    key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "e": "AQAB", "n": modulus}
    return json.dumps({"keys": [key]})


def token(value: dict[str, str], *caller: str) -> str:
    """A token for one hour: who calls, if anybody, and the space that may be used."""
    if not PRIVATE_KEY.exists() or "JWKS" not in value:
        raise StepFailed(
            f"There is no {PRIVATE_KEY} and {ENV_FILE} here, so no token can be signed."
        )
    kid = json.loads(value["JWKS"])["keys"][-1]["kid"]
    space = value["CUST_SPACE_IDS"].partition(",")[0].strip()
    who = {"sub": " ".join(caller)} if caller else {}
    claims = {**who, "cust_space_id": space, "exp": int(time.time()) + 3600}
    parts = ({"alg": "RS256", "typ": "JWT", "kid": kid}, claims)
    signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    sign = ("dgst", "-sha256", "-hex", "-sign", str(PRIVATE_KEY))
    signature = run("openssl", *sign, given=signed.encode()).rpartition(" ")[2]
    return f"{signed}.{base64url(bytes.fromhex(signature))}"


def base64url(content: bytes) -> str:
    """Base64 as tokens and key sets use it."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


# The steps


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


class Deployment:
    """One deployment of some functions with their values."""

    def __init__(
        self, value: dict[str, str], functions: tuple[str, ...], *, is_new: bool = False
    ) -> None:
        self.value, self.functions = value, functions
        self.region = value.get("REGION", "")
        self.queues: dict[str, Command] = {f"{NAME}-dead": ("--MessageRetentionPeriod", "345600")}
        if "events" in functions:
            times = ("--VisibilityTimeout", "300", "--MessageRetentionPeriod", "86400")
            self.queues[f"{NAME}-requests"] = times
        instances = {"http": value.get("HTTP_INSTANCES"), "events": value.get("EVENT_INSTANCES")}
        self.caps = {name: instances[name] or "0" for name in functions}
        self.is_new = is_new
        self.account = self.address = ""

    def deploy(self) -> None:
        """All steps in their order; raises StepFailed at the first that fails."""
        steps = [
            Step("account", "", self.find_account),
            Step("role", "AliyunRAMFullAccess", self.make_role),
            Step("queues", "AliyunMNSFullAccess", self.make_queues),
            Step("log", "AliyunLogFullAccess", self.make_log),
            Step("layer and functions", "AliyunFCFullAccess", self.deploy_functions),
            Step("caps", "AliyunFCFullAccess", self.put_caps),
            Step("triggers", "AliyunFCFullAccess, AliyunEventBridgeFullAccess", self.put_triggers),
            Step("check", "AliyunFCInvocationAccess", self.check),
            Step("monitoring", MONITORING_POLICIES, lambda: self._monitoring().put()),
        ]
        if "events" in self.functions:
            policy = "ram:CreateServiceLinkedRole (AliyunRAMFullAccess)"
            steps.insert(4, Step("service-linked roles", policy, self.make_service_linked_roles))
        take(steps)
        if self.address:
            print(f"\n{self.address}")
        print("\nDeployed. A token for an app: make token CALLER=shop-17")

    def undeploy(self) -> None:
        """Takes everything away that `deploy` made, in the other order."""
        if not self.value:
            raise StepFailed(f"There is no {ENV_FILE} here: nothing was deployed from here.")
        if sys.stdin.isatty() and input(f"Type {NAME} to remove it, its log included: ") != NAME:
            raise StepFailed("Nothing was removed.")
        if not sys.stdin.isatty() and os.environ.get("YES") != "1":
            raise StepFailed("Without a terminal write: make undeploy YES=1. Nothing was removed.")
        take(
            [
                Step("account", "", self.find_account),
                Step("functions", "AliyunFCFullAccess", self.remove_functions),
                Step("alarms", MONITORING_POLICIES, lambda: self._monitoring().remove()),
                Step("log", "AliyunLogFullAccess", self.remove_log),
                Step("queues", "AliyunMNSFullAccess", self.remove_queues),
                Step("role", "AliyunRAMFullAccess", self.remove_role),
            ]
        )
        print(
            f"\nRemoved. What stays: {ENV_FILE} and {PRIVATE_KEY} here (secrets), ~/.s/logs (the "
            "values in clear), the store's keys for 24 hours, EventBridge's service-linked roles, "
            "and the plugin sls of aliyun. Delete what nothing else uses."
        )

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
        project, of_project = f"{NAME}-{self.account}", ("--project", f"{NAME}-{self.account}")
        of_logstore = (*of_project, "--logstore", "function-log")
        return ensure(
            Thing("project", self._sls("get-project", *of_project),
                  self._sls("create-project", "--project-name", project, *about)),
            Thing("Logstore", self._sls("get-log-store", *of_logstore),
                  self._sls("create-log-store", *of_project, "--logstore-name", "function-log",
                            *size)),
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

    def deploy_functions(self) -> str:
        """The layer, each function, and where its failed asynchronous invocations go."""
        self._check_what_runs()
        for name, cap in self.caps.items():  # fewer instances first, then what each may do
            printed, _ = tried("s", name, "concurrency", "get", *JSON, environment=self.value)
            found = re.search(r'"reservedConcurrency": (\d+)', printed)
            if found and int(found[1]) > int(cap):
                self._s(name, "concurrency", "put", "--reserved-concurrency", cap)
        self._s("deploy", "--function", "--async-invoke-config", "-y", each=True)
        return "deployed"

    def _check_what_runs(self) -> None:
        """Refuses what would send codes twice, or let the functions call too often together."""
        for name in FUNCTIONS:
            settings = self._info(name).get("environmentVariables", {})
            if not settings:
                continue
            if self.is_new:
                raise StepFailed(
                    f"The function {name} runs already, but {ENV_FILE} was made anew: its secrets "
                    "would end all tokens and forget what was sent. Put the old files back, or "
                    "run the same command again to replace them."
                )
            prefix = {"http": "HTTP", "events": "EVENT"}[name]
            calls = self.value[f"{prefix}_CALLS_PER_SECOND"]
            same = settings["MAX_CALLS_PER_SECOND"].strip() == calls
            same = same and settings["STORE_URL"] == self.value["STORE_URL"]
            if name not in self.functions and not same:
                raise StepFailed(
                    f"The function {name} runs with another store or other calls a second than "
                    f"{ENV_FILE} has. Deploy both, without ONLY."
                )

    def put_caps(self) -> str:
        """Each function's cap, which must be there before anything can call it."""
        for name, cap in self.caps.items():
            self._s(name, "concurrency", "put", "--reserved-concurrency", cap)
        return ", ".join(f"{name} {cap}" for name, cap in self.caps.items())

    def put_triggers(self) -> str:
        """What lets callers in, last."""
        self._s("deploy", "--trigger", "-y", each=True)
        return "deployed"

    def check(self) -> str:
        """Asks each function with an empty request, which it must refuse, and sends nothing."""
        for name in self.functions:
            printed = self._s(name, "invoke", "-e", "{}", "--silent")
            found = re.search(r"\{\"success\".*\}", printed)
            answer = json.loads(found[0]) if found else {}
            if answer.get("code") != "InvalidRequest":
                told = answer.get("message", self._masked(printed)[-500:])
                raise StepFailed(
                    f"The function {name} should refuse an empty request. It says: {told}"
                )
        if "http" not in self.functions:
            return "the function answers"
        info = self._info("http")
        address = self.address = str(info["url"]["system_url"])
        if info["triggers"][0]["triggerConfig"]["authType"] != "jwt":
            return "the functions answer; callers sign with Alibaba Cloud credentials"
        if not PRIVATE_KEY.exists():
            return f"the functions answer; no {PRIVATE_KEY} is here to sign a token with"
        headers = {
            "Authorization": f"Bearer {token(self.value, 'deployment-check')}",
            "Content-Type": "application/json",
        }
        request = urllib.request.Request(address, b"{}", headers)
        for wait_seconds in (5, 10, 15, 0):  # a new name takes a while to be known
            status, text = ask(request)
            if status == 422 and '"InvalidRequest"' in text:
                return "a signed, empty request was refused as it must be"
            if status and status != 404:
                break
            time.sleep(wait_seconds)
        raise StepFailed(
            f"{address} should refuse an empty request with 422 InvalidRequest. "
            f"It answered {status or 'nothing'}: {text[:300]}"
        )

    def remove_functions(self) -> str:
        """Both functions with all that belongs to them, and each version of the layer."""
        printed = self._s("remove", "-y")
        failed = re.findall(r"remove error: (.*)", self._masked(printed))
        if failed:  # it ends well all the same
            raise StepFailed(f"s removed not everything: {'; '.join(failed)}")
        self._s("http", "layer", "remove", "--layer-name", NAME, "-y")
        return "removed, and the layer"

    def remove_log(self) -> str:
        """The log's project and all that it holds."""
        return removed(self._sls("delete-project", "--project", f"{NAME}-{self.account}"))

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

    def _monitoring(self) -> Monitoring:
        project = f"{NAME}-{self.account}"
        place = Place(self.account, self.region, project, "function-log")
        return Monitoring(place, self.functions, self.value.get("ALARM_EMAIL", ""))

    def _mns(self, action: str, queue: str, *words: str) -> Command:
        endpoint = f"mns-open.{self.region}.aliyuncs.com"
        where = ("--version", "2022-01-19", "--force", "--endpoint", endpoint)
        return ("mns-open", action, *where, "--QueueName", queue, *words)

    def _sls(self, action: str, *words: str) -> Command:
        return ("sls", action, "--region", self.region, *words)

    def _s(self, *words: str, each: bool = False) -> str:
        """What `s` prints. Nothing of it is shown unless it fails: it has the secrets in clear."""
        one = [self.functions[0]] if each and len(self.functions) == 1 else []
        printed, is_well = tried("s", *one, *words, environment=self.value)
        if not is_well:
            reason = printed.partition("Error Message:")[2].partition("A complete log")[0]
            reason = self._masked(reason).strip()[-1500:]
            raise StepFailed(reason or f"s {' '.join(words[:2])} failed; ~/.s/logs says why.")
        return printed

    def _info(self, name: str) -> dict[str, Any]:
        """What is deployed of a function; empty if it isn't there."""
        printed = self._s(name, "info", *JSON)
        return dict(json.loads(printed)) if printed.startswith("{") else {}

    def _masked(self, text: str) -> str:
        for name in ("STORE_URL", "STORE_SECRET", "CALLER_HEADER", "CUST_SPACE_HEADER"):
            if self.value.get(name):
                text = text.replace(self.value[name], f"({name})")
        return text


def take(steps: list[Step]) -> None:
    """Takes each step and says what became of it."""
    for number, step in enumerate(steps, 1):
        print(f"{number}/{len(steps)} {step.title}: ", end="", flush=True)
        try:
            print(step.run(), flush=True)
        except (ValueError, LookupError, TypeError) as unexpected:
            told = f"A tool answered in a form that this program doesn't know: {unexpected!r}"
            raise StepFailed(f"failed.\n{told}") from None
        except StepFailed as failed:
            advice = "Fix that"
            if step.policy and re.search(
                r"NoPermission|Forbidden|AccessDenied|Unauth", str(failed)
            ):
                advice = f"Let somebody grant you {step.policy}"
            again = "and run the same command again: it goes on from here."
            raise StepFailed(f"failed.\n{failed}\n{advice}, {again}") from None


def ask(request: urllib.request.Request) -> tuple[int, str]:
    """The answer's status and text; status 0 and the reason where there is none."""
    try:
        with urllib.request.urlopen(request, timeout=25) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode("utf-8", "replace")
    except OSError as failure:
        return 0, str(failure)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
