"""``make run``: registers a number over HTTP, and asks for a code directly."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.local_sandbox import BY_HTTP, DIRECTLY, NUMBER, as_sent, local_sandbox

#: What is shown of a result that isn't shown whole.
_OUTCOME = ("sent", "registered", "verification_status", "code")

_NEXT = """
Next:
  make serve                  keeps the sandbox up, with a console in the browser
  make event EVENT=mns_queue  sends an event as a queue delivers it
  make deploy                 deploys the function
  make help                   lists all targets\
"""


def run() -> int:
    """Prints each step, and what to do next; the exit status says whether all went well."""
    with local_sandbox() as (gateway, platform):
        went_well = _register(gateway, platform)
        if not went_well:
            print("Something went wrong: see above, and the function's log:")
            print("\n".join(platform.log_lines))
            return 1
    print("Both codes went out, and one number is registered.", _NEXT, sep="\n")
    return 0


def _register(gateway: CamsGateway, platform: FunctionCompute) -> bool:
    print("1. Over HTTP, as a mobile app asks: is the number verified?", flush=True)
    before = _ask(f"{platform.url}/status", NUMBER)
    print("2. Then it asks for a code:", flush=True)
    sent = _ask(platform.url, BY_HTTP, is_shown_whole=True)
    print("3. The user types the code, and the number is registered:", flush=True)
    code = as_sent(gateway.messages[-1].code) if gateway.messages else "none"
    registered = _ask(f"{platform.url}/verify", {**NUMBER, "code": code})
    print("4. It is verified now:", flush=True)
    after = _ask(f"{platform.url}/status", NUMBER)
    print("5. Directly, as a service in the account asks (InvokeFunction), by a call:", flush=True)
    directly = _ask(platform.invocations_url, DIRECTLY)
    statuses = (before.get("verification_status"), after.get("verification_status"))
    outcomes = (sent.get("sent"), registered.get("registered"), directly.get("sent"))
    counts = (len(gateway.messages), len(gateway.registrations))
    return (statuses, outcomes, counts) == (("NOT_VERIFIED", "VERIFIED"), ("yes",) * 3, (2, 1))


def _ask(url: str, request: dict[str, str], *, is_shown_whole: bool = False) -> dict[str, Any]:
    print(f"   asked:   {json.dumps(request)}", flush=True)
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", urlsplit(url).path or "/", json.dumps(request), headers)
        response = connection.getresponse()
        answer = response.read().decode("utf-8", "replace")
    result = _object(answer)
    if result is None:  # the platform's answer, of a function that failed
        print(f"   answer:  {response.status} {answer}", flush=True)
        return {}
    shown = {name: result[name] for name in _OUTCOME if name in result} or result
    text = json.dumps(result, indent=2) if is_shown_whole else json.dumps(shown)
    print("   result: ", text.replace("\n", "\n            "), flush=True)
    return result


def _object(text: str) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
