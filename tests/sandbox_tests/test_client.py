"""The client for apps in a real browser: what it asks, and what it tells the app to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import codes
from verify_code.result import CODES

CALL = """
async ([name, url, request, options]) =>
  (await import("/console/client.js"))[name](url, request, options)
"""

IN_PROGRESS = {"code": "InProgress", "retryable": True, "retry_after_seconds": 0.01}
WRONG = {"code": "InvalidRequest", "retryable": False}
BUG = {"code": "UnexpectedError", "retryable": False}
NOT_ENABLED = {"code": "OperationNotEnabled", "retryable": False}
REFUSED = {"code": "Product.Unsubscript", "retryable": False}
BAD_CODE = {"code": "ERR-FB-001", "retryable": False, "retry_after_seconds": 720}
TOO_SOON = {"code": "TooSoon", "retryable": True, "retry_after_seconds": 700}
TIMED_OUT = {"code": "UpstreamTimeout", "retryable": False, "retry_after_seconds": 58.5}
DONE = {"code": "OK", "retryable": False, "retry_after_seconds": 58.5}
REPLAYED = {**DONE, "replayed": True}
SENT, SENT_BEFORE = {**DONE, "sent": "yes"}, {**REPLAYED, "sent": "yes"}
REGISTERED, REGISTERED_BEFORE = {**DONE, "registered": "yes"}, {**REPLAYED, "registered": "yes"}
MAY_BE_REGISTERED = {**TIMED_OUT, "registered": "unknown"}
UNAVAILABLE = {"code": "UpstreamTimeout", "retryable": True, "retry_after_seconds": 1}


def status(verification: str) -> tuple[int, Any]:
    return 200, {"code": "OK", "retryable": False, "verification_status": verification}


VERIFIED, NOT_VERIFIED, EXPIRED = map(status, ("VERIFIED", "NOT_VERIFIED", "EXPIRED"))
NO_STATUS: tuple[int, Any] = (503, {**UNAVAILABLE, "verification_status": None})


class Asked:
    """Answers for the function, and keeps what it was asked."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._answers: list[Any] = []
        self._effect = ""
        self.paths: list[str] = []
        self.keys: set[str] = set()
        self.bodies: list[Any] = []
        page.evaluate("void (globalThis.setTimeout = queueMicrotask)")  # the waits are turned, and
        page.evaluate("void (AbortController.prototype.abort = () => {})")  # so is the time-out
        page.route("**/asked{,/status,/verify}", self._fulfil)

    def call(self, name: str, answers: list[Any], **options: Any) -> Any:
        """What the client's function returns, where these answers come one after the other."""
        self._answers, self.paths, self.keys, self.bodies = list(answers), [], set(), []
        self._effect = {"requestCode": "sent", "submitCode": "registered"}.get(name, "")
        request = {"phone_number": "+6581234567", "locale": "en"}
        if name == "submitCode":
            request["code"] = "123-456"
        said = self._page.evaluate(CALL, [name, "/asked", request, {"token": "t", **options}])
        assert self._answers == []
        return said

    def _fulfil(self, route: Any) -> None:
        self.paths.append(route.request.url.rpartition("/")[2])
        self.bodies.append(route.request.post_data_json)
        key = route.request.headers.get("idempotency-key")
        if self.paths[-1] == "status":
            assert key is None
        else:
            self.keys.add(key)
        given = self._answers.pop(0)
        if given is None:
            route.abort()
            return
        code, result = given
        if not isinstance(result, dict):
            route.fulfill(status=code, body=result or "an answer of the platform")
            return
        effect = (
            {"verification_status": None} if self.paths[-1] == "status" else {self._effect: "no"}
        )
        result = {"success": result["code"] == "OK", "errors": [], **effect, **result}
        route.fulfill(status=code, body=json.dumps(result))


@pytest.fixture
def asked(page: Any) -> Asked:
    return Asked(page)


#: What an app does, what was sent, the code, and the seconds until it may be asked for again.
ENTERS = ("enter code", "yes", "OK", 58.5)
LOST = ("enter code", "unknown", "NoAnswer", 60)
GIVES_UP = ("give up", "no", "Product.Unsubscript", None)

