"""HTTP requests: the HTTP trigger (also behind ALB and cloud-native gateways) and API Gateway."""

import base64
import json
import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import unquote

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from verify_code.events.message import Event, Message
from verify_code.events.sources import Moment
from verify_code.json_text import decode_request, differ
from verify_code.operations import OPERATIONS
from verify_code.result import Rejected, Result
from verify_code.validation import given

#: Stands for headers that aren't an object.
_UNREADABLE = ""


def _headers(value: Any) -> dict[str, Any]:
    """Headers by their names in small letters. One that has two values counts as empty."""
    if value is not None and not isinstance(value, dict):
        return {_UNREADABLE: ""}
    found: dict[str, Any] = {}
    for name, each in (value or {}).items():
        other = found.setdefault(name.lower(), each)
        if differ([each, other]):
            found[name.lower()] = ""
    return found


class ApiGatewayEvent(BaseModel):
    """API Gateway's event for a function. It is answered like an event of the HTTP trigger.

    ``isBase64Encoded`` may be a boolean or text.
    """

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    source: ClassVar[str] = "api_gateway"

    method: Any = Field(None, validation_alias="httpMethod")
    path: Any = None
    headers: Annotated[dict[str, Any], BeforeValidator(_headers)] = Field(default_factory=dict)
    body: Any = None
    is_base64: Any = Field(None, validation_alias="isBase64Encoded")

    @classmethod
    def recognises(cls, content: dict[str, Any]) -> bool:
        """Whether the event is one of this source."""
        return "httpMethod" in content and "path" in content

    @property
    def queued_at(self) -> float | None:
        """When the request was made, if the platform queued it; seconds since the epoch."""
        return None

    @property
    def path_segment(self) -> str:
        """The last segment of the path, in small letters.

        After a slash at the end it is empty, but what names an operation before it counts, so that
        a slip sends no code.
        """
        path = unquote(str(self.path or ""))
        segments = [each.partition(";")[0].strip(" .\t\r\n").lower() for each in path.split("/")]
        last = next((each for each in reversed(segments) if each), "")
        return last if last in OPERATIONS else segments[-1]

    def fields(self) -> dict[str, Any]:
        """The fields of the request; Rejected if there is none."""
        if _UNREADABLE in self.headers:
            text = "The event's headers are not one object with each key once."
            raise Rejected("InvalidEvent", text)
        if self.method != "POST":
            raise Rejected("InvalidEvent", "Ask by POST.", http_status=405)
        _check_media_type(str(self.headers.get("content-type") or ""))
        fields = decode_request(self._plain_body())
        key = self.headers.get("idempotency-key")
        if key is not None:
            # Under a second name, so that the request's check finds a key that differs.
            in_body = given(fields, "idempotency_key")
            fields["idempotency_key"] = in_body[0] if in_body else key
            if not differ(in_body):
                fields["idempotencyKey"] = key
        return fields

    def _plain_body(self) -> bytes | str:
        if not isinstance(self.body, str):
            raise Rejected("InvalidEvent", "The HTTP request has no body: send a JSON object.")
        if str(self.is_base64 or "").lower() != "true":
            return self.body
        try:
            return base64.b64decode(self.body, validate=True)
        except ValueError:
            text = "The event's body is not base64, as it says."
            raise Rejected("InvalidEvent", text) from None


class HttpTriggerEvent(ApiGatewayEvent):
    """The HTTP trigger's payload, version v1 ("HTTP trigger: invoke a function")."""

    source: ClassVar[str] = "http"

    path: Any = Field(None, validation_alias="rawPath")
    method: Any = Field(None, validation_alias=AliasPath("requestContext", "http", "method"))
    asked_at: Moment = Field(None, validation_alias=AliasPath("requestContext", "timeEpoch"))

    @classmethod
    def recognises(cls, content: dict[str, Any]) -> bool:
        context = content.get("requestContext")
        is_http = isinstance(context, dict) and isinstance(context.get("http"), dict)
        return content.get("version") == "v1" and is_http

    @property
    def queued_at(self) -> float | None:
        is_queued = str(self.headers.get("x-fc-invocation-type")).lower() == "async"
        return self.asked_at if is_queued else None


def http_event(content: dict[str, Any]) -> Event | None:
    """The HTTP request that the content is; None if it is none."""
    for model in (HttpTriggerEvent, ApiGatewayEvent):
        if model.recognises(content):
            http = model.model_validate(content)
            message = Message(
                http.fields,
                sent_at=http.queued_at,
                headers=http.headers,
                path_segment=http.path_segment,
            )
            return Event(http.source, [message], http_reply)
    return None


def http_reply(results: Sequence[Result]) -> dict[str, Any]:
    """The HTTP answer, as the platform and API Gateway read it."""
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
        "body": json.dumps(result.for_http()),
    }


def _check_media_type(content_type: str) -> None:
    media_type, _, parameters = content_type.lower().partition(";")
    media_type = media_type.strip()
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "')
    is_json = media_type in ("", "application/json", "text/json") or media_type.endswith("+json")
    if not is_json or charset not in ("", "utf-8", "utf8", "us-ascii"):
        message = "Send the request as Content-Type: application/json, in UTF-8."
        raise Rejected("InvalidEvent", message, http_status=415)
