"""A picture of how many calls each sliding second held, as SVG."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT, _LEFT, _GAP = 760, 90, 40, 34
_SECONDS = 60


class Panel(NamedTuple):
    """One line of the picture: when each call was counted, in seconds."""

    title: str
    call_times: Sequence[float]


def draw(panels: Sequence[Panel], limit: int) -> str:
    """The first minute of each, one below the other, with the limit as a line."""
    height = len(panels) * (_HEIGHT + _GAP) + _GAP
    size = f'width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    most = max(max(_in_sliding_seconds(panel.call_times)) for panel in panels)
    for number, panel in enumerate(panels):
        top = number * (_HEIGHT + _GAP) + _GAP
        parts.append(_panel(panel, top, max(most, limit) + 1, limit))
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel, top: float, most: int, limit: int) -> str:
    counts = _in_sliding_seconds(panel.call_times)
    step = (_WIDTH - 2 * _LEFT) / len(counts)

    def y(count: float) -> float:
        return round(top + _HEIGHT * (1 - count / most), 1)

    points = " ".join(f"{_LEFT + i * step:.1f},{y(count)}" for i, count in enumerate(counts))
    worst = max(counts)
    colour = "#1a7f37" if worst <= limit else "#cf222e"
    right = _WIDTH - _LEFT
    dashes = 'stroke="#888" stroke-dasharray="4 3"'
    title = f"{escape(panel.title)}: worst second {worst}"
    return "\n".join(
        [
            f'<text x="{_LEFT}" y="{top - 6}">{title}</text>',
            f'<line x1="{_LEFT}" x2="{right}" y1="{y(0)}" y2="{y(0)}" stroke="#888"/>',
            f'<line x1="{_LEFT}" x2="{right}" y1="{y(limit)}" y2="{y(limit)}" {dashes}/>',
            f'<text x="{_LEFT - 6}" y="{y(limit) + 4}" text-anchor="end">{limit}</text>',
            f'<polyline points="{points}" fill="none" stroke="{colour}"/>',
        ]
    )


def _in_sliding_seconds(call_times: Sequence[float]) -> list[int]:
    """How many calls the second before each twentieth of the first minute held."""
    times = sorted(call_times)
    moments = [times[0] + i / 20 for i in range(_SECONDS * 20) if times[0] + i / 20 <= times[-1]]
    return [bisect.bisect_right(times, at) - bisect.bisect_right(times, at - 1) for at in moments]