#: What the address answers, whether a store is shared, what the client says.
EXCHANGES: list[tuple[list[Any], bool, tuple[Any, ...]]] = [
    ([(200, SENT)], False, ENTERS),
    ([(200, SENT_BEFORE)], False, ENTERS),
    ([(409, IN_PROGRESS)], True, ("wait", "no", "InProgress", 0.01)),
    ([(424, REFUSED)], True, GIVES_UP),
    ([(424, BAD_CODE)], True, ("give up", "no", "ERR-FB-001", 720)),
    ([(404, NOT_ENABLED)], True, ("give up", "no", "OperationNotEnabled", None)),
    ([(403, None)], True, ("give up", "no", "Platform403", None)),
    ([(429, None)], True, ("wait", "no", "Platform429", 5)),
    ([(502, None)], False, LOST),
    ([(502, None), (200, SENT_BEFORE)], True, ENTERS),
    ([(504, None), (409, IN_PROGRESS), (200, SENT)], True, ENTERS),
    ([(502, None), (429, None), (503, None)], True, LOST),
    ([(502, None), (422, WRONG), (500, BUG)], True, LOST),
    ([(502, None), (424, REFUSED)], True, GIVES_UP),
    ([None, (200, SENT_BEFORE)], True, ENTERS),
    ([None], False, LOST),
    ([(200, '{"success": true}')], False, LOST),
]


def test_a_code_is_requested(asked: Asked) -> None:
    """The client says what an app does, and asks again only where a store is shared."""
    for answers, store, expected in EXCHANGES:
        said = asked.call("requestCode", answers, hasSharedStore=store)
        got = (said["next"], said["sent"], said["code"], said.get("retryAfterSeconds"))
        assert got == expected, answers
        assert set(asked.paths) == {"asked"}
        assert len(asked.keys) == 1


def test_the_status_spares_a_code(asked: Asked) -> None:
    """No code is asked for a verified number; whatever else the status says, the code is asked."""
    said = asked.call("requestCode", [VERIFIED], operations=["send", "status"])
    assert (said["next"], said["sent"], asked.paths) == ("already verified", "no", ["status"])
    for known in (NOT_VERIFIED, EXPIRED, NO_STATUS, (404, NOT_ENABLED), (502, None), None):
        said = asked.call("requestCode", [known, (200, SENT)], operations=["status"])
        assert (said["next"], asked.paths) == ("enter code", ["status", "asked"])
        assert asked.bodies[0] == {"phone_number": "+6581234567"}
    asked.call("requestCode", [EXPIRED, (200, SENT)], operations=["status"])
    said = asked.call("requestCode", [(200, SENT)], operations=["send", "verify"])
    assert said["verificationStatus"] is None


#: What the address answers, whether a store is shared, what an app does, was it registered?
SUBMISSIONS: list[tuple[list[Any], bool, tuple[str, str]]] = [
    ([(200, REGISTERED)], False, ("done", "yes")),
    ([(200, REGISTERED_BEFORE)], False, ("done", "yes")),
    ([(424, BAD_CODE)], False, ("enter code", "no")),
    ([(424, REFUSED)], False, ("give up", "no")),
    ([(422, WRONG)], False, ("correct", "no")),
    ([(429, TOO_SOON)], False, ("wait", "no")),
    ([(409, IN_PROGRESS)], False, ("wait", "no")),
    ([(404, NOT_ENABLED)], False, ("give up", "no")),
    ([(403, None)], False, ("give up", "no")),
    ([(503, None)], False, ("wait", "no")),
    ([(202, MAY_BE_REGISTERED), VERIFIED], False, ("done", "unknown")),
    ([(202, MAY_BE_REGISTERED), NOT_VERIFIED], False, ("enter code", "unknown")),
    ([(202, MAY_BE_REGISTERED), NO_STATUS], False, ("enter code", "unknown")),
    ([None, VERIFIED], False, ("done", "unknown")),
    ([None, None], False, ("enter code", "unknown")),
    ([None, (200, REGISTERED_BEFORE)], True, ("done", "yes")),
    ([(502, None), (424, BAD_CODE)], True, ("enter code", "no")),
    ([None, None, (429, None), VERIFIED], True, ("done", "unknown")),
]


