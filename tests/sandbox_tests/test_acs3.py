"""The sandbox's own check of signatures, against vectors that the SDK didn't make."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.sandbox.acs3 import Rejected, StsCredentials, Verifier, sign

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ROLE = StsCredentials("STS.YourAccessKeyId", "YourAccessKeySecret", "YourSecurityToken")
QUERY = {"CustSpaceId": "cams-kei1234", "Method": "sms", "PhoneNumber": "8613800001234"}
TARGET = "/?CustSpaceId=cams-kei1234&Method=sms&PhoneNumber=8613800001234"
HEADERS = {
    "host": "cams.ap-southeast-1.aliyuncs.com",
    "x-acs-action": "GetChatappVerifyCode",
    "x-acs-version": "2020-06-06",
    "x-acs-date": "2026-01-02T03:04:05Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-content-sha256": EMPTY,
    "x-acs-security-token": ROLE.security_token,
}


def signed(key_id: str = ROLE.access_key_id, **changed: str) -> dict[str, str]:
    headers = HEADERS | {f"x-acs-{name.replace('_', '-')}": text for name, text in changed.items()}
    signature = sign(ROLE.access_key_secret, "POST", "/", QUERY, headers)
    credential = f"Credential={key_id},SignedHeaders={';'.join(sorted(headers))}"
    return {**headers, "authorization": f"ACS3-HMAC-SHA256 {credential},Signature={signature}"}


def test_the_official_vector() -> None:
    """The example of "V3 request structure and signature" comes out as printed there."""
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    query = {
        "RegionId": "cn-shanghai",
        "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
    }
    signature = sign("YourAccessKeySecret", "POST", "/", query, headers)
    assert signature == "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"


def test_a_right_request_is_let_in_once() -> None:
    """A right signature gives the parameters, and its nonce is used up."""
    verifier = Verifier({ROLE.access_key_id: ROLE})
    assert verifier.verify("POST", TARGET, signed(), b"", NOW) == QUERY
    with pytest.raises(Rejected, match="SignatureNonceUsed"):
        verifier.verify("POST", TARGET, signed(), b"", NOW)


@pytest.mark.parametrize(
    ("code", "headers", "target", "body", "late_minutes"),
    [
        ("IncompleteSignature", {}, TARGET, b"", 0),
        ("IncompleteSignature", {**signed(), "x-acs-more": "x"}, TARGET, b"", 0),
        ("SignatureDoesNotMatch", {**signed(), "host": "x"}, TARGET, b"", 0),
        ("SignatureDoesNotMatch", signed(), TARGET + "5", b"", 0),
        ("SignatureDoesNotMatch", signed(), TARGET, b"body", 0),
        ("SignatureDoesNotMatch", signed(content_sha256="0"), TARGET, b"", 0),
        ("InvalidTimeStamp.Expired", signed(), TARGET, b"", 16),
        ("InvalidTimeStamp.Format", signed(date="yesterday"), TARGET, b"", 0),
        ("InvalidSecurityToken.Malformed", signed(security_token="other"), TARGET, b"", 0),
        ("InvalidAccessKeyId.NotFound", signed(key_id="other"), TARGET, b"", 0),
    ],
)
def test_wrong_requests(
    code: str, headers: dict[str, str], target: str, body: bytes, late_minutes: int
) -> None:
    """Each thing that can be wrong with a signed request is told by the API's own code."""
    now = NOW + timedelta(minutes=late_minutes)
    with pytest.raises(Rejected, match=f"^{code}$"):
        Verifier({ROLE.access_key_id: ROLE}).verify("POST", target, headers, body, now)
