"""The fields of a request: how they are read, and how their errors are told."""

from __future__ import annotations

import contextlib
from typing import Any

import phonenumbers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from tests.sandbox.cams_gateway import Behaviour
from tests.support.function_under_test import NUMBER, FunctionUnderTest
from tests.support.hostile import VALID
from verify_code.locales import DOCUMENTED_CODES

MANY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def anywhere(function: FunctionUnderTest) -> FunctionUnderTest:
    """The function with all countries allowed, and without flow control."""
    function.set(ALLOWED_COUNTRIES="*,001")
    function.gateway.calls_per_second = 10**6
    return function


def errors(result: dict[str, Any]) -> dict[str, str]:
    return {error["field"]: error["code"] for error in result["errors"]}


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+8613800001234", "8613800001234"),
        ("8613800001234", "8613800001234"),
        (" +86 138-0000-1234 ", "8613800001234"),
        ("+86 (138) 0000.1234", "8613800001234"),
        ("+86 [138] 00001234", "8613800001234"),
        ("+86 0138 0000 1234", "8613800001234"),
        ("+14155552671", "14155552671"),  # ambiguous without its +
    ],
)
def test_spellings_of_a_number(function: FunctionUnderTest, text: str, digits: str) -> None:
    """A number in any spelling reaches the API as digits with the country code."""
    assert function.ask(phone_number=text)["phone_number"].endswith(f"*******{digits[-2:]}")
    assert function.gateway.messages[0].phone_number == digits


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("phone_number", None, "missing"),
        ("phone_number", "", "invalid"),
        ("phone_number", 8613800001234, "invalid"),
        ("phone_number", ["+8613800001234"], "invalid"),
        ("phone_number", "13800001234", "invalid"),
        ("phone_number", "19005550123", "invalid"),
        ("phone_number", "008613800001234", "invalid"),
        ("phone_number", "+008613800001234", "invalid"),
        ("phone_number", "+86138000012345678", "invalid"),
        ("phone_number", "+861380000123", "invalid"),
        ("phone_number", "+86-1380000-CALL", "invalid"),
        ("phone_number", "-", "invalid"),
        ("phone_number", "+8613800001234 ext. 5", "invalid"),
        ("phone_number", "+86+13800001234", "invalid"),
        ("phone_number", "+8613800001234;ext=5", "invalid"),
        ("phone_number", "+86138000O1234", "invalid"),
        ("phone_number", "+8613800001234\n+8613800001235", "invalid"),
        (
            "phone_number",
            "+86\u0661\u0663\u0668\u0660\u0660\u0660\u0660\u0661\u0662\u0663\u0664",
            "invalid",
        ),
        ("locale", "en_US.UTF-8", "invalid"),
        ("locale", "", "invalid"),
        ("locale", "english", "invalid"),
        ("locale", "C", "invalid"),
        ("locale", "../../etc", "invalid"),
        ("locale", "中文", "invalid"),
        pytest.param("locale", "a" * 36, "invalid", id="locale-too long"),
        ("locale", 5, "invalid"),
        ("idempotency_key", "", "invalid"),
        pytest.param("idempotency_key", "x" * 256, "invalid", id="idempotency_key-too long"),
        ("idempotency_key", 7, "invalid"),
    ],
)
def test_wrong_fields(function: FunctionUnderTest, field: str, value: Any, code: str) -> None:
    """A field without one valid value is an error of that field, and nothing is sent."""
    result = function.ask(**{field: value})
    assert (result["code"], errors(result)) == ("InvalidRequest", {field: code})
    assert result["phone_number"] is None
    assert function.gateway.requests_seen == 0


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"phone_number": "+81 90-1234-5678"}, "CountryNotAllowed", "phone_number"),
        ({"phone_number": "+80012345678"}, "CountryNotAllowed", "phone_number"),
        ({"phone_number": "+447911123456"}, "CountryNotAllowed", "phone_number"),
        ({"phone_number": "+449012345678"}, "LineTypeNotAllowed", "phone_number"),
        ({"phone_number": "+43810123456"}, "LineTypeNotAllowed", "phone_number"),
        ({"phone_number": "+862112345678"}, "LineTypeNotAllowed", "method"),
        ({"cust_space_id": "other"}, "CustSpaceNotAllowed", "cust_space_id"),
    ],
)
def test_what_is_not_allowed(
    function: FunctionUnderTest, fields: dict[str, str], code: str, field: str
) -> None:
    """A valid request that the settings don't allow is answered with HTTP status 403."""
    reply = function.post({"phone_number": NUMBER, **fields})
    assert (reply.status, reply.result["sent"], reply.result["code"]) == (403, "no", code)
    assert errors(reply.result) == {field: "not_allowed"}
    assert function.gateway.requests_seen == 0