def test_a_code_is_submitted(asked: Asked) -> None:
    """A wrong code is entered again; what came of an unknown one is asked by the status."""
    for answers, store, expected in SUBMISSIONS:
        options = {"hasSharedStore": store, "operations": ["status", "verify"]}
        said = asked.call("submitCode", answers, **options)
        assert (said["next"], said["registered"]) == expected, answers
        assert asked.paths[0] == "verify"
        assert asked.bodies[0]["code"] == "123-456"
        assert len(asked.keys) == 1
    for answers in ([(202, MAY_BE_REGISTERED)], [None]):
        said = asked.call("submitCode", answers)
        assert (said["next"], said["registered"]) == ("enter code", "unknown")


#: What the function answers with each code for which an app shows a neutral text.
FOR_THE_OPERATOR = [
    (CODES[name].http_status if name in CODES else 424, name.replace("*", "X"))
    for each in codes.TABLE
    if each.app == codes.NEUTRAL
    for name in each.names
]


def test_what_the_operator_must_fix_ends_a_registration(asked: Asked) -> None:
    """After a code that only the operator can fix, the user isn't asked for another one."""
    assert (424, "Unknown.ResourceOwnerId") in FOR_THE_OPERATOR
    for http_status, code in FOR_THE_OPERATOR:
        said = asked.call("submitCode", [(http_status, {"code": code, "retryable": False})])
        assert (said["next"], said["registered"]) == ("give up", "no"), code


def test_the_status_is_asked(asked: Asked) -> None:
    """The status says whether a code is needed; where none comes, it may be asked again."""
    for answer, expected in [
        (VERIFIED, ("already verified", "VERIFIED", "OK")),
        (NOT_VERIFIED, ("request code", "NOT_VERIFIED", "OK")),
        (EXPIRED, ("request code", "EXPIRED", "OK")),
        (NO_STATUS, ("wait", None, "UpstreamTimeout")),
        ((422, WRONG), ("correct", None, "InvalidRequest")),
        ((404, NOT_ENABLED), ("give up", None, "OperationNotEnabled")),
        ((404, None), ("give up", None, "Platform404")),
        (None, ("wait", None, "NoAnswer")),
    ]:
        said = asked.call("getStatus", [answer])
        assert (said["next"], said["verificationStatus"], said["code"]) == expected
        assert (asked.paths, asked.keys) == (["status"], set())


AWAY = "https://service.example/asked"
#: The browser is offline, or goes offline as soon as a request has left.
OFFLINE = "void Object.defineProperty(navigator, 'onLine', { get: () => false })"
LOSES_EACH_REQUEST = """
void (globalThis.fetch = async ({ url }) => {
  if (url?.startsWith("https:")) Object.defineProperty(navigator, "onLine", { get: () => false });
  throw new TypeError("lost");
})
"""


@pytest.mark.parametrize(
    ("url", "token", "expected"),
    [
        (AWAY, "t", ("wait", "Offline", 5)),
        ("https://a:b", "t", ("give up", "InvalidCall", None)),
        (AWAY, "line\nbreak", ("give up", "InvalidCall", None)),
    ],
)
def test_nothing_was_asked(page: Any, url: str, token: str, expected: tuple[Any, ...]) -> None:
    """Offline, or without a usable address or token, no request leaves, and no code is awaited."""
    page.evaluate(OFFLINE)
    for name, effect in (("requestCode", "sent"), ("submitCode", "registered"), ("getStatus", "")):
        options = {"token": token, "operations": ["status"]}
        said = page.evaluate(CALL, [name, url, {"phone_number": "+6581234567"}, options])
        assert (said["next"], said["code"], said["retryAfterSeconds"]) == expected
        assert said.get(effect, "no") == "no"


def test_offline_after_a_request_has_left(page: Any) -> None:
    """The first request stays unknown, although the one that repeats it isn't sent."""
    page.evaluate(LOSES_EACH_REQUEST)
    said = page.evaluate(CALL, ["requestCode", AWAY, {}, {"hasSharedStore": True}])
    assert (said["next"], said["sent"]) == ("enter code", "unknown")


def test_a_service_on_this_machine_is_asked_offline(asked: Asked, page: Any) -> None:
    """Without a network the console still works."""
    page.evaluate(OFFLINE)
    assert asked.call("requestCode", [(200, SENT)])["sent"] == "yes"


def test_the_clients_time_out(page: Any) -> None:
    """An answer that doesn't come in time is unknown."""
    page.route("**/never", lambda _: None)
    said = page.evaluate(CALL, ["requestCode", "/never", {}, {"timeoutSeconds": 0.05}])
    assert (said["sent"], said["next"]) == ("unknown", "enter code")
