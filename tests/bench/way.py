"""The way of a request as a picture: docs/way.svg."""

from __future__ import annotations

from html import escape

from tests.sandbox.function_compute import ROOT

#: The module, what it does, and with which codes a request may end there.
WAY = (
    ("events/", "reads the fields out of the event", "InvalidEvent"),
    ("operations.py", "says which operation is asked for", "OperationNotEnabled"),
    ("validation.py", "makes the request of the fields", "InvalidRequest"),
    ("policy.py", "may this caller ask this, and now?", "…NotAllowed, CallerUnknown, EventExpired"),
    (
        "admission.py",
        "reserves its record and counts it, once",
        "InProgress, TooSoon, …, or the first answer",
    ),
    ("pacing.py", "says when its turn is", "QuotaExhausted, StoreUnavailable"),
    ("cams/client.py", "has the SDK sign the call", ""),
    ("cams/transport.py", "sends it once", "UpstreamUnavailable, or unknown"),
    ("cams/responses.py", "says what the answer means", "OK, unknown, or the API's refusal"),
    ("admission.py", "completes the record, or releases it", ""),
    ("events/", "shapes the reply, or raises for the source", ""),
)

_WIDTH, _ROW, _BOX = 900, 50, 490

_STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1d2522 }
.name { font: 600 14px ui-monospace, monospace; fill: #0b6e4f }
.end { fill: #8a5a00 }
rect { fill: #ffffff; stroke: #0b6e4f } path { stroke: #5d6a65; fill: none } .tip { fill: #5d6a65 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6ebe8 } .name { fill: #59c79f } .end { fill: #e2b04a }
  rect { fill: #1b211f; stroke: #59c79f } path { stroke: #9aa8a2 } .tip { fill: #9aa8a2 }
}
"""


def draw() -> str:
    """The picture, in light and dark."""
    height = _ROW * len(WAY)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}">',
        f"<style>{_STYLE}</style>",
    ]
    for number, (module, does, ends) in enumerate(WAY):
        top = number * _ROW + 2
        parts += [
            f'<rect x="2" y="{top}" width="{_BOX}" height="32" rx="6"/>',
            f'<text x="14" y="{top + 21}" class="name">{escape(module)}</text>',
            f'<text x="180" y="{top + 21}">{escape(does)}</text>',
        ]
        if number < len(WAY) - 1:
            parts.append(f'<path d="M 70 {top + 32} v 14"/>')
            parts.append(f'<path class="tip" d="M 66 {top + 43} h 8 l -4 6 z"/>')
        if ends:
            parts.append(f'<path d="M {_BOX + 2} {top + 16} h 20"/>')
            parts.append(f'<text x="{_BOX + 30}" y="{top + 21}" class="end">{escape(ends)}</text>')
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    (ROOT / "docs" / "way.svg").write_text(draw())
