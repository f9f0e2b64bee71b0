"""The page of the console on a phone and on a desk, by pointer and by keyboard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_tests.console_page import WITHOUT, answer, ask

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: make .venv/extras-ready"
)


def test_by_keyboard_on_a_phone_in_the_dark(browser: Any, page: Any) -> None:
    """Without a pointer, at 360 pixels and in the dark, all is reached."""
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 740})
    page.focus("[name=phone_number]")
    page.keyboard.press("Control+A")
    page.keyboard.type("+431")
    names = [f"[name={name}]" for name in ("method", "locale", "cust_space_id")]
    of_the_code = ("#code", "#code-form [type=submit]", "#ask-status")
    for reached in (*names, "#faults :checked", "#form [type=submit]", *of_the_code):
        page.keyboard.press("Tab")
        sync_api.expect(page.locator(reached)).to_be_focused()
    for _ in range(len(of_the_code) + 1):
        page.keyboard.press("Shift+Tab")
    for key, label in (("ArrowDown", "can't be reached"), ("ArrowUp", WITHOUT)):
        with page.expect_response("**/console/fault"):
            page.keyboard.press(key)
        sync_api.expect(page.get_by_label(label, exact=True)).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "shows what to correct" in answer(page, "Not sent (InvalidRequest)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


#: The words that stand on more than one line.
BROKEN = """
() => {
  const broken = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (!text.parentElement.checkVisibility()) continue;
    for (const { index, 0: word } of text.data.matchAll(/[\\p{L}\\p{N}_.]+/gu)) {
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) broken.push(word);
    }
  }
  return broken;
}
"""


@pytest.mark.parametrize("width", [390, 1280])
def test_no_column_breaks_words(page: Any, width: int) -> None:
    """Nor is anything cut off at the side, with all that is folded shown."""
    page.set_viewport_size({"width": width, "height": 844})
    ask(page, "Sent (OK)", f"+65812346{width % 100:02}")
    for summary in page.query_selector_all("summary"):
        summary.click()
    for path in page.locator("#path option").all_inner_texts():
        page.select_option("#path", path)
        assert page.evaluate(BROKEN) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
