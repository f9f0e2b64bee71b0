"""How a validator says, in its own words, what is wrong."""

from typing import NoReturn

from pydantic_core import PydanticCustomError


def wrong(code: str, message: str) -> NoReturn:
    """Raises a validator's error with exactly this sentence."""
    # The message goes in as a value, since pydantic would read braces in a template.
    raise PydanticCustomError(code, "{message}", {"message": message})
