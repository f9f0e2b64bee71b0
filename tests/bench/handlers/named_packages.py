"""A handler on tea-openapi, credentials and pydantic, as an engineer often writes one."""

from __future__ import annotations

import os
from typing import Any

from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_credentials.models import Config as CredentialConfig
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions
from pydantic import BaseModel, Field, ValidationError

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


class Request(BaseModel):
    phone_number: str = Field(pattern=r"^\+?[1-9]\d{6,14}$")
    method: str = "sms"
    locale: str = "en"
    cust_space_id: str = "cams-one"


def handler(event: bytes, context: Any) -> dict[str, Any]:
    try:
        request = Request.model_validate_json(event)
    except ValidationError:
        return {"code": "InvalidRequest"}
    credential = CredentialClient(CredentialConfig(type="sts", **vars(context.credentials)))
    scheme, _, host = os.environ["CAMS_ENDPOINT"].rpartition("://")
    config = Config(credential=credential, endpoint=host, protocol=scheme or "https")
    query = {
        "PhoneNumber": request.phone_number.lstrip("+"),
        "Method": request.method,
        "Locale": request.locale,
        "CustSpaceId": request.cust_space_id,
    }
    answer = Client(config).call_api(_CALL, OpenApiRequest(query=query), RuntimeOptions())
    return {"code": answer["body"]["Code"]}
