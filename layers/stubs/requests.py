"""Stands in for requests, with which the SDK sends: this package's own transport does."""

import sys

from stand_in import StandIn

for name in ("", ".PreparedRequest", ".Session", ".adapters", ".status_codes"):
    StandIn("requests" + name)


class HTTPAdapter:
    """When it is imported, the SDK makes some, and derives a class from it."""

    __getattr__ = StandIn("requests.adapters.HTTPAdapter").__getattr__

    def __init__(self, **_: object) -> None:
        pass


vars(sys.modules["requests.adapters"])["HTTPAdapter"] = HTTPAdapter
