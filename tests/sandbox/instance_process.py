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
    sys.path[:1] = [configuration["code_directory"], *configuration["layer_directories"]]
    while True:
        try:
            call = platform.recv()
        except EOFError:
            return
        os.environ.update(call["environment"])
        try:
            function = _function(call["handler"])
            context = _context(configuration, call)
            if call["event"] is None:
                function(context)
                answer = b""
            else:
                answer = _as_bytes(function(call["event"], context))
            platform.send({"answer": answer})
        except Exception as error:
            platform.send({"error": _error(error)})


def _function(handler: str) -> Any:
    module, _, name = handler.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _context(configuration: dict[str, Any], call: dict[str, Any]) -> Any:
    function = {
        "name": configuration["function_name"],
        "handler": call["handler"],
        "memory": 512,
        "timeout": configuration["timeout_seconds"],
    }
    common = {
        "request_id": call["request_id"],
        "region": "ap-southeast-1",
        "account_id": "1234567890123456",
    }
    if configuration["runtime"] == "python3.12":
        function |= {"version_id": "", "qualifier": "LATEST"}
        return SimpleNamespace(
            function=SimpleNamespace(**function), log_project="", log_store="", **common
        )
    return SimpleNamespace(
        function=SimpleNamespace(**function),
        service=SimpleNamespace(
            name="", log_project="", log_store="", qualifier="LATEST", version_id=""
        ),
        credentials=SimpleNamespace(**call["credentials"]),
        **common,
    )


def _as_bytes(returned: Any) -> bytes:
    if isinstance(returned, bytes):
        return returned
    if isinstance(returned, str):
        return returned.encode()
    return json.dumps(returned, indent=4, sort_keys=True).encode()


def _error(error: Exception) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": [
            [f'File "{frame.filename}"', f"line {frame.lineno}", f"in {frame.name}", frame.line]
            for frame in frames[1:]
        ],
    }


if __name__ == "__main__":
    main()
