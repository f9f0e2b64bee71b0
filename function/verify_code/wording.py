"""How a validator says, in its own words, what is wrong."""

from typing import Any, NoReturn

from pydantic_core import PydanticCustomError


def wrong(code: str, message: str, **more: Any) -> NoReturn:
    """Raises a validator's error with exactly this sentence."""
    # The message goes in as a value, since pydantic would read braces in a template.
    raise PydanticCustomError(code, "{message}", {"message": message, **more})
