"""The console in a real browser, against the sandbox."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: make .venv/extras-ready"
)

#: Where `make pictures` wants the console's.
PICTURES = os.environ.get("PICTURES")


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


def submit(page: Any, code: str, said: str) -> str:
    """Types the code, submits it, and waits for the answer."""
    page.fill("#code", code)
    page.click("text=Submit the code")
    return answer(page, said)


def test_a_number_is_registered(page: Any, sandbox: tuple[FunctionCompute, CamsGateway]) -> None:
    """A number that isn't verified gets a code; a wrong one is refused, the right one registers."""
    _, gateway = sandbox
    ask(page, "Sent (OK)", "+6581230017")
    status = page.locator("#status")
    sync_api.expect(status).to_have_text("NOT_VERIFIED")
    sync_api.expect(page.locator("#code")).to_be_focused()
    code = gateway.messages[-1].code
    shown = submit(page, f"{(int(code) + 1) % 10**6:06}", "Not registered (ERR-FB-001)")
    assert "The app shows the field for the code" in shown
    assert "HTTP 424" in shown
    assert "shows what to correct" in submit(page, "12345", "Not registered (InvalidRequest)")
    shown = submit(page, f"{code[:3]}-{code[3:]}", "Registered (OK)")
    assert "The app shows that the number is registered" in shown
    sync_api.expect(status).to_have_text("VERIFIED")
    assert gateway.registrations == [("6581230017", code)]
    assert "needs no code" in ask(page, "VERIFIED (OK)")
    assert gateway.messages[-1].code == code


def test_an_answer_to_the_code_is_lost(
    page: Any, sandbox: tuple[FunctionCompute, CamsGateway]
) -> None:
    """The fault is of every call; after it the status says that the number is registered."""
    ask(page, "Sent (OK)", "+6581230018", "takes the request")
    page.select_option("#fault", "close before answer, and it took effect")
    lost = "It may be registered (UpstreamDisconnected)"
    assert "shows the field for the code" in submit(page, sandbox[1].messages[-1].code, lost)
    page.click("text=Ask for the status")
    assert "HTTP 503" in answer(page, "No status (UpstreamDisconnected)")
    page.select_option("#fault", "503 of the platform")
    page.click("text=Ask for the status")
    assert "not yet" in answer(page, "No status (Platform503)")
    page.select_option("#fault", "takes the request")
    page.click("text=Ask for the status")
    assert "needs no code" in answer(page, "VERIFIED (OK)")
    page.fill("[name=phone_number]", "+6581230019")
    sync_api.expect(page.locator("#status")).to_have_text("not asked")


def test_by_keyboard_on_a_phone_in_the_dark(browser: Any, page: Any) -> None:
    """Without a pointer, at 360 pixels and in the dark, all is reached, and nothing is cut off."""
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.focus("[name=phone_number]")
    page.keyboard.press("Control+A")
    page.keyboard.type("+431")
    names = [f"[name={name}]" for name in ("method", "locale", "cust_space_id")]
    of_the_code = ("#code", "#code-form [type=submit]", "#ask-status")
    for reached in (*names, "#fault", "#form [type=submit]", *of_the_code):
        page.keyboard.press("Tab")
        sync_api.expect(page.locator(reached)).to_be_focused()
    for _ in of_the_code:
        page.keyboard.press("Shift+Tab")
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
    until = time.monotonic() + 8
    while len(gateway.messages) - before < 7 and time.monotonic() < until:
        page.wait_for_timeout(100)
    if PICTURES:
        page.wait_for_timeout(2000)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=Path(PICTURES, "console.png"))
    assert len(gateway.messages) - before >= 7
    assert gateway.worst_second() <= 9
    assert gateway.throttled == 0
    assert "0 throttled" in page.inner_text("#worst")
    assert page.locator("#calls .over").count() == 0
