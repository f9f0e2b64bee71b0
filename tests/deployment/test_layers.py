"""What `make layers` builds: unpacked and run as on the platform, by the runtime's own Python."""

from __future__ import annotations

import json
import re
import runpy
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from layers import build
from tests.sandbox.cams_gateway import Behaviour, CamsGateway
from tests.sandbox.function_compute import ROOT, FunctionCompute
from tests.support.platform import REQUEST, environment

# A function around the function, that tells which of the unpacked sources had to be compiled, and
# what was used of the stubs.
WATCH = """
import pkgutil, sys
compiled, used = [], []
def watch(event, arguments):
    if event == "compile":
        compiled.append(str(arguments[1]))
sys.addaudithook(watch)
import index, verify_code
from stub import Stub
loud = Stub.__getattr__
def note(self, name):
    if name[:2] != "__":
        used.append(f"{self.__name__}: {name}")
    return loud(self, name)
Stub.__getattr__ = note
def handler(event, context):
    if event != b"which?":
        return index.handler(event, context)
    for module in pkgutil.walk_packages(verify_code.__path__, "verify_code."):
        __import__(module.name)
    import redis
    unpacked = sys.path[0].rpartition("/")[0]
    return used + [source for source in compiled if source.startswith(unpacked)]
"""

#: What the gateway answers, and what comes of it.
ANSWERS = [
    (Behaviour.says(200, Code="OK", Success=True), "yes"),
    (Behaviour.says(400, Code="isv.Refused", Message="no"), "no"),
    (Behaviour.says(503, Code="ServiceUnavailable"), "unknown"),
    (Behaviour(502, b"<html>"), "unknown"),
    (Behaviour(200, b"[]"), "unknown"),
    (Behaviour(fault="close"), "unknown"),
    (Behaviour(takes_effect=True), "yes"),
]

#: In the lock, but for a stub nothing in the layer needs them.
LEFT_OUT = {
    *("aiohttp", "aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "multidict"),
    *("propcache", "yarl", "apscheduler", "tzlocal", "cryptography", "cffi", "pycparser"),
    *("requests", "urllib3", "charset-normalizer", "idna", "aiofiles", "websocket-client"),
}


class Built(NamedTuple):
    layer: Path
    code: Path


VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="session")
def twice(tmp_path_factory: pytest.TempPathFactory) -> list[Built]:
    """Both zips for the Python that runs the tests, built twice."""
    if VERSION not in build.GLIBC_MINORS:
        pytest.skip(f"no layer is built for Python {VERSION}")

    def build_both(folder: Path) -> Built:
        built = Built(folder / "layer.zip", folder / "function.zip")
        build.build_layer(VERSION, sys.executable, built.layer)
        build.build_function([sys.executable], built.code)
        return built

    folders = [tmp_path_factory.mktemp("dist") for _ in range(2)]
    have_wheels = (build.LAYERS / "wheels").exists()  # two downloads at once would meet there
    try:
        with ThreadPoolExecutor(2 if have_wheels else 1) as builders:
            return list(builders.map(build_both, folders))
    except build.BuildFailed as failed:
        if "Retrying" in str(failed):
            pytest.skip("no layer is built, since its wheels can't be downloaded")
        raise


@pytest.fixture
def built(twice: list[Built]) -> Built:
    return twice[0]


def test_two_builds_are_the_same_bytes(twice: list[Built]) -> None:
    """Building the same lock and code again gives the same zips."""
    first, second = ([archive.read_bytes() for archive in built] for built in twice)
    assert first == second


@pytest.mark.parametrize("which", ["gateway", "tls_gateway"])
def test_the_zips_run(
    built: Built,
    which: str,
    request: pytest.FixtureRequest,
    authority: tuple[ssl.SSLContext, Path],
    tmp_path: Path,
) -> None:
    """Unpacked, they send over HTTP and TLS, read every kind of answer, compile no source and use
    no stub."""
    gateway: CamsGateway = request.getfixturevalue(which)
    code, layer = tmp_path / "code", tmp_path / "opt" / "python"
    for archive, folder in ((built.code, code), (built.layer, layer.parent)):
        with zipfile.ZipFile(archive) as content:
            content.extractall(folder)
    (layer / "watch.py").write_text(WATCH)
    with FunctionCompute(
        environment(gateway) | {"SSL_CERT_FILE": str(authority[1])},
        code_directory=code,
        layer_directory=layer,
        handler="watch.handler",
        initializer=None,
    ) as platform:
        gateway.accept(platform.credentials)
        gateway.will(*(behaviour for behaviour, _ in ANSWERS))
        for number, (_, sent) in enumerate(ANSWERS):
            event = json.dumps({**REQUEST, "idempotency_key": str(number)}).encode()
            answer = json.loads(platform.invoke(event, str(number)).answer)
            assert answer["sent"] == sent, platform.log_lines
        assert json.loads(platform.invoke(b"which?", "which").answer) == []


