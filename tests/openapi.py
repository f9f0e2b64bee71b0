"""Makes docs/openapi.json for the app developer, from the models: ``make openapi``."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import TypeAdapter

from chatapp_code import __version__
from chatapp_code.request import ALIASES, VerifyCodeRequest
from chatapp_code.result import FieldError, VerifyCodeResult

_TO_DO = """What an app does with an answer goes by `sent`, then by `code`:

| `sent` | what the app does |
| --- | --- |
| `yes` | shows the field for the code, and counts down to the next try |
| `unknown` | the same: a code may come. Asking again at once could send a second one |
| `no`, `retryable` true | says "not yet", and lets the user try after `retry_after_seconds` |
| `no`, `retryable` false | goes by `code`: `InvalidRequest` and the like are for the user to mend |

Answers without a key `sent` are the platform's: 403, 404, 429 and 503 mean not sent; 502, any
other, and the app's own time-out (set it to 25 s) mean unknown.
"""

_EXAMPLES: dict[int, dict[str, tuple[str, VerifyCodeResult]]] = {
    200: {
        "OK": (
            "Show the field for the code.",
            VerifyCodeResult(
                success=True,
                sent="yes",
                code="OK",
                message="CAMS took the request: the code is on its way.",
                request_id="90E63D28-E31D-1EB2-8939-A9486641****",
                retryable=False,
                phone_number="+86*******34",
                method="sms",
                locale="zh_CN",
                http_status=200,
            ),
        )
    },
    202: {
        "UpstreamTimeout": (
            "A code may come all the same: do as after OK, and don't ask again by yourself.",
            VerifyCodeResult.own(
                "UpstreamTimeout", "No whole answer came from the API; a code may have been sent."
            ),
        )
    },
    400: {
        "InvalidEvent": (
            "The app's request is no JSON object: a bug in the app.",
            VerifyCodeResult.own("InvalidEvent", "Send one JSON object in UTF-8."),
        )
    },
    403: {
        "CountryNotAllowed": (
            "Tell the user that numbers of this country can't be registered here.",
            VerifyCodeResult.own(
                "CountryNotAllowed",
                "phone_number is of a country that may not be sent to.",
                errors=(
                    FieldError(
                        field="phone_number",
                        code="not_allowed",
                        message="phone_number is of a country that may not be sent to.",
                    ),
                ),
            ),
        )
    },
    422: {
        "InvalidRequest": (
            "Mark the fields in `errors`, and let the user correct them.",
            VerifyCodeResult.own(
                "InvalidRequest",
                "phone_number is required.",
                errors=(
                    FieldError(
                        field="phone_number", code="missing", message="phone_number is required."
                    ),
                ),
            ),
        )
    },
    424: {
        "Product.Unsubscript": (
            "Nothing the user can do: show a neutral text; the operator's log says why.",
            VerifyCodeResult(
                success=False,
                sent="no",
                code="Product.Unsubscript",
                message="The API refused the request; nothing was sent.",
                retryable=False,
                http_status=424,
            ),
        )
    },
    429: {
        "QuotaExhausted": (
            "Let the user try again after `retry_after_seconds`.",
            VerifyCodeResult.own(
                "QuotaExhausted",
                "Too many ask at once; nothing was sent.",
                retry_after_seconds=2.5,
            ),
        )
    },
    500: {
        "Misconfigured": (
            "Nothing the user can do: show a neutral text.",
            VerifyCodeResult.own("Misconfigured", ""),
        )
    },
    503: {
        "UpstreamUnavailable": (
            "Let the user try again after `retry_after_seconds`.",
            VerifyCodeResult.own(
                "UpstreamUnavailable",
                "The API can't be reached; nothing was sent.",
                retry_after_seconds=5.0,
            ),
        )
    },
}

_DESCRIPTIONS = {
    200: "Sent",
    202: "Unknown: a code may be on its way",
    400: "No request in it (413: too large, 415: not JSON, 405: not POST)",
    403: "Not allowed here",
    422: "A field is wrong",
    424: "The API refused",
    429: "Not now; nothing was sent",
    500: "The function is misconfigured, or has a bug",
    503: "The API can't be reached; nothing was sent",
}


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    result = TypeAdapter(VerifyCodeResult).json_schema(
        mode="serialization", ref_template="#/components/schemas/{model}"
    )
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
        "paths": {"/": {"post": _operation()}},
        "components": {"schemas": {**schemas, "VerifyCodeResult": result}},
    }


def _request_schema() -> dict[str, Any]:
    schema = VerifyCodeRequest.model_json_schema()
    properties = {
        name: {key: value for key, value in content.items() if key != "title"}
        for name, content in schema["properties"].items()
        if name != "idempotency_key"  # over HTTP it is the header
    }
    names = [["phone_number"], *([alias] for alias in ALIASES["phone_number"])]
    return {
        "type": "object",
        "title": "VerifyCodeRequest",
        "description": "Each field has one of its names; other fields are ignored.",
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
        "responses": {str(status): _response(status) for status in _EXAMPLES},
    }


def _response(status: int) -> dict[str, Any]:
    examples = {
        code: {"summary": to_do, "value": example.for_the_public()}
        for code, (to_do, example) in _EXAMPLES[status].items()
    }
    response: dict[str, Any] = {
        "description": _DESCRIPTIONS[status],
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/VerifyCodeResult"},
                "examples": examples,
            }
        },
    }
    if status in (429, 503):
        description = "Whole seconds, rounded up"
        schema = {"type": "integer", "minimum": 0}
        response["headers"] = {"Retry-After": {"description": description, "schema": schema}}
    return response


def text() -> str:
    """The document as it is checked in."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
