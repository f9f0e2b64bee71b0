"""The stand-ins against the locked SDK: imported by it, never used, and loud if they were."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from typing import Any

import pytest

from layers import build

PATH = [str(build.FUNCTION), str(build.LAYERS / "stand_ins"), sysconfig.get_path("purelib")]

#: What the SDK's modules import of each library.
IMPORTED = {
    "aiohttp",
    "aiohttp.ClientResponse",
    "apscheduler.schedulers.background.BackgroundScheduler",
    "cryptography.hazmat.primitives.asymmetric.padding",
    "cryptography.hazmat.primitives.hashes",
    "cryptography.hazmat.primitives.serialization.load_pem_private_key",
    "requests.PreparedRequest",
    "requests.Session",
    "requests.adapters",
    "requests.status_codes",
}

LOOK = """
import json, sys
import chatapp_code.cams
from alibabacloud_tea_openapi.utils import rsa_sign
from darabonba.core import DaraCore
from stand_in import StandIn

touches = {
    "call": lambda it: it("a secret"),
    "attribute": lambda it: it.other,
    "item": lambda it: it[0],
    "iteration": lambda it: list(it),
    "instance": lambda it: isinstance(1, it),
    "subclass": lambda it: issubclass(int, it),
    "base": lambda it: exec("class Own(it): pass", {"it": it}),
}
def said(touch, *what):
    try:
        touch(*what)
    except RuntimeError as error:
        return str(error)
made = [it for it in sys.modules.values() if type(it) is StandIn]
sdk = [m for name, m in sys.modules.items() if name.startswith(("darabonba", "Tea", "alibaba"))]
held = {it.__name__ for m in sdk for it in vars(m).values() if type(it) is StandIn}
print(json.dumps({
    "made": [it.__name__ for it in made],
    "held": sorted(held),
    "said": {f"{it.__name__} {way}": said(touches[way], it) for it in made for way in touches},
    "rsa": said(rsa_sign, b"text", "a secret"),
    "adapter": said(getattr, DaraCore.https_adapter, "send"),
}))
"""


@pytest.fixture(scope="module")
def seen() -> Any:
    """What a process sees that has imported the SDK with the stand-ins."""
    look = f"import sys; sys.path[:1] = {PATH}\n{LOOK}"
    return json.loads(subprocess.check_output([sys.executable, "-S", "-E", "-c", look]))


def test_the_sdk_imports_the_stand_ins(seen: Any) -> None:
    """Each name that the SDK imports of those libraries is a stand-in, and no other is made."""
    assert set(seen["held"]) == IMPORTED
    assert {name for name in seen["made"] if "." not in name} == set(build.STAND_INS.values())
    # An annotation names the one, and the other is what a class in its place is loud by.
    needed = IMPORTED | {"aiohttp.ClientSession", "requests.adapters.HTTPAdapter"}
    assert all(any(f"{used}.".startswith(f"{name}.") for used in needed) for name in seen["made"])


def test_a_stand_in_is_loud(seen: Any) -> None:
    """Whatever is done with one but importing it raises its name, and not what it was given."""
    for touch, said in seen["said"].items():
        assert said, touch
        assert said.startswith(f"{touch.partition(' ')[0]}: ")
        assert "secret" not in said
    assert seen["adapter"].startswith("requests.adapters.HTTPAdapter: send is used")
    assert seen["rsa"].startswith("cryptography.hazmat.primitives.serialization.load_pem")
