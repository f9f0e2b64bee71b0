"""The sandbox's own check of signatures, against vectors that the SDK didn't make."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.sandbox.acs3 import Rejected, StsCredentials, Verifier, sign

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ROLE = StsCredentials("STS.YourAccessKeyId", "YourAccessKeySecret", "YourSecurityToken")
QUERY = {
    "CustSpaceId": "cams-kei1234",
    "Locale": "zh_CN",
    "Method": "sms",
    "PhoneNumber": "8613800001234",
}
HEADERS = {
    "host": "cams.ap-southeast-1.aliyuncs.com",
    "x-acs-action": "GetChatappVerifyCode",
    "x-acs-version": "2020-06-06",
    "x-acs-date": "2026-01-02T03:04:05Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-content-sha256": EMPTY,
    "x-acs-security-token": "YourSecurityToken",
    "x-acs-accesskey-id": "STS.YourAccessKeyId",
}
SIGNATURE = "fda6325b26960e1ff3c56cd8bcbdfe7b1a4e0e7d461f7e2f43dbf30284ec7a72"
TARGET = "/?CustSpaceId=cams-kei1234&Locale=zh_CN&Method=sms&PhoneNumber=8613800001234"


def signed(headers: dict[str, str], signature: str = SIGNATURE) -> dict[str, str]:
    names = ";".join(sorted(headers))
    credential = f"Credential={ROLE.access_key_id},SignedHeaders={names}"
    return {**headers, "authorization": f"ACS3-HMAC-SHA256 {credential},Signature={signature}"}


@pytest.fixture
def verifier() -> Verifier:
    return Verifier({ROLE.access_key_id: ROLE})


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
        "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        "RegionId": "cn-shanghai",
    }
    signature = sign("YourAccessKeySecret", "POST", "/", query, headers)
    assert signature == "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"


def test_a_right_request_is_let_in_once(verifier: Verifier) -> None:
    """A right signature gives the parameters, and its nonce is used up."""
    assert verifier.verify("POST", TARGET, signed(HEADERS), b"", NOW) == QUERY
    with pytest.raises(Rejected, match="SignatureNonceUsed"):
        verifier.verify("POST", TARGET, signed(HEADERS), b"", NOW)


RIGHT = signed(HEADERS)
OTHER_KEY = RIGHT["authorization"].replace("STS.Your", "STS.Other")
OTHER_TOKEN = {**HEADERS, "x-acs-security-token": "other"}
UNREADABLE = {**HEADERS, "x-acs-date": "yesterday"}
UNREADABLE_SIGNED = sign(ROLE.access_key_secret, "POST", "/", QUERY, UNREADABLE)
LATE = NOW + timedelta(minutes=16)


@pytest.mark.parametrize(
    ("code", "headers", "target", "body", "now"),
    [
        ("IncompleteSignature", {}, TARGET, b"", NOW),
        ("IncompleteSignature", {**RIGHT, "x-acs-more": "x"}, TARGET, b"", NOW),
        ("SignatureDoesNotMatch", signed(HEADERS, "0" * 64), TARGET, b"", NOW),
        ("SignatureDoesNotMatch", RIGHT, TARGET + "5", b"", NOW),
        ("SignatureDoesNotMatch", RIGHT, TARGET, b"body", NOW),
        ("InvalidTimeStamp.Expired", RIGHT, TARGET, b"", LATE),
        ("InvalidTimeStamp.Format", signed(UNREADABLE, UNREADABLE_SIGNED), TARGET, b"", NOW),
        ("InvalidSecurityToken.Malformed", signed(OTHER_TOKEN), TARGET, b"", NOW),
        ("InvalidAccessKeyId.NotFound", {**RIGHT, "authorization": OTHER_KEY}, TARGET, b"", NOW),
    ],
)
def test_wrong_requests(
    verifier: Verifier, code: str, headers: dict[str, str], target: str, body: bytes, now: datetime
) -> None:
    """Each thing that can be wrong with a signed request is told by the API's own code."""
    with pytest.raises(Rejected) as rejected:
        verifier.verify("POST", target, headers, body, now)
    assert rejected.value.code == code