def test_the_stacks_zip_runs_without_a_layer(
    built: Built, gateway: CamsGateway, tmp_path: Path
) -> None:
    """Code and libraries in one zip, as template.yml deploys them, send a code by themselves."""
    build.build_stack(built.layer, built.code, tmp_path / "stack.zip")
    with zipfile.ZipFile(tmp_path / "stack.zip") as content:
        content.extractall(tmp_path / "code")
    with FunctionCompute(
        environment(gateway), code_directory=tmp_path / "code", layer_directory=tmp_path / "none"
    ) as platform:
        gateway.accept(platform.credentials)
        invoked = platform.invoke(json.dumps(REQUEST).encode(), "1")
    assert json.loads(invoked.answer)["sent"] == "yes", platform.log_lines


MODELS = """
import sys
from typing import Annotated, Literal, Optional
from pydantic import (
    AliasChoices, AnyUrl, BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, SecretStr,
    TypeAdapter, ValidationError, computed_field, create_model, field_serializer, field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
class Model(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, extra="forbid")
    number: Annotated[PositiveInt, BeforeValidator(int)] = Field(
        description="a number", validation_alias=AliasChoices("number", "Number")
    )
    url: Optional[AnyUrl] = None
    secret: SecretStr = SecretStr("")
    kind: Literal["a", "b"] = "a"
    @field_validator("kind", mode="before")
    @classmethod
    def of_kind(cls, value):
        if value == "c":
            raise PydanticCustomError("wrong", "Not this kind.")
        return value
    @model_validator(mode="after")
    def whole(self):
        return self
    @field_serializer("secret")
    def hidden(self, value):
        return "secret"
    @computed_field
    def double(self) -> int:
        return self.number * 2
made = create_model("Made", model=Model)(model=Model(Number="1", url="https://example.com/"))
assert made.model_dump(mode="json")["model"]["double"] == 2
assert Model.model_validate_json(b'{"number": 2}').model_dump_json()
assert TypeAdapter(list[Model]).json_schema() and Model.model_json_schema()
try:
    Model(number=0, kind="c", other=1)
except ValidationError as wrong:
    assert len(wrong.errors()) == 3 and str(wrong)
print(sys.modules["pydantic"].__file__)
"""


