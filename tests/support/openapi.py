"""Makes docs/openapi.json for the app developer, from the models: ``make openapi``."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel

from verify_code import __version__
from verify_code.admission import REFUSALS
from verify_code.request import NAMES, VerifyCodeRequest
from verify_code.result import HIDDEN, FieldError, VerifyCodeResult

_TO_DO = """What an app does with an answer goes by `sent`, then by `code`:

| `sent` | what the app does |
| --- | --- |
| `yes` | shows the field for the code, and counts down to the next try |
| `unknown` | the same: a code may come. Asking again at once could send a second one |
| `no`, `retryable` true | says "not yet", and lets the user try after `retry_after_seconds` |
| `no`, `retryable` false | goes by `code`: after `InvalidRequest` the user corrects a field |

Answers without a key `sent` are the platform's: 403, 404, 429 and 503 mean not sent; 502, any
other, and the app's own time-out (set it to 25 s) mean unknown.

As s.yaml and template.yml deploy it, the HTTP trigger takes a JSON Web Token, which the app gets
from its own back end; the trigger answers 403 by itself to a request without a good one.

An app sends an `Idempotency-Key` per tap. Where the service has a shared store, the app asks again
with the same key after its own time-out or a 502: it gets the first answer, `InProgress` or
`unknown`, and never a second code.
"""

_ASKED: dict[str, Any] = {"phone_number": "+86*******34", "method": "sms", "locale": "zh_CN"}
_BY_THE_API: Any = {**_ASKED, "request_id": "90E63D28-E31D-1EB2-8939-A9486641****"}
_UNKNOWN: Any = {**_ASKED, "sent": "unknown", "http_status": 202, "retry_after_seconds": 56.1}

_A_BUG_IN_THE_APP = "A bug in the app: nothing the user can do."
_NEUTRAL = "Nothing the user can do: show a neutral text; the operator's log says why."
_AFTER_A_WHILE = "Let the user try again after `retry_after_seconds`."

#: HTTP status -> what it means, and what the app does.
_STATUSES = {
    200: ("Sent", "Show the field for the code."),
    202: (
        "Unknown: a code may be on its way",
        "Do as after OK: a code may come. Don't ask again by yourself.",
    ),
    400: ("No request in it", _A_BUG_IN_THE_APP),
    403: ("Not allowed here", "Tell the user that this number can't be registered here."),
    404: ("An operation that isn't enabled", _A_BUG_IN_THE_APP),
    405: ("Not POST", _A_BUG_IN_THE_APP),
    409: (
        "The same request is under way, or another that would use up the number's rate limit",
        _AFTER_A_WHILE,
    ),
    410: ("Too old: only where requests are queued", "Nothing: nobody waits any more."),
    413: ("Too large", _A_BUG_IN_THE_APP),
    415: ("Not JSON", _A_BUG_IN_THE_APP),
    422: (
        "A field is wrong, for this package or for the API",
        "Let the user correct the fields in `errors`; it is empty where the API refused.",
    ),
    424: ("The API refused", _NEUTRAL),
    429: ("Not now; nothing was sent", _AFTER_A_WHILE),
    500: ("The function is misconfigured, or has a bug", _NEUTRAL),
    503: ("The API or the store can't be reached; nothing was sent", _AFTER_A_WHILE),
}


def _wrong(code: str, field: str, what: Any, message: str) -> VerifyCodeResult:
    error = FieldError(field=field, code=what, message=message)
    return VerifyCodeResult.of(code, message, errors=(error,))


def _later(code: str, seconds: float, message: str) -> VerifyCodeResult:
    return VerifyCodeResult.of(code, message, retry_after_seconds=seconds, **_ASKED)


_own = VerifyCodeResult.of
_NO_ANSWER = "No whole answer came from the API; a code may have been sent."
_UNCLEAR = "The API's answer doesn't say whether a code was sent."
_COUNTRY = "phone_number is of a country that may not be sent to."
_FIXED_LINE = "A fixed line can't take sms: ask for voice."
_NO_OBJECT = 'Send one JSON object in UTF-8, with each key once, such as {"phone_number": "+86…"}.'
_NOT_ENABLED = "This operation is not enabled here; only send is. Nothing was sent."
_NO_JSON = "Send the request as Content-Type: application/json, in UTF-8."
_UNDER_WAY = "This request, or another one for the number, is under way; nothing was sent."
_NO_TURN = "The API's quota has no place within the time left; nothing was sent."

_EXAMPLES = [
    VerifyCodeResult.accepted().with_(**_BY_THE_API, retry_after_seconds=59.4),
    _own("UpstreamTimeout", _NO_ANSWER, **_UNKNOWN),
    _own("UpstreamDisconnected", _NO_ANSWER, **_UNKNOWN),
    _own("InvalidUpstreamAnswer", _UNCLEAR, **_UNKNOWN),
    _own("UnexpectedError", "The function failed; a code may have been sent.", **_UNKNOWN),
    _own("InvalidEvent", _NO_OBJECT),
    _wrong(
        "CustSpaceNotAllowed", "cust_space_id", "not_allowed", "cust_space_id may not be used here."
    ),
    _wrong("CountryNotAllowed", "phone_number", "not_allowed", _COUNTRY),
    _wrong("DeliveryMethodNotAllowed", "method", "not_allowed", "method must be sms here."),
    _wrong("LineTypeNotAllowed", "method", "not_allowed", _FIXED_LINE),
    _own("CallerUnknown", "The trigger doesn't say who asks; nothing was sent."),
    _own("OperationNotEnabled", _NOT_ENABLED),
    _own("InvalidEvent", "Ask by POST.", http_status=405),
    _later("InProgress", 12.5, _UNDER_WAY),
    _own("EventExpired", "The event is older than 600 seconds; nothing was sent."),
    _own("InvalidEvent", "A request may hold 16 KiB at most.", http_status=413),
    _own("InvalidEvent", _NO_JSON, http_status=415),
    _wrong("InvalidRequest", "phone_number", "missing", "phone_number is required."),
    VerifyCodeResult(
        success=False,
        sent="no",
        code="Product.Unsubscript",
        message="The API refused the request; nothing was sent.",
        retryable=False,
        http_status=424,
        **_BY_THE_API,
    ),
    *(_later(code, 42.5, message) for code, message in REFUSALS.items()),
    _later("QuotaExhausted", 2.5, _NO_TURN),
    _own("Misconfigured", ""),
    _own("UnexpectedError", "The function failed; nothing was sent."),
    _later("UpstreamUnavailable", 5.0, "The API can't be reached; nothing was sent."),
    _later("StoreUnavailable", 5.0, "The store can't be reached; nothing was sent."),
]

#: Statuses that the platform answers with by itself, too.
_THE_PLATFORMS = (400, 403, 404, 413, 429, 500, 503)


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    result = _result_schema()
    schemas = {**result.pop("$defs"), "VerifyCodeRequest": _request_schema()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "WhatsApp verification codes for business phone numbers",
            "version": __version__,
            "description": _TO_DO,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "https://example.ap-southeast-1.fcapp.run"}],
        "security": [{"token": []}],
        "paths": {"/": {"post": _operation()}},
        "components": {
            "schemas": {
                **schemas,
                "VerifyCodeResult": result,
                "PlatformAnswer": {
                    "description": "An answer of the platform itself: it has no key `sent`.",
                    "type": "object",
                    "properties": {"sent": False},
                },
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _result_schema() -> dict[str, Any]:
    schema = _schema(VerifyCodeResult, "serialization")
    for name in HIDDEN:
        del schema["properties"][name]
    schema["required"] = list(schema["properties"])
    return schema


def _schema(model: type[BaseModel], mode: Any) -> dict[str, Any]:
    template = "#/components/schemas/{model}"
    return model.model_json_schema(mode=mode, by_alias=False, ref_template=template)


def _request_schema() -> dict[str, Any]:
    described = _schema(VerifyCodeRequest, "validation")["properties"]
    properties = {}
    for name, schema in described.items():
        form = schema.pop("anyOf", [{}])[0] | schema
        shown = ("description", "pattern", "minLength", "maxLength", "examples")
        # Null is as good as left out.
        nullable = {"type": ["string", "null"]}
        properties[name] = nullable | {key: form[key] for key in shown if key in form}
    return {
        "type": "object",
        "title": "VerifyCodeRequest",
        "description": "Each field has one of its names. Other fields are ignored, but names that "
        "were probably meant for an absent field are refused, and so is code.",
        "properties": {
            **{alias: properties[name] for name in properties for alias in NAMES[name]},
            "operation": {"enum": ["send", None], "description": "send, or absent"},
            "code": {"type": "null", "description": "a code can't be handed in here"},
        },
        "anyOf": [{"required": [name]} for name in NAMES["phone_number"]],
    }


def _operation() -> dict[str, Any]:
    return {
        "operationId": "sendVerifyCode",
        "summary": "Asks WhatsApp for the code that registers a business phone number",
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "Names the request: one for each tap of the user.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/VerifyCodeRequest"},
                    "example": {"phone_number": "+8613800001234", "method": "sms"},
                }
            },
        },
        "responses": {
            **{str(status): _response(status) for status in _STATUSES},
            "default": {
                "description": "The platform's own answer, without a key `sent`: 403, 404, 429 "
                "and 503 mean not sent, any other unknown"
            },
        },
    }


def _response(status: int) -> Any:
    description, to_do = _STATUSES[status]
    results = [result for result in _EXAMPLES if result.http_status == status]
    schema: dict[str, Any] = {"$ref": "#/components/schemas/VerifyCodeResult"}
    if status in _THE_PLATFORMS:
        schema = {"anyOf": [schema, {"$ref": "#/components/schemas/PlatformAnswer"}]}
    examples = {
        result.code: {
            "summary": to_do,
            "value": result.with_(invocation_id="1-67aee50c").for_http(),
        }
        for result in results
    }
    content = {"application/json": {"schema": schema, "examples": examples}}
    response: dict[str, Any] = {"description": description, "content": content}
    if results[0].retryable:
        wait = {"description": "Whole seconds, rounded up", "schema": {"type": "integer"}}
        response["headers"] = {"Retry-After": wait}
    return response


def text() -> str:
    """The document as it is checked in."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