def test_methods_that_are_switched_off(function: FunctionUnderTest) -> None:
    """A method that ALLOWED_METHODS doesn't name is refused, and isn't the default."""
    function.set(ALLOWED_METHODS="voice")
    assert function.ask()["method"] == "voice"
    reply = function.post({"phone_number": NUMBER, "method": "SMS"})
    assert (reply.status, reply.result["code"]) == (403, "DeliveryMethodNotAllowed")
    assert errors(reply.result) == {"method": "not_allowed"}


def test_all_wrong_fields_at_once(function: FunctionUnderTest) -> None:
    """All errors of one kind are told together, and wrong fields come before those not allowed."""
    not_allowed = {"phone_number": "+81 90-1234-5678", "cust_space_id": "other"}
    wrong = {"method": "fax", "locale": "en_US.UTF-8"}
    reply = function.post({**not_allowed, **wrong})
    assert (reply.status, reply.result["code"]) == (422, "InvalidRequest")
    assert errors(reply.result) == {"method": "not_supported", "locale": "invalid"}
    assert all(error["message"].endswith(".") for error in reply.result["errors"])
    reply = function.post(not_allowed)
    assert (reply.status, reply.result["code"]) == (403, "CustSpaceNotAllowed")
    assert errors(reply.result) == dict.fromkeys(not_allowed, "not_allowed")


@pytest.mark.parametrize(
    "names",
    [
        ("PhoneNumber", "Method", "Locale", "CustSpaceId"),
        ("phoneNumber", "method", "locale", "custSpaceId"),
    ],
)
def test_aliases(function: FunctionUnderTest, names: tuple[str, ...]) -> None:
    """Every field may have the API's own name, or its name in camel case."""
    values = ("+862112345678", "Voice", "pt-BR", "cams-two")
    result = function.handle(dict(zip(names, values, strict=True)))
    assert (result["sent"], result["method"], result["locale"]) == ("yes", "voice", "pt_BR")
    assert function.gateway.messages[0].cust_space_id == "cams-two"


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        (b'"PhoneNumber": "+6581234567"', {"phone_number": "conflicting"}),
        (b'"phoneNumber": 8613800001234', {"phone_number": "conflicting"}),
        (b'"PhoneNumber": "+8613800001234", "Method": null, "locale": null, "locale": "en"', {}),
    ],
)
def test_a_field_given_twice(
    function: FunctionUnderTest, others: bytes, wrong: dict[str, str]
) -> None:
    """A field with two different values is wrong; equal values or null count as one."""
    reply = function.post(b'{"phone_number": "+8613800001234", %b}' % others)
    assert (reply.status, errors(reply.result)) == (422 if wrong else 200, wrong)


@pytest.mark.parametrize("key", [b"phone_number", b"method", b"other"])
def test_a_key_given_twice(function: FunctionUnderTest, key: bytes) -> None:
    """An object that has one key with two different values is refused."""
    body = b'{"phone_number": "+8613800001234", "%b": "a", "%b": "b"}' % (key, key)
    reply = function.post(body)
    assert (reply.status, reply.result["code"]) == (400, "InvalidEvent")
    assert function.handle(body)["code"] == "InvalidEvent"


@pytest.mark.parametrize(
    ("fields", "wrong", "meant"),
    [
        ({"phone": NUMBER}, "phone", "phone_number"),
        ({"PhoneNumbers": NUMBER}, "PhoneNumbers", "phone_number"),
        ({"phone-number": NUMBER}, "phone-number", "phone_number"),
        ({"PHONENUMBER": NUMBER}, "PHONENUMBER", "phone_number"),
        ({"phone_number": NUMBER, "metod": "voice"}, "metod", "method"),
        ({"phone_number": NUMBER, "METHOD": "voice"}, "METHOD", "method"),
        ({"phone_number": NUMBER, "custSpaceID": "cams-two"}, "custSpaceID", "cust_space_id"),
        ({"phone_number": NUMBER, "Idempotency-Key": "k"}, "Idempotency-Key", "idempotency_key"),
    ],
)
def test_a_misspelt_field(
    function: FunctionUnderTest, fields: dict[str, str], wrong: str, meant: str
) -> None:
    """A misspelt name of a field that is absent is an error that tells the right name."""
    result = function.ask(**{"phone_number": None, **fields})
    assert (result["code"], errors(result)) == ("InvalidRequest", {wrong: "unknown"})
    assert meant in result["message"]
    assert function.gateway.requests_seen == 0


def test_other_fields_are_ignored(function: FunctionUnderTest) -> None:
    """A misspelt name of a field that is present, and any other field, is ignored."""
    other = {"phone": "1", "METHOD": "x", "metodology": "x", "language": "en", "channel": "web"}
    assert function.ask(method="sms", idempotencyKey="k", **other)["sent"] == "yes"