def test_pydantic_does_without_what_is_left_out(built: Built, tmp_path: Path) -> None:
    """The layer's pydantic makes models, validates, dumps and describes them."""
    with zipfile.ZipFile(built.layer) as content:
        names = content.namelist()
        content.extractall(tmp_path)
    assert not [name for name in names if re.search(r"/pydantic/(v1|mypy|experimental)\b", name)]
    command = [sys.executable, "-I", "-S", "-W", "error", "-c"]
    path = f"import sys; sys.path.insert(0, '{tmp_path}/python')\n"
    ran = subprocess.run([*command, path + MODELS], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == (f"{tmp_path}/python/pydantic/__init__.py\n", "")


@pytest.mark.parametrize("which", ["layer", "code"])
def test_each_source_has_its_bytecode(built: Built, which: str) -> None:
    """A pyc is tied to its source's hash, never to its time, and names the platform's path."""
    # A layer can't be changed, but the console has an editor for the code: that hash is checked.
    unchecked, checked = 1, 3
    expected = {"layer": (built.layer, "/opt", unchecked), "code": (built.code, "/code", checked)}
    archive, root, flags = expected[which]
    tag = sys.implementation.cache_tag
    with zipfile.ZipFile(archive) as content:
        sources = [Path(name) for name in content.namelist() if name.endswith(".py")]
        assert sources
        for source in sources:
            pyc = content.read(str(source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"))
            assert int.from_bytes(pyc[4:8], "little") == flags
            assert f"{root}/{source}".encode() in pyc


def test_what_a_layer_holds(built: Built) -> None:
    """Files in python/ that all may read, neither tests nor type stubs, and each licence's text."""
    with zipfile.ZipFile(built.layer) as content:
        names = content.namelist()
        assert {entry.external_attr >> 16 for entry in content.infolist()} == {0o100644}
        *manifest, own = content.read("python/licences.txt").decode().splitlines()
    assert all(name.startswith("python/") for name in names)
    assert not [name for name in names if re.search(r"/tests?/|\.pyi$|/py\.typed$|/bin/", name)]
    lock = (ROOT / "layers" / "requirements.txt").read_text()
    wanted = [
        (canonicalize_name(requirement.name), str(requirement.specifier)[2:])
        for line in re.findall(r"^\w.*==[^\\]*", lock, re.MULTILINE)
        if (requirement := Requirement(line.strip())).marker is None
        or requirement.marker.evaluate({"python_full_version": f"{VERSION}.0"})
    ]
    listed = [re.fullmatch(r"(\S+) (\S+): (.+) \((.+)\)", line) for line in manifest]
    found = [(canonicalize_name(line[1]), line[2]) for line in listed if line]
    assert sorted(found) == sorted(pin for pin in wanted if pin[0] not in LEFT_OUT)
    assert own == f"stubs for {', '.join(build.STUBS)}: Apache-2.0 (LICENSE)"
    stubs = [f"python/{module}.py" for module in build.STUBS.values()]
    libraries = rf"python/({'|'.join(build.STUBS.values())})\b"
    assert [name for name in names if re.match(libraries, name)] == sorted(stubs)
    for line in filter(None, listed):
        assert re.match(r"Apache|MIT|BSD|MPL-2.0|PSF-2.0", line[3]), line[3]
        assert {f"python/{text}" for text in line[4].split(", ")} <= set(names)


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
def test_a_stub_is_loud(monkeypatch: pytest.MonkeyPatch, touch: Callable[[Any], Any]) -> None:
    """Whatever is done with one but importing it raises its name, and not what it was given."""
    monkeypatch.setitem(sys.modules, "library", sys)  # to be taken back
    stub = runpy.run_path(str(build.LAYERS / "stubs" / "stub.py"))["Stub"]("library")
    with pytest.raises(RuntimeError, match=r"^library: \w+ is used, but this is a stub from"):
        touch(stub)


def test_the_function_zip_is_the_function(built: Built) -> None:
    """function.zip holds the files of function/ at its root, and bytecode, and nothing else."""
    with zipfile.ZipFile(built.code) as content:
        packed = {name: content.read(name) for name in content.namelist() if "pycache" not in name}
    function = ROOT / "function"
    files = {path: path.read_bytes() for path in function.rglob("*.[pl][yu]*") if path.is_file()}
    files = {path: text for path, text in files.items() if path.suffix != ".pyc"}
    assert {path.suffix for path in files} == {".py", ".lua"}
    assert packed == {str(path.relative_to(function)): source for path, source in files.items()}


def test_libraries_fit_the_platforms_glibc(built: Built) -> None:
    """No extension in the layer needs a newer glibc than the runtime's Debian has."""
    with zipfile.ZipFile(built.layer) as content:
        extensions = [content.read(name) for name in content.namelist() if name.endswith(".so")]
    minors = map(int, re.findall(rb"GLIBC_2\.(\d+)", b"".join(extensions)))
    assert 2 < max(minors) <= build.GLIBC_MINORS[VERSION]


def put(file: Path, script: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_pythons_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Python is the one that is named, PATH's, or else pyenv's or uv's, and one that can't be run
    is passed over; one that is missing is named with how to name it, and the other layer is built.
    Where there is none at all, one is fetched."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    monkeypatch.setattr(build, "DIST", tmp_path / "dist")
    monkeypatch.setattr(build, "build_layer", lambda version, python, _: f"by {python}")
    monkeypatch.setattr(build, "build_function", lambda *_: None)
    monkeypatch.setattr(build, "sizes", lambda archive: archive.name)
    fetched: list[str] = []
    monkeypatch.setattr(build, "fetch_python", fetched.append)

    def built() -> tuple[int, list[str], list[str]]:
        status, said = build.build(), capsys.readouterr()
        missing = re.findall(r"python(\S+)\.zip was not built", said.err)
        assert "make layers PYTHON312=/path/to/python3.12" in said.err
        return status, re.findall(r"by (.*)", said.out), missing

    assert built() == (1, [], ["3.10", "3.12"])
    assert fetched == ["3.10"]
    of_uv = tmp_path / ".local/share/uv/python/cpython-3.10.20-linux/bin/python"
    put(of_uv, "echo 3.10 /uv/python")
    assert built() == (0, ["/uv/python"], ["3.12"])
    put(tmp_path / ".pyenv" / "versions" / "3.10.13" / "bin" / "python", "echo 3.10 /pyenv/python")
    assert built() == (0, ["/pyenv/python"], ["3.12"])
    put(tmp_path / "path" / "python3.10", "exit 127")
    assert built() == (0, ["/pyenv/python"], ["3.12"])
    put(tmp_path / "path" / "python3.10", "echo 3.10 /path/python3.10")
    assert built() == (0, ["/path/python3.10"], ["3.12"])
    put(tmp_path / "own", "echo 3.10 /own")
    monkeypatch.setenv("PYTHON310", str(tmp_path / "own"))
    assert built() == (0, ["/own"], ["3.12"])
    assert fetched == ["3.10"]
