"""Asks a deployed function what it must refuse, then for the number's status where that is enabled,
and then, if you agree, for one real code."""

from __future__ import annotations

import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from typing import Any

_TIMEOUT_SECONDS = 25


def main() -> int:
    """Runs with URL, TOKEN and NUMBER of the environment; the exit status says if all went well."""
    try:
        url, token, number = (os.environ[name] for name in ("URL", "TOKEN", "NUMBER"))
    except KeyError as missing:
        print(f"{missing.args[0]} is missing: URL=https://… TOKEN=… NUMBER=+65… make live")
        return 2
    if not url.startswith("https://"):
        print("URL must begin with https://, since the token goes there.")
        return 2

    status, result = ask(url, None, phone_number=number)
    refused = status >= 400 and "sent" not in result
    print(f"Without a token: {status}, {'refused by the platform' if refused else 'LET IN'}")
    status, result = ask(url, token, phone_number="12")
    checked = (status, result.get("code")) == (422, "InvalidRequest")
    print(
        f"A wrong number: {status} {result.get('code')}{'' if checked else ', NOT AS IT MUST BE'}"
    )
    if not refused or not checked:
        return 1

    status, result = ask(f"{url.rstrip('/')}/status", token, phone_number=number)
    code = result.get("code")
    print(f"The number's status: {status} {result.get('verification_status') or code}")
    if code not in ("OK", "OperationNotEnabled"):
        print(json.dumps(result, indent=2))
        return 1

    method = os.environ.get("METHOD", "sms")
    print(f"A real code goes to {number} by {method}. Codes are few: too many lock the number out.")
    if input("Type send to send it: ") != "send":
        print("Nothing was sent.")
        return 0
    status, result = ask(url, token, phone_number=number, method=method)
    print(status, json.dumps(result, indent=2))
    return 0 if result.get("sent") == "yes" else 1


def ask(url: str, token: str | None, **fields: str) -> tuple[int, Any]:
    """The status, and the JSON object of the answer, empty where it is none."""
    body = json.dumps(fields).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(8)}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        status, text = refusal.code, refusal.read()
    except OSError as failure:
        sys.exit(f"No answer: {failure}. If a real code was asked for, it may be on its way.")
    try:
        result = json.loads(text)
    except ValueError:
        result = {}
    return status, result if isinstance(result, dict) else {}


if __name__ == "__main__":
    sys.exit(main())
