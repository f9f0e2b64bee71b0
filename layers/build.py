"""Builds what is deployed: a layer for each of the two Pythons, and the function's code.

``make layers`` writes into ``layers/dist/``: ``function.zip``, the code; ``python3.10.zip`` and
``python3.12.zip``, the layers for s.yaml. ``make release`` writes beside them ``release/``: these,
template.yml, and for it code and libraries in one zip, since a stack can't change a layer that it
has made ("ALIYUN::FC3::LayerVersion"). The same lock, code and Pythons make the same bytes.
What the SDK imports and this function never uses is left out; ``stubs/`` takes its place.

A layer is unpacked to ``/opt``, and ``/opt/python`` is on the path; the code is unpacked to
``/code`` (Function Compute's documentation, "Layers"). Unpacking changes the files' times, so the
bytecode is tied to the source's hash instead: without it each cold start would compile it anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution
from pathlib import Path

LAYERS = Path(__file__).parent
FUNCTION = LAYERS.parent / "function"
DIST = LAYERS / "dist"
LICENCE = LAYERS.parent / "LICENSE"

# Each heavy distribution that the SDK imports and this function never uses, and the module in
# stubs/ that takes its place (stubs/README.md). With {} here, the layer gets the wheels instead.
STUBS = {
    "aiofiles": "aiofiles",
    "aiohttp": "aiohttp",
    "apscheduler": "apscheduler",
    "cryptography": "cryptography",
    "requests": "requests",
    "websocket-client": "websocket",
}

# Modules of needed distributions that import much and are never used: a stub takes the place of
# each. A folder's name in stubs/parts/ is that of the distribution's module.
PARTS = ("phonenumbers/__init__.py", "pydantic/plugin/_loader.py")

# Each runtime's Python, and the n of the glibc 2.n of its Debian 10 or 11, which is what the
# wheels may need ("Python runtimes").
GLIBC_MINORS = {"3.10": 28, "3.12": 31}
DEFAULT_VERSION = "3.10"  # 3.12 is a preview, and Singapore hasn't got it

UNUSED = (
    "bin",  # commands
    "*/tests",
    "*/_testcapi.*",
    "**/*.pyi",
    "**/py.typed",
    "**/*.p[yx][xdi]",  # Cython's sources, which the .so were made of
    "**/*.h",
    "pydantic/experimental",
    "pydantic/mypy.py",  # for mypy
    "pydantic/v1",  # the models of pydantic 1
    "*.dist-info/INSTALLER",
    "*.dist-info/RECORD",  # isn't true any more
    "*.dist-info/REQUESTED",
)

_SAME_TIME = (1980, 1, 1, 0, 0, 0)


class BuildFailed(Exception):
    """A step of the build ended badly; the message has what it said."""


def main(words: Sequence[str] = ()) -> int:
    """Runs `build.py`, or `build.py release [VERSION]`; the exit status says if all went well."""
    match words:
        case []:
            return build()
        case ["release", *version]:
            made = release(version[0] if version else own_version())
            print("\n".join(f"{path.relative_to(LAYERS.parent)}" for path in made))
            return 0
    print("Write: build.py, or build.py release VERSION.", file=sys.stderr)
    return 2


def build() -> int:
    """Builds all that the Pythons here can build; the exit status says whether it was a layer."""
    found = {version: find_python(version) for version in GLIBC_MINORS}
    if not any(found.values()):
        found[DEFAULT_VERSION] = fetch_python(DEFAULT_VERSION)
    pythons = {version: python for version, python in found.items() if python}
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    try:
        for version, python in pythons.items():
            archive = DIST / f"python{version}.zip"
            manifest = build_layer(version, python, archive)
            print(f"{sizes(archive)}\n{manifest}\n", flush=True)
        if pythons:
            build_function(pythons.values(), DIST / "function.zip")
            print(sizes(DIST / "function.zip"))
    except BuildFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    for version in sorted(found.keys() - pythons.keys()):
        told = f"python{version}.zip was not built: no Python {version} is on PATH or in pyenv. "
        name = f"{_variable(version)}=/path/to/python{version}"
        mend = f"If you need it, name one: make layers {name}."
        print(told + mend, file=sys.stderr)
    return 0 if pythons else 1


def find_python(version: str) -> str | None:
    """The path of a Python of this version.

    It is the one that PYTHON310 or its like names, the one that runs this, PATH's, pyenv's or uv's.
    """
    patterns = (f".pyenv/versions/{version}.*", f".local/share/uv/python/cpython-{version}.*")
    kept = [path for each in patterns for path in sorted(Path.home().glob(f"{each}/bin/python"))]
    named = os.environ.get(_variable(version))
    for candidate in [named or sys.executable, f"python{version}", *map(str, kept)]:
        tell = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
        try:
            told = _run([candidate, "-c", tell])
        except (OSError, BuildFailed):
            continue
        found, _, path = told.strip().partition(" ")
        if found == version:
            return path
    return None


def fetch_python(version: str) -> str | None:
    """Lets uv download a Python of this version into the home directory; None if it can't."""
    print(f"No Python {version} here: uv downloads one.", flush=True)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            _run([sys.executable, "-m", "venv", temporary])
            python = str(Path(temporary, "bin", "python"))
            _run([python, "-m", "pip", "install", "--quiet", "--retries", "1", "uv"])
            _run([python, "-m", "uv", "python", "install", version])
    except BuildFailed as failed:
        print(failed, file=sys.stderr)
    return find_python(version)


