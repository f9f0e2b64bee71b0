"""A plain handler on the SDK, as it is often written: nothing paces it but the platform's cap."""

from __future__ import annotations

import json
import os
from typing import Any

from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

_CALL = Params(
    action="GetChatappVerifyCode",
    version="2020-06-06",
    protocol="HTTPS",
    pathname="/",
    method="POST",
    auth_type="AK",
    style="RPC",
    req_body_type="formData",
    body_type="json",
)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    config = Config(
        access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        security_token=os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
        endpoint=os.environ["CAMS_ENDPOINT"],
    )
    if event == b"{}":
        return {"code": "InvalidEvent"}
    query = {
        "PhoneNumber": json.loads(event)["phone_number"].lstrip("+"),
        "CustSpaceId": "cams-one",
        "Locale": "en",
        "Method": "sms",
    }
    try:
        answer = Client(config).call_api(_CALL, OpenApiRequest(query=query), RuntimeOptions())
    except Exception as error:
        return {"code": str(getattr(error, "code", None) or type(error).__name__)}
    return {"code": answer["body"]["Code"]}
