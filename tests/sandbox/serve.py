"""``make serve``: the sandbox stays up, with its console and lines for curl."""

from __future__ import annotations

import contextlib
import json
import threading

from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.local_sandbox import BY_HTTP, DIRECTLY, NUMBER, local_sandbox
from tests.sandbox.log_line import shortened


def serve(port: int, *, is_log_json: bool) -> int:
    """Until Ctrl-C."""
    on_log = _print_json if is_log_json else _print_short
    with local_sandbox(port, on_log) as (gateway, platform):
        from tests.sandbox.console import Console  # libphonenumber takes a moment

        platform.console = console = Console(platform, gateway)
        with contextlib.closing(console):
            _print_addresses(platform)
            threading.Event().wait()
    return 0


def _print_addresses(platform: FunctionCompute) -> None:
    print(f"The sandbox is up until Ctrl-C. Its console: {platform.url}")
    print("\nOver HTTP, as an app asks: a code, its submission, the number's status:\n")
    _show_curl(f"{platform.url} -H 'Idempotency-Key: tap-1'", BY_HTTP)
    _show_curl(f"{platform.url}/verify", {**NUMBER, "code": "123-456"})
    _show_curl(f"{platform.url}/status", NUMBER)
    print("\nDirectly, as a service in the account asks. This is the address of InvokeFunction:\n")
    _show_curl(platform.invocations_url, DIRECTLY)
    print("\nEach code that is sent, and a line for each request:", flush=True)


def _show_curl(arguments: str, request: dict[str, str]) -> None:
    body = json.dumps(request)
    print(f"  curl -i {arguments} -H 'Content-Type: application/json' -d '{body}'")


def _print_json(line: str) -> None:
    print(line, flush=True)


def _print_short(line: str) -> None:
    if short := shortened(line):
        print(short, flush=True)
