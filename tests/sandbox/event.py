"""``make event``: sends a recorded event (tests/events) to the function, as if it came just now."""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import Any

from tests.sandbox.function_compute import ROOT
from tests.sandbox.invoked import Invoked
from tests.sandbox.local_sandbox import local_sandbox

_FILES = {path.stem: path for path in sorted((ROOT / "tests" / "events").iterdir())}

#: The keys under which the sources say when a message was sent.
_TIMES = ("time", "aliyunpublishtime", "PublishTime", "timestamp", "timeEpoch")


def send(name: str | None) -> int:
    """Sends it in a sandbox of its own, which knows no earlier one, so that a code goes out; and
    once more, as a source delivers again."""
    if not name:
        print("Name one of these, such as make event EVENT=mns_queue:", *_FILES, sep="\n  ")
        return 0
    if name not in _FILES:
        print(f"No recorded event is called {name}: make event lists them.", file=sys.stderr)
        return 1
    event = sent_now(_FILES[name].read_bytes(), time.time())
    print(f"1. The event {name}, its time set to now:", _indented(event), sep="\n", flush=True)
    with local_sandbox() as (gateway, platform):
        _show(platform.invoke(event, str(uuid.uuid4())))
        if gateway.messages:
            print("2. The same event once more, for which nothing is sent:", flush=True)
            _show(platform.invoke(event, str(uuid.uuid4())))
    return 0


def sent_now(event: bytes, now: float) -> bytes:
    """The event with the time at which it was sent set to now."""
    try:
        return json.dumps(_renewed(json.loads(event), now)).encode()
    except ValueError:
        return event  # bare text


def _renewed(value: Any, now: float) -> Any:
    if isinstance(value, dict):
        return {
            key: _time(inner, now) if key in _TIMES else _renewed(inner, now)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_renewed(inner, now) for inner in value]
    if isinstance(value, str) and value.startswith('{"'):  # a message, or a request, as text
        return json.dumps(_renewed(json.loads(value), now))
    return value


def _time(recorded: Any, now: float) -> Any:
    """Now, in the form of what was recorded."""
    milliseconds = int(now * 1000)
    if isinstance(recorded, int):
        return milliseconds
    if str(recorded).isdecimal():
        return str(milliseconds)
    return time.strftime(f"%Y-%m-%dT%H:%M:%S.{milliseconds % 1000:03}Z", time.gmtime(now))


def _show(invoked: Invoked) -> None:
    if invoked.error_type:
        raised = json.loads(invoked.answer)
        print(f"   raised {raised.get('errorType', invoked.error_type)}:")
        print(_indented(raised["errorMessage"].encode()), flush=True)
    else:
        print("   returned:", _indented(invoked.answer), sep="\n", flush=True)


def _indented(text: bytes) -> str:
    try:
        shown = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        shown = text.decode()
    return "   " + shown.replace("\n", "\n   ")
