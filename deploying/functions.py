"""The layer, the functions and their triggers, deployed and removed with `s`."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

from deploying.key_pair import token
from deploying.names import ENV_FILE, FUNCTIONS, NAME, PREFIXES, PRIVATE_KEY
from deploying.tools import StepFailed, tried

JSON = ("--silent", "-o", "json")


class Functions:
    """Some of the functions, with their values."""

    def __init__(
        self, value: dict[str, str], functions: tuple[str, ...], *, is_new: bool = False
    ) -> None:
        self.value, self.functions, self.is_new = value, functions, is_new
        instances = {name: value.get(f"{PREFIXES[name]}_INSTANCES") for name in functions}
        self.caps = {name: most or "0" for name, most in instances.items()}
        self.address = ""  # of the HTTP function, once it answers

    def deploy(self) -> str:
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
            calls = self.value[f"{PREFIXES[name]}_CALLS_PER_SECOND"]
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
            status, text = fetch(request)
            if status == 422 and '"InvalidRequest"' in text:
                return "a signed, empty request was refused as it must be"
            if status and status != 404:
                break
            time.sleep(wait_seconds)
        raise StepFailed(
            f"{address} should refuse an empty request with 422 InvalidRequest. "
            f"It answered {status or 'nothing'}: {text[:300]}"
        )

    def remove(self) -> str:
        """Both functions with all that belongs to them, and each version of the layer."""
        printed = self._s("remove", "-y")
        failed = re.findall(r"remove error: (.*)", self._masked(printed))
        if failed:  # it ends well all the same
            raise StepFailed(f"s removed not everything: {'; '.join(failed)}")
        self._s("http", "layer", "remove", "--layer-name", NAME, "-y")
        return "removed, and the layer"

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


def fetch(request: urllib.request.Request) -> tuple[int, str]:
    """The answer's status and text; status 0 and the reason where there is none."""
    try:
        with urllib.request.urlopen(request, timeout=25) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode("utf-8", "replace")
    except OSError as failure:
        return 0, str(failure)