@pytest.mark.parametrize("operation", ["verify", "status", "Send", "", 1, ["send"]])
def test_another_operation(function: FunctionUnderTest, operation: Any) -> None:
    """A request for another operation sends no code, over HTTP, directly or as an event."""
    request = {"phone_number": NUMBER, "operation": operation}
    reply = function.post(request)
    assert (reply.status, reply.result["code"]) == (404, "OperationNotEnabled")
    assert (reply.result["sent"], reply.result["retryable"]) == ("no", False)
    assert function.handle(request)["code"] == "OperationNotEnabled"
    event = {"specversion": "1.0", "id": "1", "source": "a", "data": request}
    assert function.raised(event)["code"] == "InvalidEvent"
    assert function.gateway.requests_seen == 0


@pytest.mark.parametrize("operation", [None, "send"])
def test_the_operation_that_is_enabled(function: FunctionUnderTest, operation: Any) -> None:
    """A request may name the operation `send`."""
    assert function.ask(operation=operation)["sent"] == "yes"


@pytest.mark.parametrize("name", ["code", "VerifyCode"])
def test_a_code_in_a_request(function: FunctionUnderTest, name: str) -> None:
    """A request that has a code sends no other code."""
    result = function.ask(**{name: "123456"})
    assert (result["code"], errors(result)) == ("InvalidRequest", {name: "unknown"})
    assert "123456" not in str(result)
    event = {"specversion": "1.0", "data": {"phone_number": NUMBER, name: "123456"}}
    assert function.raised(event)["code"] == "InvalidRequest"
    assert function.gateway.requests_seen == 0


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("zh-Hans-CN", "zh_CN"),
        ("zh-Hant", "zh_TW"),
        ("zh-HK", "zh_HK"),
        ("zh-guoyu", "zh_CN"),
        ("pt-BR", "pt_BR"),
        ("en-US", "en_US"),
        ("en_us", "en_US"),
        ("EN", "en"),
        ("en_SG", "en_GB"),
        ("en-US-u-ca-gregory", "en_US"),
        pytest.param(f"en-US-x-{'abcdefgh-' * 20}1", "en_US", id="a long tag"),
        ("es-ES", "es_ES"),
        ("es-419", "es_MX"),
        (" fr-CA ", "fr"),
        ("no", "nb"),
        ("no-bok", "nb"),
        ("iw", "he"),
        ("tl", "fil"),
        # No documented code is near: the default is sent.
        ("ka", "id"),
        ("km", "id"),
        ("ne", "id"),
        ("x-private", "id"),
    ],
)
def test_locales(function: FunctionUnderTest, tag: str, code: str) -> None:
    """The nearest documented code is sent, or else the default, and the result tells which."""
    function.set(DEFAULT_LOCALE="id")
    assert function.ask(locale=tag)["locale"] == code
    assert function.gateway.messages[0].locale == code


def test_documented_codes_are_kept(anywhere: FunctionUnderTest) -> None:
    """Each of the 68 documented codes is sent as it is, with a hyphen or an underscore."""
    assert len(set(DOCUMENTED_CODES)) == 68
    for code in DOCUMENTED_CODES:
        for tag in (code, code.replace("_", "-")):
            assert anywhere.ask(locale=tag)["locale"] == code


def test_any_space(function: FunctionUnderTest) -> None:
    """With `*` as CUST_SPACE_IDS each request must name its space."""
    function.set(CUST_SPACE_IDS="*")
    assert errors(function.ask()) == {"cust_space_id": "missing"}
    assert errors(function.ask(cust_space_id="has a space")) == {"cust_space_id": "invalid"}
    assert function.ask(cust_space_id="cams-any")["sent"] == "yes"


def test_any_country(function: FunctionUnderTest) -> None:
    """`*` allows every country, but a number without a country needs 001 in the list."""
    function.set(ALLOWED_COUNTRIES="*")
    assert function.ask(phone_number="+81 90-1234-5678")["sent"] == "yes"
    assert function.ask(phone_number="+80012345678")["code"] == "CountryNotAllowed"


