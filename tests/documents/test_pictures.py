"""The plot of the bench: docs/pacing.svg."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.bench.picture import Panel, draw, in_sliding_seconds
from tests.support.hostile import ROOT

TITLES = {"calls in the second before", "seconds since the first call", "10", "60"}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter() if element.text]


def test_the_plot_has_titles() -> None:
    """Both axes say what they count, in the plot that is checked in and in the next one."""
    counts = in_sliding_seconds([0.0, 0.5, 1.25, 2.5])
    assert counts[:26:5] == [1, 1, 2, 2, 1, 2]
    assert len(counts) == 51
    drawn = draw([Panel("a <b>", counts), Panel("c", [12])], 10)
    for svg in (drawn, (ROOT / "docs" / "pacing.svg").read_text()):
        assert set(texts(svg)) >= TITLES
    assert "a <b>: worst second 2" in texts(drawn)
