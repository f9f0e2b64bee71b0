"""The stand-ins against the locked SDK: imported by it, and loud if they were used."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from typing import Any

import pytest

from layers import build

STAND_INS = build.LAYERS / "stand_ins"
PATH = [str(build.FUNCTION), str(STAND_INS), sysconfig.get_path("purelib")]

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
from darabonba.core import DaraCore
from stand_in import StandIn

made = [it.__name__ for it in sys.modules.values() if type(it) is StandIn]
sdk = [m for name, m in sys.modules.items() if name.startswith(("darabonba", "Tea", "alibaba"))]
held = {it.__name__ for m in sdk for it in vars(m).values() if type(it) is StandIn}
try:
    DaraCore.https_adapter.send
except RuntimeError as error:
    print(json.dumps([made, sorted(held), str(error)]))
"""


def test_the_sdk_imports_the_stand_ins() -> None:
    """Each name that the SDK imports of those libraries is a stand-in, and no other is made."""
    look = f"import sys; sys.path[:1] = {PATH}\n{LOOK}"
    made, held, adapter = json.loads(
        subprocess.check_output([sys.executable, "-S", "-E", "-c", look])
    )
    assert set(held) == IMPORTED
    assert {name for name in made if "." not in name} == set(build.STAND_INS.values())
    # An annotation names the one, and the other is what a class in its place is loud by.
    needed = IMPORTED | {"aiohttp.ClientSession", "requests.adapters.HTTPAdapter"}
    assert all(any(f"{used}.".startswith(f"{name}.") for used in needed) for name in made)
    assert adapter.startswith("requests.adapters.HTTPAdapter: send is used")


@pytest.mark.parametrize(
    "touch",
    [
        lambda it: it("a secret"),
        lambda it: it.other,
        lambda it: it[0],
        list,
        lambda it: isinstance(1, it),
        lambda it: issubclass(int, it),
        lambda it: exec("class Own(it): pass", {"it": it}),
    ],
)
def test_a_stand_in_is_loud(monkeypatch: pytest.MonkeyPatch, touch: Callable[[Any], Any]) -> None:
    """Whatever is done with one but importing it raises its name, and not what it was given."""
    monkeypatch.setitem(sys.modules, "library", sys)  # to be taken back
    stand_in = runpy.run_path(str(STAND_INS / "stand_in.py"))["StandIn"]("library")
    with pytest.raises(RuntimeError, match=r"^library: \w+ is used, but this is a stand-in of"):
        touch(stand_in)
