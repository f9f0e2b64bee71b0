"""The stand-ins against the locked SDK: imported by it, never used, and loud if they were."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from layers import build
from tests.sandbox.cams_gateway import Behaviour, CamsGateway
from tests.sandbox.function_compute import ROOT, FunctionCompute
from tests.test_platform import REQUEST, environment

STAND_INS = build.LAYERS / "stand_ins"
LAYER = [STAND_INS, Path(sysconfig.get_path("purelib"))]

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

# A function around the function, that tells what of the stand-ins was used in it.
WATCH = """
import index
from stand_in import StandIn
used = []
loud = StandIn.__getattr__
def note(self, name):
    if name[:2] != "__":
        used.append(f"{self.__name__}: {name}")
    return loud(self, name)
StandIn.__getattr__ = note
def handler(event, context):
    return used if event == b"used?" else index.handler(event, context)
"""


@pytest.fixture(scope="module")
def seen() -> Any:
    """What a process sees that has imported the SDK with the stand-ins."""
    path = f"import sys; sys.path[:1] = {[str(ROOT / 'function'), *map(str, LAYER)]}\n"
    command = [sys.executable, "-S", "-E", "-c", path + LOOK]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def test_the_sdk_imports_the_stand_ins(seen: Any) -> None:
    """Each name that the SDK imports of those libraries is a stand-in, and no other is made."""
    assert set(seen["held"]) == IMPORTED
    libraries = set(build.STAND_INS.values())
    assert {name for name in seen["made"] if "." not in name} == libraries
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


def test_stand_ins_are_small() -> None:
    """None has more than 20 lines, and there is one for each that takes a wheel's place."""
    files = {file.stem: file.read_text().count("\n") for file in STAND_INS.glob("*.py")}
    assert max(files.values()) <= 20
    assert set(files) == {"stand_in", *build.STAND_INS.values()}


@pytest.mark.parametrize("which", ["gateway", "tls_gateway"])
def test_no_call_uses_a_stand_in(
    which: str, request: pytest.FixtureRequest, authority: tuple[Any, Path], tmp_path: Path
) -> None:
    """Codes are sent over HTTP and TLS, and every kind of answer is read, without any of them."""
    gateway: CamsGateway = request.getfixturevalue(which)
    (tmp_path / "watch.py").write_text(WATCH)
    with FunctionCompute(
        environment(gateway) | {"SSL_CERT_FILE": str(authority[1])},
        layer_directories=[*LAYER, tmp_path],
        handler="watch.handler",
        initializer=None,
    ) as platform:
        gateway.accept(platform.credentials)
        gateway.will(
            Behaviour.says(200, Code="OK", Success=True),
            Behaviour.says(400, Code="isv.Refused", Message="no"),
            Behaviour.says(503, Code="ServiceUnavailable"),
            Behaviour(502, b"<html>"),
            Behaviour(200, b"[]"),
            Behaviour(fault="close"),
        )
        answers = []
        for number in range(7):
            event = json.dumps({**REQUEST, "idempotency_key": str(number)}).encode()
            answers.append(json.loads(platform.invoke(event, str(number)).answer)["sent"])
        assert answers == ["yes", "no", *["unknown"] * 4, "yes"], platform.log_lines
        assert json.loads(platform.invoke(b"used?", "used").answer) == []
