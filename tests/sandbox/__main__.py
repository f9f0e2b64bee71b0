"""``run``: asks for two codes and prints what came of it. ``serve``: stays up for a curl."""

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

_BY_HTTP = {"phone_number": "+86 138 0000 1234", "method": "sms", "locale": "zh-Hans-CN"}
_DIRECTLY = {"PhoneNumber": "+65 8123 4567", "Method": "voice", "Locale": "en_SG"}


def main() -> int:
    """Runs the command that was asked for; the exit status says whether all went well."""
    command = sys.argv[1:] or ["run"]
    with CamsGateway(on_message=_show) as gateway:
        environment = {
            "CAMS_ENDPOINT": gateway.endpoint,
            "CUST_SPACE_IDS": "cams-sandbox",
            "ALLOWED_COUNTRIES": "CN,SG,ID,BR",
        }
        with FunctionCompute(environment, echo_logs=command == ["serve"]) as platform:
            gateway.accept(platform.credentials)
            if command == ["serve"]:
                return _serve(platform, gateway)
            return _run(gateway, platform)


def _run(gateway: CamsGateway, platform: FunctionCompute) -> int:
    print("1. Over HTTP, as a mobile app asks:", flush=True)
    by_http = _ask(platform.url, _BY_HTTP)
    print("2. Directly, as a service in the account asks (InvokeFunction):", flush=True)
    directly = _ask(platform.invocations_url, _DIRECTLY)
    went_well = by_http["code"] == directly["code"] == "OK" and len(gateway.messages) == 2
    print("Both codes went out." if went_well else "Something went wrong: see above.")
    if not went_well:
        print("\n".join(platform.log_lines))
    return 0 if went_well else 1


def _ask(url: str, request: dict[str, str]) -> Any:
    print(f"   asked:   {json.dumps(request)}", flush=True)
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", urlsplit(url).path or "/", json.dumps(request), headers)
        result = json.load(connection.getresponse())
    print("   result: ", json.dumps(result, indent=2).replace("\n", "\n            "), flush=True)
    return result


def _serve(platform: FunctionCompute, gateway: CamsGateway) -> int:
    from tests.sandbox.console import Console  # libphonenumber takes a moment

    platform.console = console = Console(platform, gateway)
    print(f"The sandbox is up until Ctrl-C. Its console: {platform.url}\nOr ask for a code:\n")
    print(
        f"  curl -i {platform.url} -H 'Content-Type: application/json' "
        f"-H 'Idempotency-Key: tap-1' -d '{json.dumps(_BY_HTTP)}'\n",
        flush=True,
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
        console.close()
    return 0


def _show(message: Message) -> None:
    print(
        f"   sent:    to +{message.phone_number} by {message.method} in {message.locale}: "
        f"WhatsApp code {message.code[:3]}-{message.code[3:]}",
        flush=True,
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
