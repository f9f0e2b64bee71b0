"""``run``: registers a number and prints what came of it. ``serve``: stays up for a curl."""

from __future__ import annotations

import http.client
import json
import sys
import threading
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from tests.sandbox.cams_api import Message
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute

_NUMBER = {"phone_number": "+86 138 0000 1234"}
_BY_HTTP = {**_NUMBER, "method": "sms", "locale": "zh-Hans-CN"}
_DIRECTLY = {"PhoneNumber": "+65 8123 4567", "Method": "voice", "Locale": "en_SG"}

#: What is shown of a result that isn't shown whole.
_OUTCOME = ("sent", "registered", "verification_status", "code")


def main() -> int:
    """Runs the command that was asked for; the exit status says whether all went well."""
    command = sys.argv[1:] or ["run"]
    with CamsGateway(on_message=_show) as gateway:
        environment = {
            "CAMS_ENDPOINT": gateway.endpoint,
            "CUST_SPACE_IDS": "cams-sandbox",
            "ALLOWED_COUNTRIES": "CN,SG,ID,BR",
            "OPERATIONS": "send,status,verify",
        }
        with FunctionCompute(environment, echo_logs=command == ["serve"]) as platform:
            gateway.accept(platform.credentials)
            if command == ["serve"]:
                return _serve(platform, gateway)
            return _run(gateway, platform)


def _run(gateway: CamsGateway, platform: FunctionCompute) -> int:
    print("1. Over HTTP, as a mobile app asks: is the number verified?", flush=True)
    before = _ask(f"{platform.url}/status", _NUMBER)
    print("2. Then it asks for a code:", flush=True)
    sent = _ask(platform.url, _BY_HTTP, is_shown_whole=True)
    print("3. The user types the code, and the number is registered:", flush=True)
    code = _as_sent(gateway.messages[-1].code) if gateway.messages else "none"
    registered = _ask(f"{platform.url}/verify", {**_NUMBER, "code": code})
    print("4. It is verified now:", flush=True)
    after = _ask(f"{platform.url}/status", _NUMBER)
    print("5. Directly, as a service in the account asks (InvokeFunction), by a call:", flush=True)
    directly = _ask(platform.invocations_url, _DIRECTLY)
    went_well = (
        (before.get("verification_status"), after.get("verification_status"))
        == ("NOT_VERIFIED", "VERIFIED")
        and (sent.get("sent"), registered.get("registered"), directly.get("sent")) == ("yes",) * 3
        and (len(gateway.messages), len(gateway.registrations)) == (2, 1)
    )
    print(
        "Both codes went out, and one number is registered."
        if went_well
        else "Something went wrong: see above."
    )
    if not went_well:
        print("\n".join(platform.log_lines))
    return 0 if went_well else 1


def _ask(url: str, request: dict[str, str], *, is_shown_whole: bool = False) -> dict[str, Any]:
    print(f"   asked:   {json.dumps(request)}", flush=True)
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", urlsplit(url).path or "/", json.dumps(request), headers)
        result: dict[str, Any] = json.load(connection.getresponse())
    shown = {name: result[name] for name in _OUTCOME if name in result}
    text = json.dumps(result, indent=2) if is_shown_whole else json.dumps(shown)
    print("   result: ", text.replace("\n", "\n            "), flush=True)
    return result


def _serve(platform: FunctionCompute, gateway: CamsGateway) -> int:
    from tests.sandbox.console import Console  # libphonenumber takes a moment

    platform.console = console = Console(platform, gateway)
    print(f"The sandbox is up until Ctrl-C. Its console: {platform.url}\nOr ask for a code:\n")
    _show_curl(f"{platform.url} -H 'Idempotency-Key: tap-1'", _BY_HTTP)
    print("\nSubmit it, and ask for the number's status:\n")
    _show_curl(f"{platform.url}/verify", {**_NUMBER, "code": "123-456"})
    _show_curl(f"{platform.url}/status", _NUMBER)
    print(flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
        console.close()
    return 0


def _show_curl(arguments: str, request: dict[str, str]) -> None:
    body = json.dumps(request)
    print(f"  curl -i {arguments} -H 'Content-Type: application/json' -d '{body}'")


def _show(message: Message) -> None:
    print(
        f"   sent:    to +{message.phone_number} by {message.method} in {message.locale}: "
        f"WhatsApp code {_as_sent(message.code)}",
        flush=True,
    )


def _as_sent(code: str) -> str:
    """The code as WhatsApp writes it."""
    return f"{code[:3]}-{code[3:]}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
