"""``run``: registers a number and prints what came of it. ``serve``: stays up for a browser and
for curl. ``event``: sends one of the recorded events."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def main() -> int:
    """Runs the command that was asked for; the exit status says whether all went well."""
    signal.signal(signal.SIGINT, _end)  # before the imports that take a moment
    asked = _arguments()
    if asked.command == "serve":
        from tests.sandbox.serve import serve

        return serve(asked.port, is_log_json=asked.log == "json")
    if asked.command == "event":
        from tests.sandbox.event import send

        return send(asked.name)
    from tests.sandbox.run import run

    return run()


def _arguments() -> argparse.Namespace:
    import argparse

    parser = argparse.ArgumentParser(prog="python -m tests.sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run")
    serve = commands.add_parser("serve")
    serve.add_argument("--port", type=_port, default=0, help="any free one unless it is named")
    serve.add_argument("--log", choices=["text", "json"], default="text")
    event = commands.add_parser("event")
    event.add_argument("name", nargs="?", help="a file of tests/events; without one all are listed")
    return parser.parse_args()


def _port(text: str) -> int:
    from argparse import ArgumentTypeError

    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise ArgumentTypeError(f"{text} is no port: name one from 1 to 65535")
    return int(text)


def _end(*_: Any) -> None:
    """Ctrl-C ends it quietly. make, which gets Ctrl-C too, ends by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
