"""What a new instance imports, and when."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig

import pytest

from layers import build
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import ROOT, new_credentials
from tests.support.platform import environment

LOOK = """
import json, sys
from types import SimpleNamespace as Having
path, credentials, event = json.loads(sys.argv[1])
sys.path[:1] = path
def watch(event, arguments):
    assert event != "open" or ".dist-info" not in str(arguments[0]), arguments
sys.addaudithook(watch)
import index
context = Having(
    request_id="one", function=Having(timeout=20), credentials=Having(**credentials)
)
index.initialize(context)
before = set(sys.modules)
answer = index.handler(json.dumps(event).encode(), context)
print(json.dumps([answer, sorted(set(sys.modules) - before)]))
"""


@pytest.mark.parametrize("locale", ["zh_CN", "pt-BR"])
def test_all_is_imported_by_the_initializer(gateway: CamsGateway, locale: str) -> None:
    """After the initializer the first call imports only data, and no package reads its metadata."""
    path = [str(ROOT / "function"), str(build.LAYERS / "stubs"), sysconfig.get_path("purelib")]
    credentials = new_credentials()
    gateway.accept(credentials)
    event = {"phone_number": "+8613800001234", "locale": locale}
    ran = subprocess.run(
        [sys.executable, "-S", "-E", "-c", LOOK, json.dumps([path, vars(credentials), event])],
        env=environment(gateway),
        stdout=subprocess.PIPE,
        check=True,
    )
    answer, imported = json.loads(ran.stdout.splitlines()[-1])
    assert answer["sent"] == "yes"
    data = ("phonenumbers.data.", "encodings.")
    assert [name for name in imported if not name.startswith(data)] == []
