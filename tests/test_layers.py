"""What `make layers` builds: unpacked and run as on the platform, by the runtime's own Python."""

from __future__ import annotations

import json
import re
import ssl
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from layers import build
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import ROOT, FunctionCompute
from tests.test_platform import REQUEST, environment

# A function around the function, that tells which of the unpacked sources had to be compiled.
WATCH = """
import pkgutil, sys
sources = []
def watch(event, arguments):
    if event == "compile":
        sources.append(str(arguments[1]))
sys.addaudithook(watch)
import index, chatapp_code
def handler(event, context):
    if event != b"which?":
        return index.handler(event, context)
    for module in pkgutil.walk_packages(chatapp_code.__path__, "chatapp_code."):
        __import__(module.name)
    import langcodes, redis
    return [source for source in sources if source.startswith(sys.path[0].rpartition("/")[0])]
"""


#: In the lock, but for a stand-in nothing in the layer needs them.
LEFT_OUT = {
    *("aiohttp", "aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "multidict"),
    *("propcache", "yarl", "apscheduler", "tzlocal", "cryptography", "cffi", "pycparser"),
    *("requests", "urllib3", "charset-normalizer", "idna"),
}


class Built(NamedTuple):
    version: str
    python: str
    layer: Path
    code: Path
    again: tuple[Path, Path]

    def unpack(self, folder: Path) -> tuple[Path, Path]:
        """Unpacks both as the platform does; returns what stands for /code and /opt/python."""
        for archive, name in ((self.code, "code"), (self.layer, "opt")):
            with zipfile.ZipFile(archive) as content:
                content.extractall(folder / name)
        return folder / "code", folder / "opt" / "python"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both zips, built twice: for the Python that runs the tests, or one that is here."""
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for version in sorted(build.GLIBC_MINORS, key=own.__eq__, reverse=True):
        if python := build.find_python(version):
            break
    else:
        pytest.skip("no layer is built, since neither Python 3.10 nor 3.12 is here")
    first, second = (tmp_path_factory.mktemp("dist") for _ in range(2))

    def build_both(folder: Path) -> None:
        build.build_layer(version, python, folder / "layer.zip")
        build.build_function([python], folder / "function.zip")

    have_wheels = (build.LAYERS / "wheels").exists()  # two downloads at once would meet there
    try:
        with ThreadPoolExecutor(2 if have_wheels else 1) as builders:
            list(builders.map(build_both, (first, second)))
    except build.BuildFailed as failed:
        if "Retrying" in str(failed):
            pytest.skip("no layer is built, since its wheels can't be downloaded")
        raise
    return Built(
        version,
        python,
        first / "layer.zip",
        first / "function.zip",
        (second / "layer.zip", second / "function.zip"),
    )


def test_two_builds_are_the_same_bytes(built: Built) -> None:
    """Building the same lock and code again gives the same zips."""
    for first, second in zip((built.layer, built.code), built.again, strict=True):
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("which", ["gateway", "tls_gateway"])
def test_the_zips_run_and_compile_nothing(
    built: Built,
    which: str,
    request: pytest.FixtureRequest,
    authority: tuple[ssl.SSLContext, Path],
    tmp_path: Path,
) -> None:
    """Unpacked, with their Python alone, they send over HTTP and TLS, and compile no source."""
    gateway: CamsGateway = request.getfixturevalue(which)
    code, layer = built.unpack(tmp_path)
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "watch.py").write_text(WATCH)
    with FunctionCompute(
        environment(gateway) | {"SSL_CERT_FILE": str(authority[1])},
        python=built.python,
        runtime=f"python{built.version}",
        code_directory=code,
        layer_directories=[layer, tmp_path / "watch"],
        handler="watch.handler",
        initializer=None,
    ) as platform:
        gateway.accept(platform.credentials)
        answer = json.loads(platform.invoke(json.dumps(REQUEST).encode(), "1").answer)
        assert (answer["code"], answer["sent"]) == ("OK", "yes"), platform.log_lines
        assert json.loads(platform.invoke(b"which?", "2").answer) == []
    assert len(gateway.messages) == 1


@pytest.mark.parametrize("which", ["layer", "code"])
def test_each_source_has_its_bytecode(built: Built, which: str) -> None:
    """A pyc is tied to its source's hash, never to its time, and names the platform's path."""
    # A layer can't be changed, but the console has an editor for the code: that hash is checked.
    unchecked, checked = 1, 3
    expected = {"layer": (built.layer, "/opt", unchecked), "code": (built.code, "/code", checked)}
    archive, root, flags = expected[which]
    tag = f"cpython-{built.version.replace('.', '')}"
    with zipfile.ZipFile(archive) as content:
        sources = [Path(name) for name in content.namelist() if name.endswith(".py")]
        assert sources
        for source in sources:
            pyc = content.read(str(source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"))
            assert int.from_bytes(pyc[4:8], "little") == flags
            assert f"{root}/{source}".encode() in pyc


def test_what_a_layer_holds(built: Built) -> None:
    """Files in python/ that all may read, neither tests nor stubs, and each licence's text."""
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
        or requirement.marker.evaluate({"python_full_version": f"{built.version}.0"})
    ]
    listed = [re.fullmatch(r"(\S+) (\S+): (.+) \((.+)\)", line) for line in manifest]
    found = [(canonicalize_name(line[1]), line[2]) for line in listed if line]
    assert sorted(found) == sorted(pin for pin in wanted if pin[0] not in LEFT_OUT)
    assert own == f"stand-ins for {', '.join(build.STAND_INS)}: Apache-2.0 (LICENSE)"
    for module in build.STAND_INS.values():
        assert [name for name in names if re.match(rf"python/{module}\b", name)] == [
            f"python/{module}.py"
        ]
    for line in filter(None, listed):
        assert re.match(r"Apache|MIT|BSD|MPL-2.0|PSF-2.0", line[3]), line[3]
        assert {f"python/{text}" for text in line[4].split(", ")} <= set(names)


