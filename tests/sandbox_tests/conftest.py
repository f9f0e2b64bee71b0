"""The console, served by a sandbox, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.console import Console
from tests.sandbox.function_compute import FunctionCompute

OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]

#: Where the function, or what stands for it, may answer with an error, or not at all.
ASKED = ("/", "/status", "/verify", "/asked", "/never")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: make .venv/extras-ready"
    )
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[tuple[FunctionCompute, CamsGateway]]:
    with CamsGateway() as gateway:
        environment = {
            "CAMS_ENDPOINT": gateway.endpoint,
            "CUST_SPACE_IDS": "cams-sandbox",
            "ALLOWED_COUNTRIES": "CN,SG,AT",
            "OPERATIONS": "send,status,verify",
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
        if said.type == "error" and not said.location["url"].endswith(ASKED):
            errors.append(said.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(sandbox[0].url)
    page.wait_for_selector("#document td")
    yield page
    page.close()
    assert errors == []
    assert all(url.startswith((sandbox[0].url, "data:,")) for url in requested)