def _variable(version: str) -> str:
    return f"PYTHON{version.replace('.', '')}"


def build_layer(version: str, python: str, destination: Path) -> str:
    """Writes the layer and returns its manifest: each distribution, its licence and the text."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "opt")
        tree = root / "python"
        _install(python, GLIBC_MINORS[version], tree, Path(temporary, "pip"))
        _put_stubs(tree)
        for pattern in UNUSED:
            for path in list(tree.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copy(LICENCE, tree)
        manifest = "\n".join(map(_licence, sorted(tree.glob("*.dist-info"))))
        if STUBS:
            manifest += f"\nstubs for {', '.join(STUBS)}: Apache-2.0 ({LICENCE.name})"
        (tree / "licences.txt").write_text(manifest + "\n", "utf-8")
        _compile(python, root, "/opt", "unchecked-hash")  # a layer is read-only
        write_zip(root, destination)
    return manifest


def build_function(pythons: Iterable[str], destination: Path) -> None:
    """Writes the function's code with the bytecode of each Python."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "code")
        shutil.copytree(FUNCTION, root, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        for python in pythons:
            _compile(python, root, "/code", "checked-hash")  # the console has an editor for it
        write_zip(root, destination)


def release(version: str) -> list[Path]:
    """Puts what was built, and the template that names it, into one folder."""
    folder = DIST / "release"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    function = Path(shutil.copy(DIST / "function.zip", folder))
    made = [function]
    for layer in sorted(DIST.glob("python*.zip")):
        stack = folder / f"chatapp-verify-code-{version}-{layer.name}"
        build_stack(layer, function, stack)
        made += [Path(shutil.copy(layer, folder)), stack]
    template = (LAYERS.parent / "template.yml").read_text("utf-8")
    default = f"Default: {own_version()}\n"
    (folder / "template.yml").write_text(
        template.replace(default, f"Default: {version}\n"), "utf-8"
    )
    return [*made, folder / "template.yml"]


def own_version() -> str:
    """The package's version."""
    source = (FUNCTION / "verify_code" / "__init__.py").read_text("utf-8")
    return str(re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE)[0])


def build_stack(layer: Path, function: Path, destination: Path) -> None:
    """Writes code and libraries into one zip, as the code of a function without a layer."""
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as stack:
        for archive in (function, layer):
            with zipfile.ZipFile(archive) as content:
                for entry in content.infolist():
                    raw = content.read(entry)
                    entry.filename = entry.filename.removeprefix("python/")
                    stack.writestr(entry, raw)


def sizes(archive: Path) -> str:
    """How large a zip is, for people."""
    with zipfile.ZipFile(archive) as content:
        unpacked = sum(entry.file_size for entry in content.infolist())
    zipped = archive.stat().st_size
    return f"{archive.name}: {zipped / 1e6:.1f} MB zipped, {unpacked / 1e6:.1f} MB unpacked"


