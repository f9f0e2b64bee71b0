"""What a user does on the page of the console."""

from __future__ import annotations

from typing import Any

LOST = "takes it, but its answer is lost"
WITHOUT = "takes the request"


def answer(page: Any, said: str) -> str:
    """What the page says of an answer, and what an app does then."""
    page.wait_for_selector(f"#verdict:has-text('{said}')", timeout=8000)
    return "\n".join(page.inner_text(f"#{each}") for each in ("verdict", "countdown", "answer"))


def switch(page: Any, label: str) -> None:
    """Chooses what the API does by its name."""
    with page.expect_response("**/console/fault"):
        page.get_by_label(label, exact=True).check()


def ask(page: Any, said: str, number: str = "") -> str:
    """Fills the form, asks, and waits for the answer."""
    if number:
        page.fill("[name=phone_number]", number)
    page.click("text=Ask for the code")
    return answer(page, said)
