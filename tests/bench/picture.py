"""A picture of how many calls each sliding second held, as SVG."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _GAP, _FOOT = 760, 90, 60, 20, 34, 46
_SECONDS, _STEPS_PER_SECOND = 60, 20

_ACROSS = "seconds since the first call"
_UP = "calls in the second before"


class Panel(NamedTuple):
    """One line of the picture: how many calls the second before each of its moments held."""

    title: str
    counts: Sequence[int]


def in_sliding_seconds(call_times: Sequence[float]) -> list[int]:
    """How many calls the second before each twentieth of the first minute held."""
    times = sorted(call_times)
    steps = range(_SECONDS * _STEPS_PER_SECOND)
    moments = [times[0] + i / _STEPS_PER_SECOND for i in steps]
    return [
        bisect.bisect_right(times, at) - bisect.bisect_right(times, at - 1)
        for at in moments
        if at <= times[-1]
    ]


def draw(panels: Sequence[Panel], limit: int) -> str:
    """The first minute of each, one below the other, with the limit as a line."""
    height = len(panels) * (_HEIGHT + _GAP) + _FOOT
    middle = (height - _FOOT + _GAP) / 2
    size = f'width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{_UP}</text>',
    ]
    most = max(max(panel.counts) for panel in panels)
    for number, panel in enumerate(panels):
        top = number * (_HEIGHT + _GAP) + _GAP
        parts.append(_panel(panel, top, max(most, limit), limit))
    for second in range(0, _SECONDS + 1, 10):
        at = f'x="{_x(second)}" y="{height - _FOOT + 16}"'
        parts.append(f'<text {at} text-anchor="middle">{second}</text>')
    at = f'x="{_x(_SECONDS / 2)}" y="{height - 10}"'
    parts.append(f'<text {at} text-anchor="middle">{_ACROSS}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _x(second: float) -> float:
    return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * second / _SECONDS, 1)


def _panel(panel: Panel, top: float, most: int, limit: int) -> str:
    def y(count: float) -> float:
        return round(top + _HEIGHT * (1 - count / (most + 1)), 1)

    points = " ".join(f"{_x(i / _STEPS_PER_SECOND)},{y(n)}" for i, n in enumerate(panel.counts))
    worst = max(panel.counts)
    colour = "#1a7f37" if worst <= limit else "#cf222e"
    across = f'x1="{_x(0)}" x2="{_x(_SECONDS)}"'
    dashes = 'stroke="#888" stroke-dasharray="4 3"'
    title = f"{escape(panel.title)}: worst second {worst}"
    return "\n".join(
        [
            f'<text x="{_LEFT}" y="{top - 6}">{title}</text>',
            f'<line {across} y1="{y(0)}" y2="{y(0)}" stroke="#888"/>',
            f'<line {across} y1="{y(limit)}" y2="{y(limit)}" {dashes}/>',
            *(
                f'<text x="{_LEFT - 6}" y="{y(count) + 4}" text-anchor="end">{count}</text>'
                for count in sorted({limit, most})
            ),
            f'<polyline points="{points}" fill="none" stroke="{colour}"/>',
        ]
    )
