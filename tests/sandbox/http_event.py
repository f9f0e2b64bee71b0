"""HTTP requests as events of the HTTP trigger, payload v1, and the function's answers as HTTP.

Source: "HTTP trigger: invoke a function" in the Function Compute documentation.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

_TEXT_TYPES = {
    *("application/json", "application/ld+json", "application/javascript"),
    *("application/xml", "application/xhtml+xml", "application/atom+xml"),
}


class HttpAnswer(NamedTuple):
    """What the platform sends back to an HTTP client."""

    status: int
    headers: dict[str, str]
    body: bytes


def http_event(
    method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes, request_id: str
) -> bytes:
    """The event of one HTTP request."""
    url = urlsplit(target)
    joined_headers = _joined((_canonical(name), value) for name, value in headers)
    media_type = joined_headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_text = media_type.startswith("text/") or media_type in _TEXT_TYPES
    now = time.time()
    event: dict[str, Any] = {
        "version": "v1",
        "rawPath": url.path,
        "headers": joined_headers,
        "queryParameters": _joined(parse_qsl(url.query, keep_blank_values=True)),
        "body": body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode(),
        "isBase64Encoded": not is_text,
        "requestContext": {
            "accountId": "1234567890123456",
            "domainName": "sandbox.fcapp.run",
            "domainPrefix": "sandbox",
            "requestId": request_id,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            "timeEpoch": str(int(now * 1000)),
            "http": {
                "method": method,
                "path": unquote(url.path),
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": joined_headers.get("User-Agent", ""),
            },
        },
    }
    return json.dumps(event).encode()


def http_answer(returned: bytes, request_id: str) -> HttpAnswer:
    """The HTTP answer for what the function returned."""
    headers = {"Content-Type": "application/json", "X-Fc-Request-Id": request_id}
    try:
        answer = json.loads(returned)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return HttpAnswer(200, headers, returned)
    headers |= {_canonical(name): str(value) for name, value in answer["headers"].items()}
    return HttpAnswer(answer["statusCode"], headers, answer["body"].encode())


def _canonical(name: str) -> str:
    """A header's name as Go spells it: Content-Type, X-Fc-Request-Id."""
    return "-".join(part.capitalize() for part in name.split("-"))


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ",".join(several) for name, several in values.items()}
