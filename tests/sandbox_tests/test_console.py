"""The console in a real browser, against the sandbox."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox_tests.console_page import LOST, WITHOUT, answer, ask, switch

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: make .venv/extras-ready"
)

#: The function's default for how much later than it was written a call can be counted.
MAX_TRANSIT_SECONDS = 0.125

#: Where `make pictures` wants the console's.
PICTURES = os.environ.get("PICTURES")


def test_a_code_and_a_fault(page: Any, sandbox: tuple[FunctionCompute, CamsGateway]) -> None:
    """The form asks, answer and message are shown; a fault gives what the app would get."""
    page.fill("[name=phone_number]", "")
    page.type("[name=phone_number]", "+6581234567", delay=15)
    sync_api.expect(page.locator("[name=phone_number]")).to_have_value("+65 8123 4567")
    page.wait_for_selector("#country:has-text('SG')")
    page.fill("[name=locale]", "pt-AO")
    assert '"timeEpoch"' in page.text_content("#event")
    assert "shows the field for the code" in ask(page, "Sent (OK)")
    code = sandbox[1].messages[-1].code
    sent = f"to +6581234567 by sms in pt_PT: WhatsApp code {code[:3]}-{code[3:]}"
    page.wait_for_selector(f"#messages li:has-text('{sent}')")
    page.click("#again")
    shown = answer(page, "The first answer again: nothing was sent now")
    assert "It was: Sent (OK)." in shown
    assert "not yet" in ask(page, "Not sent (TooSoon)")
    switch(page, "can't be reached")
    assert "not yet" in ask(page, "Not sent (UpstreamUnavailable)", "+6581234568")
    switch(page, LOST)
    assert "HTTP 202" in ask(page, "A code may be on its way (UpstreamDisconnected)")
    switch(page, WITHOUT)
    ask(page, "Sent (OK)", "+6581234565")


def test_the_answer_is_folded(page: Any) -> None:
    """The JSON of an answer, and what each key means, are shown when they are asked for."""
    ask(page, "Sent (OK)", "+6581234571")
    explained = page.get_by_text("the number that was asked for, masked")
    for folded, summary in (
        (page.locator("#answer pre"), "The answer as JSON"),
        (explained, "Each key explained"),
    ):
        assert not folded.is_visible()
        page.click(f"text={summary}")
        assert folded.is_visible()
    assert '"phone_number": "+65*******71"' in page.inner_text("#answer pre")


def test_the_countdown(page: Any) -> None:
    """The seconds until the user may ask again are counted down, and then there are none."""
    page.clock.install()
    assert "ask again in 60 s" in ask(page, "Sent (OK)", "+6581234572")
    countdown = page.locator("#countdown")
    for seconds, said in ((15, "in 45 s."), (44, "in 1 s."), (1, "now.")):
        page.clock.fast_forward(seconds * 1000)
        sync_api.expect(countdown).to_have_text(f"The user may ask again {said}")


def test_the_faults(browser: Any, page: Any, sandbox: tuple[FunctionCompute, CamsGateway]) -> None:
    """Five have a name, the others stand under "more"; a reload still shows which one is on."""
    radios = page.locator("#faults input")
    assert radios.count() == 1 + 5 + 1
    for label in radios.evaluate_all("all => all.map((each) => each.parentNode.innerText)")[1:-1]:
        switch(page, label)
        page.reload()
        sync_api.expect(page.get_by_label(label, exact=True)).to_be_checked()
        assert page.locator("#fault").is_hidden()
    switch(page, "more…")
    page.select_option("#fault", "429 of the platform")
    assert "HTTP 429" in ask(page, "Not sent (Platform429)", "+6581234573")
    page.reload()
    sync_api.expect(page.get_by_label("more…", exact=True)).to_be_checked()
    sync_api.expect(page.locator("#fault")).to_have_value("429 of the platform")
    switch(page, WITHOUT)
    assert page.locator("#fault").is_hidden()
    ask(page, "Sent (OK)", "+6581234573")
    other = browser.new_page()
    other.goto(sandbox[0].url)
    switch(other, "answers after 3 s")
    sync_api.expect(page.get_by_label("answers after 3 s", exact=True)).to_be_checked()
    switch(other, WITHOUT)
    other.close()


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
    ask(page, "Sent (OK)", "+6581230018")
    switch(page, LOST)
    lost = "It may be registered (UpstreamDisconnected)"
    assert "shows the field for the code" in submit(page, sandbox[1].messages[-1].code, lost)
    page.click("text=Ask for the status")
    assert "HTTP 503" in answer(page, "No status (UpstreamDisconnected)")
    switch(page, "more…")
    page.select_option("#fault", "503 of the platform")
    page.click("text=Ask for the status")
    assert "not yet" in answer(page, "No status (Platform503)")
    switch(page, WITHOUT)
    page.click("text=Ask for the status")
    assert "needs no code" in answer(page, "VERIFIED (OK)")
    page.fill("[name=phone_number]", "+6581230019")
    sync_api.expect(page.locator("#status")).to_have_text("not asked")


def late_calls(platform: FunctionCompute) -> int:
    """The calls whose answer came so late that the gateway may have counted them too late."""
    lines = (json.loads(line) for line in platform.log_lines if '"event": "invocation"' in line)
    return sum(line["upstream_ms"] > MAX_TRANSIT_SECONDS * 1000 for line in lines)


def test_a_flood(page: Any, sandbox: tuple[FunctionCompute, CamsGateway]) -> None:
    """However many ask at once, no second holds ten calls, none is throttled, and the user's code
    stays on the page.

    The gateway counts a call when its thread gets the CPU. On a busy machine that can be later than
    MAX_TRANSIT_SECONDS after the call was written, which the pacing allows for. Each call that is
    late can then stand in a second that would otherwise hold nine.
    """
    platform, gateway = sandbox
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
    page.wait_for_selector("#flooded:has-text('of the flood')")
    assert "to +6581230000 by sms" in page.inner_text("#messages li:first-child")
    late = late_calls(platform)
    assert gateway.worst_second() <= 9 + late
    assert gateway.throttled <= max(0, late - 1)
    assert f"{gateway.throttled} throttled" in page.inner_text("#worst")
