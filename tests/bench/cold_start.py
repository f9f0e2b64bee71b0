"""What an app user waits for: whole processes, from their start to the first code or refusal.

Side by side in one run, each a new process: this package from its built layer, with and without
its stubs; a handler on the product SDK, with and without bytecode; the standard library alone.
"""

from __future__ import annotations

import compileall
import os
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import trustme

from layers import build
from tests.bench import page
from tests.sandbox.acs3 import StsCredentials
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import ROOT
from tests.support.function_under_test import WITHOUT_PACING

RUNS = int(os.environ.get("RUNS", "15"))
WARM_CALLS = 100
HANDLERS = ROOT / "tests" / "bench" / "handlers"
REQUEST, REFUSED = '{"phone_number": "+8613800001234"}', '{"phone_number": "+861380"}'
WAYS = ("a code over HTTP", "a code over TLS", "a refusal")

#: The contender that the others are compared with.
COMPARED = "product SDK"


@dataclass(frozen=True)
class Contender:
    name: str
    module: str
    initializer: str
    path: tuple[Path, ...]
    #: The layer zipped and unpacked.
    bytes: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Figures:
    cpu_seconds: float
    wall_seconds: float
    warm_cpu_seconds: float
    #: Of it, the SDK's own call: signing, and the wire.
    call_cpu_seconds: float
    #: And this package's validation, turn and line in the log.
    checks_cpu_seconds: float
    peak_bytes: int


def start(contender: Contender, way: str, endpoint: str, ca_file: str) -> Figures:
    """Starts a process for one request, and after a code over TLS for many more."""
    is_refused = way == "a refusal"
    environment = {
        "CAMS_ENDPOINT": endpoint,
        "CUST_SPACE_IDS": "cams-one",
        "ALLOWED_COUNTRIES": "CN",
        "SSL_CERT_FILE": ca_file,
        **WITHOUT_PACING,
        "MAX_CALLS_PER_SECOND": "999999",
    }
    warm_calls = WARM_CALLS if way == "a code over TLS" else 0
    process = [sys.executable, "-S", "-E", "-B", str(Path(__file__).with_name("cold_process.py"))]
    asked = ["" if is_refused else contender.initializer, REFUSED if is_refused else REQUEST]
    command = [*process, contender.module, *asked, str(warm_calls), *map(str, contender.path)]
    began = time.monotonic()
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    code, *figures = ran.stdout.splitlines()[-1].split()
    ended_at, cpu, warm_cpu, call_cpu, checks_cpu, peak_kb = map(float, figures)
    assert code == ("InvalidRequest" if is_refused else "OK"), ran.stdout
    warm = warm_cpu / WARM_CALLS, call_cpu / WARM_CALLS, checks_cpu / WARM_CALLS
    return Figures(cpu, ended_at - began, *warm, int(peak_kb) * 1024)


def contenders(folder: Path) -> list[Contender]:
    """Builds and unpacks all of them."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    build.build_function([sys.executable], folder / "function.zip")
    code = _unpacked(folder / "function.zip")
    stubs = build.STUBS
    built = []
    for without in ("", *stubs, "any"):
        build.STUBS = {k: v for k, v in stubs.items() if without not in (k, "any")}
        archive = folder / f"without-{without}.zip"
        build.build_layer(version, sys.executable, archive)
        layer = (code, _unpacked(archive) / "python")
        name = "this package" + (f", without {without} stub" if without else "")
        built.append(Contender(name, "index", "initialize", layer, _sizes(archive)))
    build.STUBS = stubs
    handlers, compiled, bare = folder / "handlers", folder / "compiled", folder / "bare"
    shutil.copytree(HANDLERS, handlers)
    compileall.compile_dir(handlers, quiet=1)
    pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "install"]
    locked = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    locked += ["--requirement", str(HANDLERS / "requirements.txt")]
    subprocess.run([*pip, *locked, "--target", str(compiled)], check=True)
    shutil.copytree(compiled, bare, ignore=shutil.ignore_patterns("__pycache__"))
    for name, tree in ((COMPARED, compiled), (f"{COMPARED}, no bytecode", bare)):
        archive = folder / f"{tree.name}.zip"
        build._zip(tree, archive)
        built.append(Contender(name, "product_sdk", "", (handlers, tree), _sizes(archive)))
    return [*built, Contender("standard library", "standard_library", "", (handlers,))]


def _unpacked(archive: Path) -> Path:
    with zipfile.ZipFile(archive) as content:
        content.extractall(archive.with_suffix(""))
    return archive.with_suffix("")


def _sizes(archive: Path) -> tuple[int, int]:
    with zipfile.ZipFile(archive) as content:
        return archive.stat().st_size, sum(entry.file_size for entry in content.infolist())


def measure(built: list[Contender]) -> dict[tuple[str, str], list[Figures]]:
    """All of them in turn, again and again, so that what else the machine does meets all."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    measured = defaultdict(list)
    with tempfile.NamedTemporaryFile() as ca_file, CamsGateway() as plain, CamsGateway(tls) as over:
        authority.cert_pem.write_to_path(ca_file.name)
        for gateway in (plain, over):
            gateway.accept(StsCredentials("id", "key", "sts"))
            gateway.calls_per_second = 100_000
        for run in range(RUNS + 1):  # the first fills the file cache
            for contender in built:
                for way in WAYS:
                    endpoint = (over if "TLS" in way else plain).endpoint
                    figures = start(contender, way, endpoint, ca_file.name)
                    if run:
                        measured[contender.name, way].append(figures)
    return measured


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        built = contenders(Path(folder))
        measured = measure(built)

    compared = next(contender for contender in built if contender.name == COMPARED)

    def median(name: str, way: str, figure: str) -> float:
        return float(statistics.median(getattr(run, figure) for run in measured[name, way]))

    def cell(name: str, way: str, figure: str, scale: float, form: str) -> str:
        value = median(name, way, figure)
        return f"{form.format(value * scale)} ({value / median(COMPARED, way, figure):.2f})"

    waits, rests = [], []
    for contender in built:
        name = contender.name
        kinds = [(way, figure) for way in WAYS for figure in ("cpu_seconds", "wall_seconds")]
        waits.append([name, *(cell(name, way, figure, 1, "{:.3f} s") for way, figure in kinds)])
        sizes = [
            f"{size / 1e6:.1f} MB ({size / other:.2f})"
            for size, other in zip(contender.bytes, compared.bytes, strict=True)
        ]
        warm = cell(name, WAYS[1], "warm_cpu_seconds", 1000, "{:.2f} ms")
        parts = (median(name, WAYS[1], f"{part}_cpu_seconds") * 1000 for part in ("call", "checks"))
        of_it = [f"{milliseconds:.2f} ms" if milliseconds else "none" for milliseconds in parts]
        peak = cell(name, WAYS[1], "peak_bytes", 1e-6, "{:.1f} MB")
        rests.append([name, warm, *of_it, peak, *sizes])
        print(*waits[-1], *rests[-1][1:], sep=" | ", flush=True)
    header = [f"{way}, {kind}" for way in WAYS for kind in ("CPU", "wall")]
    page.write("cold_start.md", "cold start", ["", *header], waits)
    header = [
        "a warm call, CPU",
        "of it the SDK's call",
        "of it validation, turn, log",
        "peak memory",
        "layer, zipped",
        "layer, unpacked",
    ]
    page.write("cold_start.md", "what it costs", ["", *header], rests)


if __name__ == "__main__":
    main()
