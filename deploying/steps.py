"""The steps of a deployment, one after the other, and what is said of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from deploying.tools import StepFailed


class Step(NamedTuple):
    """One step: what it is about, the system policy that allows it, and how it is done."""

    title: str
    policy: str
    run: Callable[[], str]


def run_steps(steps: list[Step]) -> None:
    """Runs each step and says what became of it."""
    for number, step in enumerate(steps, 1):
        print(f"{number}/{len(steps)} {step.title}: ", end="", flush=True)
        try:
            print(step.run(), flush=True)
        except (ValueError, LookupError, TypeError) as unexpected:
            told = f"A tool answered in a form that this program doesn't know: {unexpected!r}"
            raise StepFailed(f"failed.\n{told}") from None
        except StepFailed as failed:
            advice = "Fix that"
            if step.policy and re.search(
                r"NoPermission|Forbidden|AccessDenied|Unauth", str(failed)
            ):
                advice = f"Let somebody grant you {step.policy}"
            again = "and run the same command again: it goes on from here."
            raise StepFailed(f"failed.\n{failed}\n{advice}, {again}") from None
