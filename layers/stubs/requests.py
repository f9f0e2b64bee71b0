"""Stands in for requests, with which the SDK sends: this package's own transport does."""

import sys

from stub import Stub

for name in ("", ".PreparedRequest", ".Session", ".adapters", ".status_codes"):
    Stub("requests" + name)


class HTTPAdapter:
    """When it is imported, the SDK makes some, and derives a class from it."""

    __getattr__ = Stub("requests.adapters.HTTPAdapter").__getattr__

    def __init__(self, **_: object) -> None:
        pass


vars(sys.modules["requests.adapters"])["HTTPAdapter"] = HTTPAdapter