@pytest.mark.parametrize(
    ("number", "quoted"),
    [
        (NUMBER, "8613800001234"),
        (NUMBER, "+86 138-0000-1234"),
        (NUMBER, "0138 0000 1234"),
        (NUMBER, "13800001234"),
        (NUMBER, "+86%20138%200000%201234"),
        (NUMBER, "138/0000/1234"),
        (NUMBER, "138_0000_1234"),
        (NUMBER, "(138) 0000 - 1234"),
        (NUMBER, "138\u20130000\u20131234"),
        (NUMBER, "138\u00ad0000\u200b1234"),
        (NUMBER, "tel:+8613800001234;"),
        (NUMBER, "\uff11\uff13\uff18\uff10\uff10\uff10\uff10\uff11\uff12\uff13\uff14"),
        (NUMBER, "00 86 138 00 00 12 34 2026"),
        (NUMBER, "138&nbsp;0000&#160;1234"),
        (NUMBER, "138 -- 0000 -- 1234"),
        (NUMBER, "5&13800001234;"),
        # WhatsApp leaves the 9 of a Brazilian mobile number out.
        ("+5511987654321", "551187654321"),
    ],
)
def test_masking(anywhere: FunctionUnderTest, number: str, quoted: str) -> None:
    """The number is masked in the API's message in any spelling, and other digits stay."""
    message = f"account 1234567890123456 has {quoted} already"
    anywhere.gateway.will(Behaviour.says(400, Code="Other", Message=message))
    result = anywhere.ask(phone_number=number)
    assert "1234567890123456 has" in result["message"]
    assert result["phone_number"] in result["message"]
    parts = ("0000", "12 34 2", "00 12", "\uff11", "138", "1187")
    assert not any(part in result["message"] for part in parts)


@given(field=st.sampled_from(["phone_number", "locale"]), text=st.text())
@MANY
def test_any_text_in_a_field(anywhere: FunctionUnderTest, field: str, text: str) -> None:
    """Any text is either a valid value of its field, or an error of that field."""
    result = anywhere.ask(**{field: text})
    assert result["sent"] == "yes" or set(errors(result)) == {field}


@given(st.sampled_from(VALID), st.integers(0, 3), st.text("0123456789", max_size=3))
@MANY
def test_what_is_valid_is_what_libphonenumber_says(
    anywhere: FunctionUnderTest, example: str, cut: int, end: str
) -> None:
    """A number is valid if and only if libphonenumber says so."""
    text, wrong = example[: len(example) - cut] + end, {"phone_number": "invalid"}
    with contextlib.suppress(phonenumbers.NumberParseException):
        number = phonenumbers.parse(text)
        if phonenumbers.is_valid_number(number):
            of_lines = {
                PhoneNumberType.FIXED_LINE: {"method": "not_allowed"},
                PhoneNumberType.PREMIUM_RATE: {"phone_number": "not_allowed"},
                PhoneNumberType.SHARED_COST: {"phone_number": "not_allowed"},
            }
            wrong = of_lines.get(phonenumbers.number_type(number), {})
    assert errors(anywhere.ask(phone_number=text)) == wrong


@pytest.mark.parametrize(
    "slip",
    [
        {"Operation": "verify"},
        {"OPERATION": "verify"},
        {"oper-ation": "verify"},
        {"verifyCode": "123456"},
        {"verify_code": "123456"},
        {"Code": "123456"},
        {"CODE": "123456"},
    ],
)
def test_a_slip_in_a_name_sends_nothing(function: FunctionUnderTest, slip: dict[str, str]) -> None:
    """A misspelt `operation` or `code` sends no code."""
    request = {"phone_number": NUMBER, **slip}
    assert function.ask(**slip)["code"] in ("OperationNotEnabled", "InvalidRequest")
    assert function.raised({"specversion": "1.0", "data": request})["sent"] == "no"
    assert function.gateway.requests_seen == 0


def test_a_long_name_is_shortened(function: FunctionUnderTest) -> None:
    """A misspelt name is shortened in the answer."""
    result = function.ask(**{"idem" + "_" * 15_000 + "potency_key": "k"})
    assert (result["code"], len(str(result)) < 1500) == ("InvalidRequest", True)


def test_a_key_in_the_body_or_in_the_header(function: FunctionUnderTest) -> None:
    """One key names one request, wherever it stands."""
    function.set(SEND_LIMITS_PER_NUMBER="9/minute")
    body = {"phone_number": NUMBER, "idempotencyKey": "tap-1"}
    replies = [
        function.post(body),
        function.post(headers={"Idempotency-Key": "tap-1"}),
        function.post({"phone_number": NUMBER, "idempotency_key": "tap-1"}),
    ]
    assert [reply.result["replayed"] for reply in replies] == [False, True, True]
    assert function.ask(idempotency_key="tap-1")["replayed"]
    assert len(function.gateway.messages) == 1


def test_a_star_is_no_space(function: FunctionUnderTest) -> None:
    """Where any space may be used, each request names one."""
    function.set(CUST_SPACE_IDS="*")
    assert function.ask(cust_space_id="*")["code"] == "CustSpaceNotAllowed"
    assert function.ask(cust_space_id="cams-9")["sent"] == "yes"


def test_a_fixed_line_where_voice_is_not_allowed(function: FunctionUnderTest) -> None:
    """The sentence names only what can be done here."""
    function.set(ALLOWED_METHODS="sms")
    (error,) = function.ask(phone_number="+4315880000")["errors"]
    assert error["message"] == "A fixed line can't take sms: name another number."
