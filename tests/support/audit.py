"""``make audit``: known vulnerabilities in what is deployed, and secrets in what is checked in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK = "layers/requirements.txt"

#: What looks like a secret and is none: examples, and secrets that tests made up.
NO_SECRETS = {
    ("tests/deployment/test_chain.py", "Basic Auth Credentials"),
    ("tests/deployment/test_values.py", "Basic Auth Credentials"),
    ("function/verify_code/setting_types.py", "Basic Auth Credentials"),
    ("template.yml", "Basic Auth Credentials"),
    ("tests/support/valkey.py", "Secret Keyword"),
    ("tests/sandbox_tests/test_acs3.py", "Hex High Entropy String"),
    ("tests/deployment/control_plane.py", "Secret Keyword"),
    ("tests/deployment/test_chain.py", "Secret Keyword"),
    ("tests/deployment/test_deployment.py", "Basic Auth Credentials"),
    ("tests/function/test_logs.py", "Hex High Entropy String"),
    ("tests/function/test_settings.py", "Basic Auth Credentials"),
    ("tests/function/test_settings.py", "Secret Keyword"),
    ("tests/function/test_store.py", "Basic Auth Credentials"),
}


def vulnerabilities() -> list[str]:
    """What is known of the locked packages; it says loudly what it could not look up."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", LOCK, "--require-hashes"]
    options = ["--disable-pip", "--timeout", "5", "--progress-spinner", "off", "--format", "json"]
    try:
        ran = subprocess.run(
            [*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        packages: list[Any] = json.loads(ran.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        packages = [{"skip_reason": ""}]
    if skipped := sum("skip_reason" in package for package in packages):
        print(
            f"SKIPPED: known vulnerabilities, for {skipped} of {len(packages)} packages: "
            "they could not be looked up, which needs the network."
        )
    return [
        f"{package['name']} {package['version']}: {found['id']}"
        for package in packages
        for found in package.get("vulns", ())
    ]


def secrets() -> list[str]:
    """What looks like a secret in the files that git has."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    files = [
        name
        for name in listed.stdout.splitlines()
        # Neither recorded events, nor the locks with their hashes.
        if not name.startswith("tests/events/") and not name.endswith("requirements.txt")
    ]
    if not files:
        print("SKIPPED: the scan for secrets, since this is no checkout of git.")
        return []
    scan = [sys.executable, "-m", "detect_secrets", "scan", *files]
    found = json.loads(subprocess.check_output(scan, cwd=ROOT))["results"]
    places = {
        (file, each["type"]): each["line_number"] for file, finds in found.items() for each in finds
    }
    return [
        *(f"{file}:{places[file, kind]}: {kind}" for file, kind in places.keys() - NO_SECRETS),
        *(
            f"{file}: no {kind} any more: strike it out"
            for file, kind in NO_SECRETS - places.keys()
        ),
    ]


def main() -> int:
    problems = [*vulnerabilities(), *secrets()]
    print("\n".join(problems) or "Nothing was found.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
