"""A handler on the product SDK, as its documentation shows it: fifteen lines, and no checks."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from alibabacloud_cams20200606 import models
from alibabacloud_cams20200606.client import Client
from alibabacloud_tea_openapi.utils_models import Config


def handler(event: bytes, context: Any) -> dict[str, Any]:
    number = json.loads(event)["phone_number"].lstrip("+")
    if not re.fullmatch(r"[1-9]\d{6,14}", number):
        return {"code": "InvalidRequest"}
    scheme, _, host = os.environ["CAMS_ENDPOINT"].rpartition("://")
    config = Config(**vars(context.credentials), endpoint=host, protocol=scheme or "https")
    request = models.GetChatappVerifyCodeRequest(
        phone_number=number, cust_space_id="cams-one", locale="en", method="sms"
    )
    return {"code": Client(config).get_chatapp_verify_code(request).body.code}
