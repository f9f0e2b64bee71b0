"""How a model says what would be right: the sentences about wrong fields and settings."""

from typing import Any, NamedTuple, NoReturn

from pydantic import BaseModel
from pydantic_core import PydanticCustomError


class Must(NamedTuple):
    """A field's rule, in its ``Annotated`` type. Messages say "must" and then this text."""

    text: str


def must(model: type[BaseModel], field: str) -> str:
    """What the value of a model's field must be."""
    notes = model.model_fields[field].metadata
    return [note.text for note in notes if isinstance(note, Must)][-1]


def wrong(code: str, message: str, **more: Any) -> NoReturn:
    """Raises a validator's error with exactly this sentence."""
    # The message goes in as a value, since pydantic would read braces in a template.
    raise PydanticCustomError(code, "{message}", {"message": message, **more})
