"""Checks ACS3-HMAC-SHA256 signatures on the server's side, independently of the SDK.

Source: "V3 request structure and signature" in the Alibaba Cloud SDK documentation.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})"
)
_WINDOW = timedelta(minutes=15)


@dataclass(frozen=True)
class StsCredentials:
    """Temporary credentials of a role."""

    access_key_id: str
    access_key_secret: str
    security_token: str


class Rejected(Exception):
    """The gateway refuses the request: HTTP status, error code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def sign(
    secret: str,
    method: str,
    path: str,
    query: Mapping[str, str],
    signed_headers: Mapping[str, str],
    body: bytes = b"",
) -> str:
    """The signature of a request, in hexadecimal."""
    encoded_query = urlencode(sorted(query.items()), safe="~", quote_via=quote)
    headers = sorted((name.lower(), value.strip()) for name, value in signed_headers.items())
    canonical = "\n".join(
        [
            method,
            path,
            encoded_query,
            "".join(f"{name}:{value}\n" for name, value in headers),
            ";".join(name for name, _ in headers),
            sha256(body).hexdigest(),
        ]
    )
    to_sign = "ACS3-HMAC-SHA256\n" + sha256(canonical.encode()).hexdigest()
    return hmac.new(secret.encode(), to_sign.encode(), sha256).hexdigest()


@dataclass
class Verifier:
    """Knows the credentials that are valid, and the nonces that were used."""

    credentials: dict[str, StsCredentials] = field(default_factory=dict)
    _nonces: set[str] = field(default_factory=set)

    def verify(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> dict[str, str]:
        """The query's parameters if all is right; raises :class:`Rejected` if not.

        ``headers`` has lower-case names.
        """
        matched = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not matched:
            raise Rejected(400, "IncompleteSignature", "No ACS3 Authorization header.")
        key_id, signed_names, signature = matched.groups()
        valid = self.credentials.get(key_id)
        if valid is None:
            raise Rejected(404, "InvalidAccessKeyId.NotFound", "The AccessKey doesn't exist.")
        if headers.get("x-acs-security-token") != valid.security_token:
            raise Rejected(400, "InvalidSecurityToken.Malformed", "The token is wrong.")
        names = signed_names.split(";")
        must = {name for name in headers if name.startswith("x-acs-")} | {"host"}
        if not must <= set(names) or not set(names) <= set(headers):
            raise Rejected(400, "IncompleteSignature", "A header isn't signed.")
        if headers.get("x-acs-content-sha256") != sha256(body).hexdigest():
            raise Rejected(400, "SignatureDoesNotMatch", "The body isn't the one signed.")
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        chosen = {name: headers[name] for name in names}
        right = sign(valid.access_key_secret, method, url.path, query, chosen, body)
        if not hmac.compare_digest(right, signature):
            raise Rejected(400, "SignatureDoesNotMatch", "The signature is wrong.")
        _check_date(headers.get("x-acs-date", ""), now)
        nonce = headers.get("x-acs-signature-nonce", "")
        if not nonce or nonce in self._nonces:
            raise Rejected(400, "SignatureNonceUsed", "The nonce was used before.")
        self._nonces.add(nonce)
        return query


def _check_date(text: str, now: datetime) -> None:
    try:
        date = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise Rejected(400, "InvalidTimeStamp.Format", "x-acs-date can't be read.") from None
    if abs(now - date) > _WINDOW:
        raise Rejected(400, "InvalidTimeStamp.Expired", "x-acs-date is too far off.")
