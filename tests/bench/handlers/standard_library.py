"""The floor: the standard library alone signs the request and sends it, with no checks."""

from __future__ import annotations

import hmac
import http.client
import json
import os
import re
import ssl
import time
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

_scheme, _, _host = os.environ["CAMS_ENDPOINT"].rpartition("://")
_connection = (
    http.client.HTTPConnection(_host)
    if _scheme
    else http.client.HTTPSConnection(_host, context=ssl.create_default_context())
)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    number = json.loads(event)["phone_number"].lstrip("+")
    if not re.fullmatch(r"[1-9]\d{6,14}", number):
        return {"code": "InvalidRequest"}
    fields = {"CustSpaceId": "cams-one", "Locale": "en", "Method": "sms", "PhoneNumber": number}
    query, keys, digest = urlencode(fields), context.credentials, sha256(b"").hexdigest()
    headers = {
        "host": _host,
        "x-acs-action": "GetChatappVerifyCode",
        "x-acs-content-sha256": digest,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-security-token": keys.security_token,
        "x-acs-signature-nonce": os.urandom(16).hex(),
        "x-acs-version": "2020-06-06",
    }
    names, lines = ";".join(headers), "".join(f"{k}:{v}\n" for k, v in headers.items())
    canonical = f"POST\n/\n{query}\n{lines}\n{names}\n{digest}".encode()
    to_sign = f"ACS3-HMAC-SHA256\n{sha256(canonical).hexdigest()}".encode()
    signature = hmac.new(keys.access_key_secret.encode(), to_sign, sha256).hexdigest()
    headers["authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={keys.access_key_id},SignedHeaders={names},"
        f"Signature={signature}"
    )
    _connection.request("POST", f"/?{query}", headers=headers)
    return {"code": json.loads(_connection.getresponse().read())["Code"]}
