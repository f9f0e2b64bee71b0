"""The console of the sandbox: its page, what the page asks for, and the switch for the faults."""

from __future__ import annotations

import contextlib
import json
import mimetypes
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import phonenumbers

from tests.sandbox.cams_gateway import Behaviour, CamsGateway
from tests.sandbox.faults import FAULTS
from tests.sandbox.function_compute import ROOT, FunctionCompute
from tests.sandbox.http_event import HttpAnswer, http_event
from tests.sandbox.invoked import ResourceExhausted
from verify_code.locales import DOCUMENTED_CODES

_PAGES = ROOT / "tests" / "sandbox" / "pages"
_FILES = {
    "/": _PAGES / "index.html",
    "/console/console.css": _PAGES / "console.css",
    **{f"/console/{path.name}": path for path in _PAGES.glob("*.js")},
    "/console/client.js": ROOT / "docs" / "client.js",
    "/openapi.json": ROOT / "docs" / "openapi.json",
}

#: The paths that are the function's, but for a browser that wants to see ``/``.
_FUNCTION = ("/", "/status", "/verify")

_NO_FAULT = ""
#: The platform's own answers, which never reach the function.
_PLATFORM = {f"{status} of the platform": status for status in (403, 404, 429, 502, 503)}

_UNREACHABLE = "can't be reached"
_SLOW = "3 s until the answer"
_FAULTS = {
    _SLOW: Behaviour(takes_effect=True, delay_seconds=3),
    **{fault.name: fault.behaviour for fault in FAULTS},
}

#: What most want to see, as the page says it; the others stand under "more".
_NAMED = {
    "can't be reached": _UNREACHABLE,
    "answers after 3 s": _SLOW,
    "is asked too often (flow control)": '400 {"Code": "Throttling.User"}',
    "refuses: too many codes": '400 {"Code": "136024", "Message": "Too many attempts."}',
    "takes it, but its answer is lost": "close before answer, and it took effect",
}

#: As long a slot rests after a call whose answer didn't come.
_REST_SECONDS = 1.125

_FLOOD_SECONDS = 6.0
_FLOODING = 24


class Console:
    """Answers what isn't for the function: its own page, and what is under ``/console/``."""

    def __init__(self, platform: FunctionCompute, gateway: CamsGateway) -> None:
        self._platform = platform
        self._gateway = gateway
        self._callers = ThreadPoolExecutor(_FLOODING)
        self._is_closed = False
        self._fault = _NO_FAULT
        self._switching = threading.Lock()
        self._flooded: set[str] = set()  # the numbers of the floods
        self._routes: dict[tuple[str, str], Callable[[bytes, str], Any]] = {
            ("GET", "/console/choices"): self._choices,
            ("GET", "/console/state"): self._state,
            ("GET", "/console/format"): self._format,
            ("POST", "/console/event"): self._event,
            ("POST", "/console/fault"): self._switch,
            ("POST", "/console/flood"): self._flood,
        }

    def close(self) -> None:
        """Ends a flood, and the fault."""
        self._set_fault(_NO_FAULT)
        self._is_closed = True
        self._callers.shutdown()

    def answer(self, method: str, target: str, accepted: str, body: bytes) -> HttpAnswer | None:
        """The answer to a request; None if it is for the function."""
        url = urlsplit(target)
        if method == "GET" and url.path in _FILES and (url.path != "/" or "text/html" in accepted):
            file = _FILES[url.path]
            headers = {
                "Content-Type": f"{mimetypes.guess_type(file)[0]}; charset=utf-8",
                "Content-Security-Policy": "default-src 'self'; img-src data:",
            }
            return HttpAnswer(200, headers, file.read_bytes())
        if method == "POST" and url.path in _FUNCTION and self._fault in _PLATFORM:
            return HttpAnswer(_PLATFORM[self._fault], {}, b"an answer of the platform")
        if route := self._routes.get((method, url.path)):
            content = json.dumps(route(body, url.query)).encode()
            return HttpAnswer(200, {"Content-Type": "application/json"}, content)
        return None

    def _choices(self, _: bytes, __: str) -> Any:
        more: dict[str, list[str]] = {"not the function": list(_PLATFORM)}
        for fault in FAULTS:
            if fault.name not in _NAMED.values():
                more.setdefault(fault.kind, []).append(fault.name)
        named = {"takes the request": _NO_FAULT, **_NAMED}
        return {"named": named, "more": more, "locales": DOCUMENTED_CODES}

    def _state(self, _: bytes, __: str) -> Any:
        now, gateway = time.monotonic(), self._gateway
        calls = [list(times) for times in gateway.calls.values()]
        asked_for = [each for each in gateway.messages if each.phone_number not in self._flooded]
        slots = [instance.state(now, _REST_SECONDS) for instance in list(self._platform.instances)]
        return {
            "slots": slots + ["none"] * (self._platform.reserved_concurrency - len(slots)),
            "calls": sum(map(len, calls)),
            "call_ages_seconds": [_ages(times, now) for times in calls],  # of each action
            "worst_second": gateway.worst_second(),
            "throttled": gateway.throttled,
            "messages": [vars(message) for message in asked_for[:-6:-1]],
            "flooded": len(gateway.messages) - len(asked_for),
            "fault": self._fault,
        }

    def _format(self, _: bytes, query: str) -> Any:
        typed = parse_qs(query).get("number", [""])[0]
        formatter, formatted, country = phonenumbers.AsYouTypeFormatter("ZZ"), "", None
        for character in typed:
            if character == "+" or character.isdecimal():
                formatted = formatter.input_digit(character)
        with contextlib.suppress(phonenumbers.NumberParseException):  # not yet
            country = phonenumbers.region_code_for_number(phonenumbers.parse(formatted))
        return {"formatted": formatted, "country": country}

    def _event(self, body: bytes, _: str) -> Any:
        headers = [("Content-Type", "application/json"), ("Idempotency-Key", "tap-1")]
        return json.loads(http_event("POST", "/", headers, body, "1-67aee50c"))

    def _switch(self, body: bytes, _: str) -> Any:
        name = body.decode()
        self._set_fault(name)
        return {"fault": name}

    def _set_fault(self, name: str) -> None:
        with self._switching:
            was, self._fault = self._fault, name
            if name == _UNREACHABLE and was != name:
                self._gateway.stop()
            if was == _UNREACHABLE and was != name:
                self._gateway.start()
            self._gateway.standing = _FAULTS.get(name)

    def _flood(self, _: bytes, __: str) -> Any:
        until = time.monotonic() + _FLOOD_SECONDS
        for _number in range(_FLOODING):
            self._callers.submit(self._ask_until, until)
        return {"seconds": _FLOOD_SECONDS}

    def _ask_until(self, until: float) -> None:
        while time.monotonic() < until and not self._is_closed:
            number = f"658{random.randrange(10**7):07}"
            self._flooded.add(number)
            body = json.dumps({"phone_number": f"+{number}"}).encode()
            event = http_event("POST", "/", [("Content-Type", "application/json")], body, "flood")
            try:
                self._platform.invoke(event, "flood")
            except ResourceExhausted:
                time.sleep(0.05)


def _ages(times: list[float], now: float) -> list[float]:
    return [round(now - at, 3) for at in times if now - at < 21]