def _install(python: str, glibc_minor: int, tree: Path, pip_folder: Path) -> None:
    """Installs the locked wheels for the runtime, which needn't be this machine's."""
    wheels = str(LAYERS / "wheels")
    pip = _pip(python, pip_folder)
    wanted = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    wanted += ["--requirement", str(LAYERS / "requirements.txt")]
    for minor in range(glibc_minor, 4, -1):  # there is no tag below manylinux_2_5
        wanted += ["--platform", f"manylinux_2_{minor}_x86_64"]
    wanted += ["--platform", "manylinux2014_x86_64"]  # by pip also manylinux2010 and manylinux1
    install = [*pip, "install", "--no-compile", "--no-index", "--find-links", wheels]
    install += ["--target", str(tree), *wanted]
    try:
        _run(install)
    except BuildFailed:  # not all wheels are here yet
        _run([*pip, "download", "--retries", "1", "--dest", wheels, *wanted])
        _run(install)


def _pip(python: str, folder: Path) -> list[str]:
    """The command of a pip in this Python: it reads the markers by what it runs in."""
    try:
        _run([python, "-c", "import pip"])
    except BuildFailed:
        _run([python, "-m", "venv", str(folder)])
        python = str(folder / "bin" / "python")
    return [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def _put_stubs(tree: Path) -> None:
    """Puts them in place of their distributions, and of what nothing else needs."""
    installed = {_name(at.name.partition("-")[0]): at for at in tree.glob("*.dist-info")}
    for name in _unneeded(installed):
        for file in Distribution.at(installed[name]).files or []:
            if ".." not in file.parts:  # a command
                (tree / file).unlink(missing_ok=True)
        shutil.rmtree(installed[name])
    for module in ("stub", *STUBS.values()) if STUBS else ():
        shutil.copy(LAYERS / "stubs" / f"{module}.py", tree)
    for part in PARTS if STUBS else ():
        shutil.copy(LAYERS / "stubs" / "parts" / part, tree / part)


def _unneeded(installed: Mapping[str, Path]) -> set[str]:
    """The distributions with a stub, and those that only they need."""
    users: dict[str, set[str]] = {}
    for user, at in installed.items():
        for requirement in Distribution.at(at).requires or []:
            if "extra ==" not in requirement:
                users.setdefault(_name(re.split(r"[^\w.-]", requirement)[0]), set()).add(user)
    wanted = (LAYERS / "requirements.in").read_text("utf-8")
    for name in map(_name, re.findall(r"^[\w-]+", wanted, re.MULTILINE)):
        users.setdefault(name, set()).add("")
    unneeded = set(STUBS)
    while more := {name for name in installed if users.get(name, {""}) <= unneeded} - unneeded:
        unneeded |= more
    return unneeded


def _name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _licence(folder: Path) -> str:
    """A distribution's licence, and where in the layer its text is."""
    metadata = Distribution.at(folder).metadata
    classifiers = [name for name in metadata.get_all("Classifier") or [] if name[:7] == "License"]
    stated = metadata.get_all("License-Expression") or metadata.get_all("License")
    licence = ", ".join(stated or [name.rpartition(" :: ")[2] for name in classifiers]) or "unknown"
    texts = [
        path.relative_to(folder.parent).as_posix()
        for name in metadata.get_all("License-File") or []
        for path in (folder / "licenses" / name, folder / name)
        if path.is_file()
    ]
    if not texts:  # the SDK's wheels have none, but this package's is the same
        texts = [LICENCE.name if "Apache" in licence else "no text in its wheel"]
    return f"{metadata['Name']} {metadata['Version']}: {licence} ({', '.join(texts)})"


def _compile(python: str, root: Path, platform_root: str, invalidation: str) -> None:
    """Compiles as if the files lay where the platform unpacks them.

    In one process with one hash seed, since the bytes depend on both; ``-I`` would ignore the seed.
    """
    command = [python, "-s", "-S", "-W", "ignore", "-m", "compileall", "-q", "-j", "1"]
    paths = ["-s", str(root), "-p", platform_root, str(root)]
    _run([*command, "--invalidation-mode", invalidation, *paths], PYTHONHASHSEED="0")


def _run(command: Sequence[str], **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    ran = subprocess.run(
        command, env=inherited | environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise BuildFailed(f"{' '.join(command[:4])} … failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def write_zip(root: Path, destination: Path) -> None:
    """Writes the files of a folder into a zip, always as the same bytes."""
    with zipfile.ZipFile(destination, "w") as archive:
        for path in sorted(filter(Path.is_file, root.rglob("*"))):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), _SAME_TIME)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
