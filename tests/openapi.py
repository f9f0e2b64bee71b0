"""Makes docs/openapi.json for the app developer, from the models: ``make openapi``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from chatapp_code import __version__
from chatapp_code.admission import REFUSALS
from chatapp_code.locales import LONGEST_TAG
from chatapp_code.phone_number import SPELLING
from chatapp_code.request import ALIASES, VerifyCodeRequest
from chatapp_code.result import ACCEPTED, UNSEEN, FieldError, VerifyCodeResult

_TO_DO = """What an app does with an answer goes by `sent`, then by `code`:

| `sent` | what the app does |
| --- | --- |
| `yes` | shows the field for the code, and counts down to the next try |
| `unknown` | the same: a code may come. Asking again at once could send a second one |
| `no`, `retryable` true | says "not yet", and lets the user try after `retry_after_seconds` |
| `no`, `retryable` false | goes by `code`: `InvalidRequest` and the like are for the user to mend |

Answers without a key `sent` are the platform's: 403, 404, 429 and 503 mean not sent; 502, any
other, and the app's own time-out (set it to 25 s) mean unknown.

As s.yaml and template.yml deploy it, the HTTP trigger takes a JSON Web Token, which the app gets
from its own back end; the trigger answers 403 by itself to a request without a good one.

An app sends an `Idempotency-Key` per tap. Where the service has a shared store, the app asks again
with the same key after its own time-out or a 502: it gets the first answer, `InProgress` or
`unknown`, and never a second code.
"""

#: What may stand in the fields; over HTTP the idempotency_key is a header.
_FORMS: dict[str, dict[str, Any]] = {
    "phone_number": {"pattern": rf"^\s*{SPELLING}\s*$", "examples": ["+8613800001234"]},
    "method": {"pattern": r"^\s*([sS][mM][sS]|[vV][oO][iI][cC][eE])\s*$"},
    "locale": {"maxLength": LONGEST_TAG, "examples": ["pt-BR", "zh_CN"]},
    "cust_space_id": {"pattern": r"^\s*[!-~]{1,128}\s*$"},
}

_ASKED: dict[str, Any] = {"phone_number": "+86*******34", "method": "sms", "locale": "zh_CN"}
_REQUEST_ID = "90E63D28-E31D-1EB2-8939-A9486641****"


def _by_the_api(sent: str, code: str, http_status: int, message: str) -> VerifyCodeResult:
    content: Any = {"success": sent == "yes", "sent": sent, "code": code, "message": message}
    known: Any = {"retryable": False, "http_status": http_status, "request_id": _REQUEST_ID}
    return VerifyCodeResult(**content, **known, **_ASKED)


def _wrong(code: str, field: str, what: Any, message: str) -> VerifyCodeResult:
    error = FieldError(field=field, code=what, message=message)
    return VerifyCodeResult.own(code, message, errors=(error,))


def _no_event(http_status: int, message: str) -> VerifyCodeResult:
    return VerifyCodeResult.own("InvalidEvent", message, http_status=http_status)


_A_BUG_IN_THE_APP = "A bug in the app: nothing the user can do."
_NEUTRAL = "Nothing the user can do: show a neutral text; the operator's log says why."
_AFTER_A_WHILE = "Let the user try again after `retry_after_seconds`."


def _later(code: str, seconds: float, message: str) -> VerifyCodeResult:
    return VerifyCodeResult.own(code, message, retry_after_seconds=seconds, **_ASKED)


def _unknown(code: str, message: str) -> VerifyCodeResult:
    known = {"sent": "unknown", "http_status": 202, "retry_after_seconds": 56.1}
    return VerifyCodeResult.own(code, message, **known, **_ASKED)


#: HTTP status -> what it means, what the app does, and examples.
_ANSWERS: dict[int, tuple[str, str, list[VerifyCodeResult]]] = {
    200: (
        "Sent",
        "Show the field for the code.",
        [replace(_by_the_api("yes", "OK", 200, ACCEPTED), retry_after_seconds=59.4)],
    ),
    202: (
        "Unknown: a code may be on its way",
        "Do as after OK: a code may come. Don't ask again by yourself.",
        [
            _unknown(code, "No whole answer came from the API; a code may have been sent.")
            for code in ("UpstreamTimeout", "UpstreamDisconnected")
        ]
        + [
            _unknown(
                "InvalidUpstreamAnswer", "The API's answer doesn't say whether a code was sent."
            ),
            _unknown("UnexpectedError", "The function failed; a code may have been sent."),
        ],
    ),
    400: (
        "No request in it",
        _A_BUG_IN_THE_APP,
        [_no_event(400, 'Send one JSON object in UTF-8, such as {"phone_number": "+86…"}.')],
    ),
    403: (
        "Not allowed here",
        "Tell the user that this number can't be registered here.",
        [
            _wrong(code, field, "not_allowed", message)
            for code, field, message in (
                ("CustSpaceNotAllowed", "cust_space_id", "cust_space_id may not be used here."),
                (
                    "CountryNotAllowed",
                    "phone_number",
                    "phone_number is of a country that may not be sent to.",
                ),
                ("DeliveryMethodNotAllowed", "method", "method must be sms here."),
                ("LineTypeNotAllowed", "method", "A fixed line can't take sms: ask for voice."),
            )
        ]
        + [
            VerifyCodeResult.own(
                "CallerUnknown", "The trigger doesn't say who asks; nothing was sent."
            )
        ],
    ),
    405: ("Not POST", _A_BUG_IN_THE_APP, [_no_event(405, "Ask by POST.")]),
    409: (
        "The same request is under way, or another that would use up the number's allowance",
        _AFTER_A_WHILE,
        [
            _later(
                "InProgress",
                12.5,
                "This request, or another one for the number, is under way; nothing was sent.",
            )
        ],
    ),
    410: (
        "Too old: only where requests are queued",
        "Nothing: nobody waits any more.",
        [
            VerifyCodeResult.own(
                "EventExpired", "The event is older than 600 seconds; nothing was sent."
            )
        ],
    ),
    413: ("Too large", _A_BUG_IN_THE_APP, [_no_event(413, "A request may hold 16 KiB at most.")]),
    415: (
        "Not JSON",
        _A_BUG_IN_THE_APP,
        [_no_event(415, "Send the request as Content-Type: application/json, in UTF-8.")],
    ),
    422: (
        "A field is wrong, for this package or for the API",
        "Let the user correct the fields in `errors`; it is empty where the API refused.",
        [_wrong("InvalidRequest", "phone_number", "missing", "phone_number is required.")],
    ),
    424: (
        "The API refused",
        _NEUTRAL,
        [
            _by_the_api(
                "no", "Product.Unsubscript", 424, "The API refused the request; nothing was sent."
            )
        ],
    ),
    429: (
        "Not now; nothing was sent",
        _AFTER_A_WHILE,
        [
            *(_later(code, 42.5, message) for code, message in REFUSALS.items()),
            _later(
                "QuotaExhausted",
                2.5,
                "The API's quota has no place within the time left; nothing was sent.",
            ),
        ],
    ),
    500: (
        "The function is misconfigured, or has a bug",
        _NEUTRAL,
        [
            VerifyCodeResult.own("Misconfigured", ""),
            VerifyCodeResult.own("UnexpectedError", "The function failed; nothing was sent."),
        ],
    ),
    503: (
        "The API or the store can't be reached; nothing was sent",
        _AFTER_A_WHILE,
        [
            _later("UpstreamUnavailable", 5.0, "The API can't be reached; nothing was sent."),
            _later("StoreUnavailable", 5.0, "The store can't be reached; nothing was sent."),
        ],
    ),
}

#: Statuses that the platform answers with by itself, too.
_THE_PLATFORMS = (400, 403, 413, 429, 500, 503)


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
    _schema(FieldError)
    schema = _schema(VerifyCodeResult)
    for name in UNSEEN:
        del schema["properties"][name]
    schema["required"] = list(schema["properties"])
    return schema


def _schema(model: Any) -> dict[str, Any]:
    # pydantic reads the sentences below the fields.
    model.__pydantic_config__ = ConfigDict(use_attribute_docstrings=True)
    return TypeAdapter(model).json_schema(
        mode="serialization", ref_template="#/components/schemas/{model}"
    )


def _request_schema() -> dict[str, Any]:
    described = _schema(VerifyCodeRequest)["properties"]
    properties = {
        # Null is as good as left out.
        name: {"type": ["string", "null"], "description": described[name]["description"], **form}
        for name, form in _FORMS.items()
    }
    names = [["phone_number"], *([alias] for alias in ALIASES["phone_number"])]
    return {
        "type": "object",
        "title": "VerifyCodeRequest",
        "description": "Each field has one of its names; other fields are ignored: a "
        "misspelt one means its default.",
        "properties": {
            **properties,
            **{alias: properties[name] for name in properties for alias in ALIASES[name]},
        },
        "anyOf": [{"required": name} for name in names],
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
            **{str(status): _response(status, *answer) for status, answer in _ANSWERS.items()},
            "default": {
                "description": "The platform's own answer, without a key `sent`: 403, 404, 429 "
                "and 503 mean not sent, any other unknown"
            },
        },
    }


def _response(status: int, description: str, to_do: str, results: list[VerifyCodeResult]) -> Any:
    schema: dict[str, Any] = {"$ref": "#/components/schemas/VerifyCodeResult"}
    if status in _THE_PLATFORMS:
        schema = {"anyOf": [schema, {"$ref": "#/components/schemas/PlatformAnswer"}]}
    examples = {
        result.code: {
            "summary": to_do,
            "value": replace(result, invocation_id="1-67aee50c").for_the_public(),
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
