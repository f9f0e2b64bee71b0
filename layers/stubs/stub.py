"""What the stubs are made of: names that can be imported, and that raise when they are used."""

import sys
from types import ModuleType


class Stub(ModuleType):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        parent, _, own = name.rpartition(".")
        vars(sys.modules.get(parent, self))[own] = sys.modules[name] = self

    def __getattr__(self, name: str) -> object:
        kind = AttributeError if name[:2] == "__" else RuntimeError  # for importlib
        raise kind(f"{self.__name__}: {name} is used, but this is a stub from layers/stubs")

    def __call__(self, *_: object, **__: object) -> object:
        return self.__getattr__("it")  # what it was given may be secret

    __getitem__ = __iter__ = __instancecheck__ = __subclasscheck__ = __mro_entries__ = __call__
