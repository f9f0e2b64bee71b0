"""What an app user waits for at a new instance: whole processes, from start to first code.

Side by side in one run, each a new process with only its layer on the path: this package, with and
without its stubs; a handler on the named packages; a handler on the product SDK,
with and without bytecode; the standard library alone. RUNS says how often, SHARES of which CPU.
"""

from __future__ import annotations

import compileall
import json
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml

from deploying.values import FIGURES
from layers import build
from tests.bench import cpu_share, page
from tests.sandbox.acs3 import StsCredentials
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import ROOT
from tests.support import costs
from tests.support.function_under_test import WITHOUT_PACING
from tests.support.valkey import Valkey

RUNS = int(os.environ.get("RUNS", "15"))
#: A start with a small share of a CPU takes long, so that these are fewer.
SHARED_RUNS = max(1, RUNS // 3)
WARM_CALLS = 100
HANDLERS = ROOT / "tests" / "bench" / "handlers"

DEPLOYED = yaml.safe_load((ROOT / "s.yaml").read_text())["resources"]["http"]["props"]
DEPLOYED_CPU = DEPLOYED["cpu"]
SHARES = sorted({DEPLOYED_CPU, *map(float, os.environ.get("SHARES", "0.25,0.35,1").split(","))})

OURS, BARE, STANDARD = "this package", "this package, without stubs", "standard library"
NAMED, PRODUCT, UNCOMPILED = "named packages", "product SDK", "product SDK, no bytecode"

#: What the CPU and the memory are measured with: the rest between calls is next to nothing.
UNPACED = {**WITHOUT_PACING, "MAX_CALLS_PER_SECOND": "999999"}


@dataclass(frozen=True)
class Contender:
    name: str
    module: str
    initializer: str
    path: tuple[Path, ...]
    zipped_bytes: int = 0
    unpacked_bytes: int = 0


@dataclass(frozen=True)
class Started:
    """What one process told of itself."""

    code: str
    cpu_seconds: float
    wall_seconds: float
    warm_cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Target:
    what: str
    figure: str
    of: str
    limit: float


TARGETS = (
    Target("CPU to the first code", "cpu_seconds", NAMED, 0.65),
    Target("CPU to the first code", "cpu_seconds", PRODUCT, 0.70),
    Target("CPU to the first code", "cpu_seconds", UNCOMPILED, 0.25),
    Target("CPU of a warm call", "warm_cpu_seconds", NAMED, 1.05),
    Target("peak memory", "peak_bytes", PRODUCT, 0.75),
    Target("layer, zipped", "zipped_bytes", PRODUCT, 0.65),
)


@dataclass(frozen=True)
class Bench:
    """The gateway over TLS, the store beside it, and who is measured."""

    contenders: dict[str, Contender]
    gateway: CamsGateway
    ca_file: str
    valkey: Valkey

    def start(
        self,
        name: str,
        settings: Mapping[str, str],
        number: str = "+8613800001234",
        warm_calls: int = 0,
        prefix: Sequence[str] = (),
    ) -> Started:
        """Starts a process, which asks for one code, and then for some more."""
        contender = self.contenders[name]
        environment = {
            "CAMS_ENDPOINT": self.gateway.endpoint,
            "CUST_SPACE_IDS": "cams-one",
            "ALLOWED_COUNTRIES": "CN",
            "SSL_CERT_FILE": self.ca_file,
            **settings,
        }
        process = Path(__file__).with_name("cold_process.py")
        asked = [contender.initializer, json.dumps({"phone_number": number}), str(warm_calls)]
        command = [*prefix, sys.executable, "-S", "-E", "-B", str(process), contender.module]
        command += [*asked, *map(str, contender.path)]
        began = time.monotonic()
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        code, *figures = ran.stdout.splitlines()[-1].split()
        ended_at, cpu, warm_cpu, peak_kb = map(float, figures)
        return Started(
            code, cpu, ended_at - began, warm_cpu / max(1, warm_calls), int(peak_kb) * 1024
        )


@contextmanager
def bench() -> Iterator[Bench]:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with (
        tempfile.TemporaryDirectory() as folder,
        CamsGateway(tls) as gateway,
        Valkey("--maxmemory-policy noeviction") as valkey,
    ):
        ca_file = Path(folder, "ca.pem")
        authority.cert_pem.write_to_path(str(ca_file))
        gateway.accept(StsCredentials("id", "key", "sts"))
        gateway.calls_per_second = 100_000
        built = {contender.name: contender for contender in contenders(Path(folder))}
        yield Bench(built, gateway, str(ca_file), valkey)


def contenders(folder: Path) -> Iterator[Contender]:
    """Builds and unpacks all of them."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    build.build_function([sys.executable], folder / "function.zip")
    code = _unpacked(folder / "function.zip")
    stubs = build.STUBS
    for name, archive in ((OURS, folder / "ours.zip"), (BARE, folder / "bare.zip")):
        build.STUBS = stubs if name == OURS else {}
        build.build_layer(version, sys.executable, archive)
        layer = (code, _unpacked(archive) / "python")
        yield Contender(name, "index", "initialize", layer, *_sizes(archive))
    build.STUBS = stubs

    handlers = folder / "handlers"
    shutil.copytree(HANDLERS, handlers)
    compileall.compile_dir(handlers, quiet=1)
    named = _installed(handlers / "named" / "requirements.txt", folder / "named")
    product = _installed(handlers / "requirements.txt", folder / "product")
    uncompiled = folder / "uncompiled"
    shutil.copytree(product, uncompiled, ignore=shutil.ignore_patterns("__pycache__"))
    for name, module, tree in (
        (NAMED, "named_packages", named),
        (PRODUCT, "product_sdk", product),
        (UNCOMPILED, "product_sdk", uncompiled),
    ):
        archive = folder / f"{tree.name}.zip"
        build.write_zip(tree, archive)
        yield Contender(name, module, "", (handlers, tree), *_sizes(archive))
    yield Contender(STANDARD, "standard_library", "", (handlers,))


def _installed(requirements: Path, tree: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "install"]
    locked = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    locked += ["--requirement", str(requirements)]
    subprocess.run([*pip, *locked, "--target", str(tree)], check=True)
    return tree


def _unpacked(archive: Path) -> Path:
    with zipfile.ZipFile(archive) as content:
        content.extractall(archive.with_suffix(""))
    return archive.with_suffix("")


def _sizes(archive: Path) -> tuple[int, int]:
    with zipfile.ZipFile(archive) as content:
        return archive.stat().st_size, sum(entry.file_size for entry in content.infolist())


def at_full_speed(bench: Bench) -> dict[str, dict[str, float]]:
    """Each contender's figures: medians, and the sizes of its layer.

    All of them start in turn, again and again, so that what else the machine does meets all.
    """
    started = defaultdict(list)
    for run in range(RUNS + 1):  # the first fills the file cache
        for name in bench.contenders:
            measured = bench.start(name, UNPACED, warm_calls=WARM_CALLS)
            assert measured.code == "OK", measured
            if run:
                started[name].append(vars(measured))
    kinds = ("cpu_seconds", "wall_seconds", "warm_cpu_seconds", "peak_bytes")
    return {
        name: {kind: statistics.median(each[kind] for each in started[name]) for kind in kinds}
        | {kind: vars(contender)[kind] for kind in ("zipped_bytes", "unpacked_bytes")}
        for name, contender in bench.contenders.items()
    }


def as_deployed(bench: Bench, share: float | None) -> Iterator[tuple[str, Started]]:
    """Starts each contender once as it would be deployed; with a share, under such a quota."""
    in_memory = {
        "9 instances": ("9", "9"),
        "as deployed": (
            FIGURES["memory"]["HTTP_INSTANCES"],
            FIGURES["memory"]["HTTP_CALLS_PER_SECOND"],
        ),
    }
    quota: AbstractContextManager[list[str]]
    quota = cpu_share.limited(share) if share else nullcontext([])
    with quota as prefix:
        for what, (instances, calls) in in_memory.items():
            settings = {"RESERVED_CONCURRENCY": instances, "MAX_CALLS_PER_SECOND": calls}
            yield f"{OURS}, memory, {what}", bench.start(OURS, settings, prefix=prefix)
        settings = {
            "RESERVED_CONCURRENCY": FIGURES["store"]["HTTP_INSTANCES"],
            "MAX_CALLS_PER_SECOND": FIGURES["store"]["HTTP_CALLS_PER_SECOND"],
            **bench.valkey.settings,
        }
        bench.valkey.empty()
        for what, number in (("unused", "+8613800001234"), ("in use", "+8613800001235")):
            yield f"{OURS}, store {what}", bench.start(OURS, settings, number, prefix=prefix)
        for name in (NAMED, PRODUCT, UNCOMPILED, STANDARD):
            yield name, bench.start(name, {}, prefix=prefix)


def waits(bench: Bench) -> None:
    """The table of the wall time to the first code with shares of a CPU, and of its price."""
    is_limited = cpu_share.can_be_limited()
    started: dict[tuple[str, float], list[Started]] = defaultdict(list)
    for _ in range(SHARED_RUNS):
        for share in SHARES if is_limited else [1.0]:
            for name, measured in as_deployed(bench, share if is_limited else None):
                started[name, share].append(measured)
    rows = []
    for name in dict.fromkeys(name for name, _ in started):
        row = [name]
        for share in SHARES:
            runs = started[name, share if is_limited else 1.0]
            seconds = [each.wall_seconds for each in runs if each.code == "OK"]
            if not is_limited:  # what the process waits for may hide what it computes
                seconds = [max(each.wall_seconds, each.cpu_seconds / share) for each in runs]
            cell = f"{statistics.median(seconds):.2f} s" if seconds else ""
            refused = sorted({each.code for each in runs} - {"OK"})
            row.append(" ".join([cell, *refused]).strip())
            if share == DEPLOYED_CPU:
                price = f"{costs.cny(statistics.median(seconds)) * 1e6:.0f} CNY" if seconds else ""
        rows.append([*row, price])
        print(*rows[-1], sep=" | ", flush=True)
    kind = "" if is_limited else ", estimate"
    header = ["", *(f"{share:g} CPU{kind}" for share in SHARES)]
    header.append(f"a million such codes at {DEPLOYED_CPU:g}")
    note = (
        f"Medians of {SHARED_RUNS}, under the quota of a cgroup."
        if is_limited
        else "No quota could be set on this machine: these are estimates, CPU seconds / share, or "
        f"the wall time at full speed where that is longer; medians of {SHARED_RUNS}."
    )
    print(note)
    page.write("cold_start.md", "as deployed", header, rows, note, [f"{DEPLOYED_CPU:g} CPU{kind}"])


def main() -> None:
    with bench() as ready:
        figures = at_full_speed(ready)
        at_full(figures)
        waits(ready)
    targets(figures)


def at_full(figures: Mapping[str, Mapping[str, float]]) -> None:
    """The table of what each takes at full speed."""
    kinds = {
        "first code, CPU": ("cpu_seconds", "{:.3f} s", 1),
        "first code, wall": ("wall_seconds", "{:.3f} s", 1),
        "warm call, CPU": ("warm_cpu_seconds", "{:.2f} ms", 1e3),
        "peak memory": ("peak_bytes", "{:.1f} MB", 1e-6),
        "layer, zipped": ("zipped_bytes", "{:.1f} MB", 1e-6),
        "layer, unpacked": ("unpacked_bytes", "{:.1f} MB", 1e-6),
    }
    rows = []
    for name, measured in figures.items():
        row = [name]
        for kind, form, scale in kinds.values():
            ratio = measured[kind] / figures[NAMED][kind]
            row.append(f"{form.format(measured[kind] * scale)} ({ratio:.2f})")
        rows.append(row)
        print(*row, sep=" | ", flush=True)
    shown = ("first code, CPU", "peak memory")
    note = f"Medians of {RUNS}."
    page.write("cold_start.md", "cold start", ["", *kinds], rows, note, shown)


def targets(figures: Mapping[str, Mapping[str, float]]) -> None:
    """The table of what was to be reached; nothing fails when it isn't."""
    rows = []
    for target in TARGETS:
        seen = figures[OURS][target.figure] / figures[target.of][target.figure]
        met = "yes" if seen <= target.limit else "no"
        rows.append(
            [f"{target.what}, beside {target.of}", f"{target.limit:.2f}", f"{seen:.2f}", met]
        )
    missed = [f"{what}: {seen} of {limit}" for what, limit, seen, met in rows if met == "no"]
    met = f"{len(rows) - len(missed)} of {len(rows)}"
    rows.append(["**all**", "", "", "; missed ".join([met, *missed])])
    header = ["target", "limit", "seen", "met"]
    for row in (header, *rows):
        print(*row, sep=" | ")
    page.write("cold_start.md", "targets", header, rows, shown=["met"])


if __name__ == "__main__":
    main()
