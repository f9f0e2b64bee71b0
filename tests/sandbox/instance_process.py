"""The process of one instance: what a built-in Python runtime does with the function's code.

Started by the sandbox's platform with the number of a descriptor to talk over; standard output
is the function's log.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the platform, which ends this
    platform = Connection(int(sys.argv[1]))
    configuration = platform.recv()
    # The platform's order: the code directory, the layers, then the runtime's own libraries.
    sys.path[:1] = configuration["path"]
    while True:
        try:
            call = platform.recv()
        except EOFError:
            return
        try:
            context = _context(configuration, call)
            module, _, name = call["handler"].rpartition(".")
            function = getattr(importlib.import_module(module), name)
            given = [] if call["event"] is None else [call["event"]]
            platform.send((_as_bytes(function(*given, context)), None))
        except Exception as error:
            stack = traceback.format_tb(error.__traceback__)[1:]
            told = {"errorMessage": str(error), "errorType": type(error).__name__}
            answer = _as_bytes({**told, "stackTrace": stack})
            platform.send((answer, "UnhandledInvocationError"))


def _context(configuration: dict[str, Any], call: dict[str, Any]) -> Any:
    function = SimpleNamespace(timeout=configuration["timeout_seconds"])
    context = SimpleNamespace(request_id=call["request_id"], function=function)
    if configuration["runtime"] == "python3.12":
        for name, value in call["credentials"].items():
            os.environ[f"ALIBABA_CLOUD_{name.upper()}"] = value
    else:
        context.credentials = SimpleNamespace(**call["credentials"])
    return context


def _as_bytes(returned: Any) -> bytes:
    if isinstance(returned, bytes):
        return returned
    return (returned if isinstance(returned, str) else json.dumps(returned)).encode()


if __name__ == "__main__":
    main()
