"""Makes docs/openapi.json for the app developer, from the models: ``make openapi``."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel

from tests.support import codes
from tests.support.answers import examples
from verify_code import __version__
from verify_code.operations import OPERATIONS, SEND, VERIFY, Operation
from verify_code.validation import NAMES

_TO_DO = f"""`/` asks for a code. `/status` and `/verify` answer 404 `OperationNotEnabled` unless
the service's operator has enabled them.

What an app does goes by `sent` (of `/verify` by `registered`), then by `code`; each example of an
answer says it for its code.

| | `sent` | `registered` |
| --- | --- | --- |
| `yes` | {codes.of("OK").app.send} | {codes.of("OK").app.verify} |
| `unknown` | {codes.UNKNOWN.send} | {codes.UNKNOWN.verify} |
| `no`, `retryable` true | {codes.WAIT.send} | {codes.WAIT.send} |
| `no`, `retryable` false | It goes by `code`. | It goes by `code`. |

Answers without a key `success` are the platform's: 403, 404, 429 and 503 mean not done; 502, any
other, and the app's own time-out (set it to 25 s) mean unknown.

As s.yaml and template.yml deploy it, the HTTP trigger takes a JSON Web Token, which the app gets
from its own back end; the trigger answers 403 by itself to a request without a good one.

An app sends an `Idempotency-Key` per tap. Where the service has a shared store, the app asks again
with the same key after its own time-out or a 502: it gets the first answer, `InProgress` or
`unknown`, and nothing is done twice.
"""

#: Statuses that the platform answers with by itself, too.
_THE_PLATFORMS = (400, 403, 404, 413, 429, 500, 503)


_SUMMARIES = {
    "send": "Asks WhatsApp for the code that registers a business phone number",
    "status": "Tells whether the number is verified; changes nothing",
    "verify": "Hands the code in, and registers the number",
}


#: What isn't enabled, or isn't read, is answered as if a code were asked for.
_AS_SEND = (400, 404, 413)


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    schemas: dict[str, Any] = {}
    for operation in OPERATIONS.values():
        result = _result_schema(operation)
        schemas |= result.pop("$defs")
        schemas[operation.result.__name__] = result
        schemas[operation.request.__name__] = _request_schema(operation)
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
        "paths": {
            "/" if each is SEND else f"/{name}": {"post": _operation(each)}
            for name, each in OPERATIONS.items()
        },
        "components": {
            "schemas": {
                **schemas,
                "PlatformAnswer": {
                    "description": "An answer of the platform itself: it has no key `success`.",
                    "type": "object",
                    "properties": {"success": False},
                },
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _result_schema(operation: Operation) -> dict[str, Any]:
    schema = _schema(operation.result, "serialization", by_alias=True)
    shown = examples(operation)[0].for_http()
    schema["properties"] = {name: schema["properties"][name] for name in shown}
    schema["required"] = list(shown)
    return schema


def _schema(model: type[BaseModel], mode: Any, *, by_alias: bool) -> dict[str, Any]:
    template = "#/components/schemas/{model}"
    return model.model_json_schema(mode=mode, by_alias=by_alias, ref_template=template)


def _request_schema(operation: Operation) -> dict[str, Any]:
    described = _schema(operation.request, "validation", by_alias=False)
    properties = {}
    for name, schema in described["properties"].items():
        form = schema.pop("anyOf", [{}])[0] | schema
        shown = ("description", "pattern", "minLength", "maxLength", "examples")
        # Null is as good as left out.
        nullable = {"type": ["string", "null"]}
        properties[name] = nullable | {key: form[key] for key in shown if key in form}
    spelled = {alias: properties[name] for name in properties for alias in NAMES[name]}
    name = operation.name
    spelled["operation"] = {"enum": [name, None], "description": f"{name}, or absent"}
    if "code" not in properties:
        nothing = {"type": "null", "description": "a code goes to /verify"}
        spelled |= dict.fromkeys(NAMES["code"], nothing)
    required = ["phone_number", "code"] if operation is VERIFY else ["phone_number"]
    return {
        "type": "object",
        "title": operation.request.__name__,
        "description": f"{described['description']} Each field has one of its names. Other fields "
        "are ignored, but names that were probably meant for an absent field are refused, and so "
        "is a code that isn't to be verified.",
        "properties": spelled,
        "allOf": [{"anyOf": [{"required": [alias]} for alias in NAMES[name]]} for name in required],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    reference = f"#/components/schemas/{operation.request.__name__}"
    asked = {"send": {"method": "sms"}, "status": {}, "verify": {"code": "123-456"}}[operation.name]
    described: dict[str, Any] = {
        "operationId": {"send": "sendCode", "status": "getStatus", "verify": "verifyCode"}[
            operation.name
        ],
        "summary": _SUMMARIES[operation.name],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": reference},
                    "example": {"phone_number": "+8613800001234", **asked},
                }
            },
        },
        "responses": {
            **{
                str(status): _response(operation, status)
                for status in sorted({each.http_status for each in examples(operation)})
            },
            "default": {
                "description": "The platform's own answer, without a key `success`: 403, 404, 429 "
                "and 503 mean not done, any other unknown"
            },
        },
    }
    if operation.changes_something:
        described["parameters"] = [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "Names the request: one for each tap of the user.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        ]
    return described


def _response(operation: Operation, status: int) -> Any:
    results = [each for each in examples(operation) if each.http_status == status]
    reference = f"#/components/schemas/{operation.result.__name__}"
    schema: dict[str, Any] = {"$ref": reference}
    others = ["PlatformAnswer"] if status in _THE_PLATFORMS else []
    if status in _AS_SEND and operation is not SEND:
        others = [SEND.result.__name__, *others]
    if others:
        references = [{"$ref": f"#/components/schemas/{each}"} for each in others]
        schema = {"anyOf": [schema, *references]}
    shown = {
        each.code: {
            "summary": codes.advice(each, operation),
            "description": codes.of(each.code).happened,
            "value": each.for_http(),
        }
        for each in results
    }
    content = {"application/json": {"schema": schema, "examples": shown}}
    happened = " ".join(dict.fromkeys(codes.of(each.code).happened for each in results))
    response: dict[str, Any] = {"description": happened, "content": content}
    if results[0].retryable:
        wait = {"description": "Whole seconds, rounded up", "schema": {"type": "integer"}}
        response["headers"] = {"Retry-After": wait}
    return response


def text() -> str:
    """The document as it is checked in."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
