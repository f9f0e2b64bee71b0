"""The console and the client in a real browser, against the sandbox."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.console import Console
from tests.sandbox.function_compute import FunctionCompute

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: make .venv/extras-ready"
)

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt install chromium)"
)

#: Where `make pictures` wants the console's.
PICTURES = os.environ.get("PICTURES")

OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]

ASK = """
async ([url, request, options]) =>
  (await import("/console/client.js")).requestCode(url, request, options)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[tuple[FunctionCompute, CamsGateway]]:
    with CamsGateway() as gateway:
        environment = {
            "CAMS_ENDPOINT": gateway.endpoint,
            "CUST_SPACE_IDS": "cams-sandbox",
            "ALLOWED_COUNTRIES": "CN,SG,AT",
            "SEND_LIMITS_PER_NUMBER": "1/minute;5/hour;10/day",
        }
        with FunctionCompute(environment) as platform:
            gateway.accept(platform.credentials)
            platform.console = console = Console(platform, gateway)
            yield platform, gateway
            console.close()


@pytest.fixture
def page(browser: Any, sandbox: tuple[FunctionCompute, CamsGateway]) -> Iterator[Any]:
    """The console, opened; nothing it does may fail, or leave this machine."""
    page = browser.new_page(viewport={"width": 1180, "height": 1400})
    errors: list[str] = []

    def note(said: Any) -> None:
        # Of an answer of the function that isn't 2xx, or doesn't come, the browser says so itself.
        is_expected = said.location["url"].endswith(("/", "/asked", "/never"))
        if said.type == "error" and not is_expected:
            errors.append(said.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(sandbox[0].url)
    page.wait_for_selector("#document tr")
    yield page
    page.close()
    assert errors == []
    assert all(url.startswith((sandbox[0].url, "data:,")) for url in requested)


def answer(page: Any, said: str) -> str:
    page.wait_for_selector(f"#answer .next:has-text('{said}')", timeout=8000)
    return str(page.inner_text("#answer"))


def ask(page: Any, said: str, number: str = "", fault: str = "") -> str:
    """Fills the form, asks, and waits for the answer."""
    if number:
        page.fill("[name=phone_number]", number)
    if fault:
        page.select_option("#fault", fault)
    page.click("text=Ask for the code")
    return answer(page, said)


def test_a_code_and_a_fault(page: Any, sandbox: tuple[FunctionCompute, CamsGateway]) -> None:
    """The form asks, answer and message are shown; a fault gives what the app would get."""
    page.fill("[name=phone_number]", "")
    page.type("[name=phone_number]", "+6581234567", delay=15)
    sync_api.expect(page.locator("[name=phone_number]")).to_have_value("+65 8123 4567")
    page.wait_for_selector("#country:has-text('SG')")
    page.fill("[name=locale]", "pt-AO")
    assert '"timeEpoch"' in page.text_content("#event")
    shown = ask(page, "Sent (OK)")
    assert "shows the field for the code" in shown
    assert "the number that was asked for, masked" in shown
    page.wait_for_selector("#messages li:has-text('to +6581234567 by sms in pt_PT')")
    page.click("#again")
    page.wait_for_selector("dt:has-text('replayed') + dd:has-text('true')")
    assert "not yet" in ask(page, "Not sent (TooSoon)")
    shown = ask(page, "Not sent (UpstreamUnavailable)", "+6581234568", "can't be reached")
    assert "not yet" in shown
    cut_short = "close before answer, and it took effect"
    shown = ask(page, "A code may be on its way (UpstreamDisconnected)", fault=cut_short)
    assert "HTTP 202" in shown
    assert "HTTP 429" in ask(page, "Not sent (Platform429)", fault="429 of the platform")
    ask(page, "Sent (OK)", "+6581234565", "takes the request")


def test_by_keyboard_on_a_phone_in_the_dark(browser: Any, page: Any) -> None:
    """Without a pointer, at 360 pixels and in the dark, all is reached, and nothing is cut off."""
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.focus("[name=phone_number]")
    page.keyboard.press("Control+A")
    page.keyboard.type("+431")
    names = [f"[name={name}]" for name in ("method", "locale", "cust_space_id")]
    for reached in (*names, "#fault", "[type=submit]"):
        page.keyboard.press("Tab")
        sync_api.expect(page.locator(reached)).to_be_focused()
    page.keyboard.press("Enter")
    assert "shows what to correct" in answer(page, "Not sent (InvalidRequest)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_flood(page: Any, sandbox: tuple[FunctionCompute, CamsGateway]) -> None:
    """However many ask at once, no second holds ten calls, and none is throttled."""
    _, gateway = sandbox
    before = len(gateway.messages)
    ask(page, "Sent (OK)", "+65 8123 0000")
    page.click("#flood")
    page.wait_for_selector("#slots .busy >> nth=7", timeout=9000)
    page.wait_for_timeout(4000)
    if PICTURES:
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=Path(PICTURES, "console.png"))
    assert len(gateway.messages) - before >= 7
    assert gateway.worst_second() <= 9
    assert gateway.throttled == 0
    assert "0 throttled" in page.inner_text("#worst")
    assert page.locator("#calls .over").count() == 0


IN_PROGRESS = {"sent": "no", "code": "InProgress", "retryable": True, "retry_after_seconds": 0.01}
SENT = {"sent": "yes", "code": "OK", "retryable": False, "retry_after_seconds": 58.5}
REPLAYED = {**SENT, "replayed": True}
WRONG = {"sent": "no", "code": "InvalidRequest", "retryable": False}
BUG = {"sent": "no", "code": "UnexpectedError", "retryable": False}
REFUSED = {"sent": "no", "code": "Product.Unsubscript", "retryable": False}


#: What an app does, what was sent, the code, and the seconds until it may be asked for again.
DONE = ("enter code", "yes", "OK", 58.5)
LOST = ("enter code", "unknown", "NoAnswer", 60)
GIVES_UP = ("give up", "no", "Product.Unsubscript", None)

#: What the address answers, whether a store is shared, what the client says, how often it asks.
EXCHANGES: list[tuple[list[Any], bool, tuple[Any, ...], int]] = [
    ([(200, SENT)], False, DONE, 1),
    ([(200, REPLAYED)], False, DONE, 1),
    ([(409, IN_PROGRESS)], True, ("wait", "no", "InProgress", 0.01), 1),
    ([(424, REFUSED)], True, GIVES_UP, 1),
    ([(403, None)], True, ("give up", "no", "Platform403", None), 1),
    ([(429, None)], True, ("wait", "no", "Platform429", 5), 1),
    ([(502, None)], False, LOST, 1),
    ([(502, None), (200, REPLAYED)], True, DONE, 2),
    ([(504, None), (409, IN_PROGRESS), (200, SENT)], True, DONE, 3),
    ([(502, None), (429, None), (503, None)], True, LOST, 3),
    ([(502, None), (422, WRONG), (500, BUG)], True, LOST, 3),
    ([(502, None), (424, REFUSED)], True, GIVES_UP, 2),
    ([None, (200, REPLAYED)], True, DONE, 2),
    ([None], False, LOST, 1),
]


def test_the_client(page: Any) -> None:
    """The client says what an app does, and asks again only where a store is shared."""
    page.evaluate("void (globalThis.setTimeout = queueMicrotask)")  # the waits are turned, and
    page.evaluate("void (AbortController.prototype.abort = () => {})")  # so is the time-out
    keys: list[str] = []

    def fulfil(route: Any) -> None:
        given = answers[len(keys)]
        keys.append(route.request.headers["idempotency-key"])
        if given is None:
            route.abort()
        else:
            status, result = given
            body = "an answer of the platform" if result is None else json.dumps(result)
            route.fulfill(status=status, body=body)

    page.route("**/asked", fulfil)
    for answers, store, expected, asked in EXCHANGES:
        keys.clear()
        options = {"hasSharedStore": store, "token": "t"}
        said = page.evaluate(ASK, ["/asked", {"phone_number": "+6581234567"}, options])
        got = (said["next"], said["sent"], said["code"], said["retryAfterSeconds"])
        assert (got, len(keys)) == (expected, asked), answers
        assert len(set(keys)) == 1


def test_the_clients_time_out(page: Any) -> None:
    """An answer that doesn't come in time is unknown."""
    page.route("**/never", lambda _: None)
    said = page.evaluate(ASK, ["/never", {}, {"timeoutSeconds": 0.05}])
    assert (said["sent"], said["next"]) == ("unknown", "enter code")
