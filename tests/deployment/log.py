"""What the function writes to its log, read out of its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.deployment.rendering import ROOT


def lines() -> Iterator[tuple[str, set[str]]]:
    """The event and the fields of each line that is written somewhere."""
    for path in (ROOT / "function").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id="write")
                    | ast.Attribute(value=ast.Name(id="logs"), attr="write"),
                    args=[_, ast.Constant(value=str(event))],
                ):
                    yield event, {keyword.arg for keyword in node.keywords if keyword.arg}
