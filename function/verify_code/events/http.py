"""HTTP requests: the HTTP trigger (also behind ALB and cloud-native gateways) and API Gateway."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from verify_code.events.event_source import seconds_since_epoch
from verify_code.events.source import Message, Trigger
from verify_code.fields import CONFLICTING, decode_request, differ
from verify_code.result import VerifyCodeResult, refuse


class ApiGateway(Trigger):
    """API Gateway's event for an event function; the answer has the same keys."""

    source = "api_gateway"

    @staticmethod
    def recognises(content: Any) -> bool:
        return isinstance(content, dict) and "httpMethod" in content and "path" in content

    def _messages(self) -> Iterable[Message]:
        return [Message(self._fields, sent_at=self._queued_at(), headers=self._headers)]

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

    def _method(self) -> Any:
        return self._content["httpMethod"]

    def _queued_at(self) -> float | None:
        """When it was asked, where the platform has queued it since."""
        return None

    def _fields(self) -> dict[str, Any]:
        if self._method() != "POST":
            raise refuse("InvalidEvent", "Ask by POST.", http_status=405)
        _check_media_type(str(self._headers.get("content-type") or ""))
        fields = decode_request(self._body())
        keys = [fields.get("idempotency_key"), self._headers.get("idempotency-key")]
        given = [key for key in keys if key is not None]
        if given:
            fields["idempotency_key"] = CONFLICTING if differ(given) else given[0]
        return fields

    @cached_property
    def _headers(self) -> dict[str, Any]:
        given = self._content.get("headers")
        headers: dict[str, Any] = {}
        for name, value in given.items() if isinstance(given, dict) else ():
            other = headers.setdefault(name.lower(), value)
            if differ([value, other]):
                headers[name.lower()] = CONFLICTING
        return headers

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


class HttpTrigger(ApiGateway):
    """The HTTP trigger's payload, version v1 ("HTTP trigger: invoke a function")."""

    source = "http"

    @staticmethod
    def recognises(content: Any) -> bool:
        if not isinstance(content, dict) or content.get("version") != "v1":
            return False
        context = content.get("requestContext")
        return isinstance(context, dict) and isinstance(context.get("http"), dict)

    def _method(self) -> Any:
        return self._content["requestContext"]["http"].get("method")

    def _queued_at(self) -> float | None:
        if str(self._headers.get("x-fc-invocation-type")).lower() != "async":
            return None
        return seconds_since_epoch(self._content["requestContext"].get("timeEpoch"))


def _check_media_type(content_type: str) -> None:
    media_type, _, parameters = content_type.lower().partition(";")
    media_type = media_type.strip()
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "')
    is_json = media_type in ("", "application/json", "text/json") or media_type.endswith("+json")
    if not is_json or charset not in ("", "utf-8", "utf8", "us-ascii"):
        message = "Send the request as Content-Type: application/json, in UTF-8."
        raise refuse("InvalidEvent", message, http_status=415)
