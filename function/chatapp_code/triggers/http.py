"""HTTP requests: the HTTP trigger (also behind ALB and cloud-native gateways) and API Gateway."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from chatapp_code.request import Fields
from chatapp_code.result import VerifyCodeResult, refuse
from chatapp_code.triggers.event_source import seconds_since_epoch
from chatapp_code.triggers.trigger import Message, Trigger, request_fields


class _HttpRequest(Trigger):
    def method(self) -> Any:
        raise NotImplementedError

    def messages(self) -> list[Message]:
        return [Message(self._fields, sent_at=self.queued_at(), headers=self._headers)]

    def queued_at(self) -> float | None:
        return None

    def _fields(self) -> Fields:
        if self.method() != "POST":
            raise refuse("InvalidEvent", "Ask by POST.", http_status=405)
        headers = self._headers
        _check_media_type(str(headers.get("content-type") or ""))
        fields = request_fields(self._body())
        return fields.replacing("idempotency_key", headers.get("idempotency-key"))

    def reply(self, results: Sequence[VerifyCodeResult]) -> dict[str, Any]:
        result = results[0]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Cache-Control": "no-store",
        }
        if result.http_status == 405:
            headers["Allow"] = "POST"
        if result.http_status in (409, 429, 503) and result.retry_after_seconds is not None:
            headers["Retry-After"] = str(math.ceil(result.retry_after_seconds))
        return {
            "statusCode": result.http_status,
            "headers": headers,
            "isBase64Encoded": False,
            "body": json.dumps(result.for_the_public()),
        }

    @cached_property
    def _headers(self) -> dict[str, Any]:
        given = self._content.get("headers")
        headers: dict[str, list[Any]] = {}
        for name, value in given.pairs if isinstance(given, Fields) else ():
            headers.setdefault(name.lower(), []).append(value)
        return {name: _joined(values) for name, values in headers.items()}

    def _body(self) -> bytes | str:
        body = self._content.get("body")
        if not isinstance(body, str):
            raise refuse("InvalidEvent", "The HTTP request has no body: send a JSON object.")
        if str(self._content.get("isBase64Encoded", "")).lower() != "true":
            return body
        try:
            return base64.b64decode(body, validate=True)
        except ValueError:
            raise refuse("InvalidEvent", "The event's body is not base64, as it says.") from None


class HttpTrigger(_HttpRequest):
    """The HTTP trigger's payload, version v1 ("HTTP trigger: invoke a function")."""

    source = "http"

    @staticmethod
    def recognises(content: Any) -> bool:
        if not isinstance(content, dict) or content.get("version") != "v1":
            return False
        context = content.get("requestContext")
        return isinstance(context, dict) and isinstance(context.get("http"), dict)

    def method(self) -> Any:
        return self._content["requestContext"]["http"].get("method")

    def queued_at(self) -> float | None:
        """When it was asked, where the platform has queued it since."""
        if str(self._headers.get("x-fc-invocation-type")).lower() != "async":
            return None
        return seconds_since_epoch(self._content["requestContext"].get("timeEpoch"))


class ApiGateway(_HttpRequest):
    """API Gateway's event for an event function; the answer has the same keys."""

    source = "api_gateway"

    @staticmethod
    def recognises(content: Any) -> bool:
        return isinstance(content, dict) and "httpMethod" in content and "path" in content

    def method(self) -> Any:
        return self._content["httpMethod"]


def _joined(values: list[Any]) -> Any:
    # As the platform joins the values of a header that comes twice.
    is_one = all(value == values[0] for value in values)
    return values[0] if is_one else ", ".join(map(str, values))


def _check_media_type(content_type: str) -> None:
    media_type, _, parameters = content_type.lower().partition(";")
    media_type = media_type.strip()
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "')
    is_json = media_type in ("", "application/json", "text/json") or media_type.endswith("+json")
    if not is_json or charset not in ("", "utf-8", "utf8", "us-ascii"):
        message = "Send the request as Content-Type: application/json, in UTF-8."
        raise refuse("InvalidEvent", message, http_status=415)