@pytest.mark.parametrize("stand_ins", [{}, {"heavy": "aiohttp"}])
def test_a_stand_in_takes_the_place_of_a_wheel(
    stand_ins: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it go the wheels that only it needs; without stand-ins, every wheel stays."""
    monkeypatch.setattr(build, "STAND_INS", stand_ins)
    needs = {"sdk": ["heavy (>=1)", "shared"], "heavy": ["heavy-part", "shared"]}
    for name in ("sdk", "heavy", "heavy_part", "shared", "optional"):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        required = [*needs.get(name, []), 'optional; extra == "more"']
        lines = [f"Requires-Dist: {requirement}" for requirement in required]
        (folder / "METADATA").write_text("\n".join([f"Name: {name}", *lines]))
        (folder / "RECORD").write_text(f"{name}.py,,\n../../bin/{name},,\n")
        (tmp_path / f"{name}.py").touch()
    build._put_stand_ins(tmp_path)
    left = {"sdk", "shared", "optional"}
    left |= {"stand_in", "aiohttp"} if stand_ins else {"heavy", "heavy_part"}
    assert {path.stem for path in tmp_path.glob("*.py")} == left
    remaining = {path.name.partition("-")[0] for path in tmp_path.glob("*.dist-info")}
    assert remaining == left - {"stand_in", "aiohttp"}


def test_the_function_zip_is_the_function(built: Built) -> None:
    """function.zip holds the files of function/ at its root, and bytecode, and nothing else."""
    with zipfile.ZipFile(built.code) as content:
        packed = {name: content.read(name) for name in content.namelist() if "pycache" not in name}
    function = ROOT / "function"
    files = {path: path.read_bytes() for path in function.rglob("*.py")}
    assert packed == {str(path.relative_to(function)): source for path, source in files.items()}


def test_libraries_fit_the_platforms_glibc(built: Built) -> None:
    """No extension in the layer needs a newer glibc than the runtime's Debian has."""
    with zipfile.ZipFile(built.layer) as content:
        extensions = [content.read(name) for name in content.namelist() if name.endswith(".so")]
    minors = {
        int(minor)
        for extension in extensions
        for minor in re.findall(rb"GLIBC_2\.(\d+)", extension)
    }
    assert 2 < max(minors) <= build.GLIBC_MINORS[built.version]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and PATH, and none that runs this."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    return tmp_path


def put(file: Path, script: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_pythons_are_found(home: Path) -> None:
    """A Python is PATH's or else pyenv's, and one that can't be run is passed over."""
    assert build.find_python("3.10") is None
    put(home / ".pyenv" / "versions" / "3.10.13" / "bin" / "python", "echo 3.10 /pyenv/python")
    assert build.find_python("3.10") == "/pyenv/python"
    put(home / "path" / "python3.10", "exit 127")
    assert build.find_python("3.10") == "/pyenv/python"
    (home / "path" / "python3.10").write_text("#!/bin/sh\necho 3.10 /path/python3.10\n")
    assert build.find_python("3.10") == "/path/python3.10"
    assert build.find_python("3.1") is None


@pytest.mark.parametrize("there", [[], ["3.12"], ["3.10", "3.12"]])
def test_a_missing_python_is_named(
    there: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The other layer is built, the missing Python named; it fails only if none was built."""
    monkeypatch.setattr(build, "DIST", tmp_path / "dist")
    monkeypatch.setattr(build, "find_python", lambda version: version in there and "python")

    def write(*arguments: Path) -> str:
        zipfile.ZipFile(arguments[-1], "w").close()
        return "its licences"

    monkeypatch.setattr(build, "build_layer", write)
    monkeypatch.setattr(build, "build_function", write)
    assert build.main() == (0 if there else 1)
    said = capsys.readouterr()
    missing = re.findall(r"python(\S+)\.zip was not built", said.err)
    assert sorted(missing) == [version for version in build.GLIBC_MINORS if version not in there]
    assert said.out.count("its licences") == len(there)
