"""The values of .env: read, asked for, made, checked and written."""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Callable
from functools import partial

from deploying.key_pair import new_key_set
from deploying.names import ENV_FILE, PREFIXES, PRIVATE_KEY
from deploying.tools import StepFailed

#: A line of .env, in which `s` allows blanks around the sign, too.
LINE = r"\s*(?:export\s+)?(\w+)\s*=(.*)"

#: Instances and calls a second of the two functions. In memory each function counts alone, so the
#: calls add up to 9; with a store both take turns from the same 9.
FIGURES = {
    "memory": {
        "HTTP_INSTANCES": "1",
        "HTTP_CALLS_PER_SECOND": "5",
        "EVENT_INSTANCES": "1",
        "EVENT_CALLS_PER_SECOND": "4",
    },
    "store": {
        "HTTP_INSTANCES": "6",
        "HTTP_CALLS_PER_SECOND": "9",
        "EVENT_INSTANCES": "3",
        "EVENT_CALLS_PER_SECOND": "9",
    },
}

SPACES = "Spaces to use (CustSpaceId), separated by commas, the first is the default: "
COUNTRIES = "Countries that codes may be sent to, as ISO 3166 codes such as SG,ID: "
STORE = """
Where should the record of sent codes and the limits be kept?
  a store   redis://… or rediss://… (Tair, Redis, Valkey): all instances of both functions share it.
  memory    nothing to run. HTTP gets 1 instance and 5 calls a second, events 1 and 4. Duplicates
            and limits hold within one function until its instance is recycled, limits count once
            for each function, and simultaneous callers get the platform's 429.
The store's URL, or memory: """
ALARMS = "E-mail address that alarms are sent to (empty for no alarms): "
VPC = "If the store is in a VPC: vpc-…,vsw-…,sg-… (else empty): "


def complete_values() -> dict[str, str]:
    """The values of .env, which is made or completed first."""
    written = read_values()
    value = {**written}

    def fill(name: str, question: str = "", make: Callable[[], str] = str) -> None:
        given = os.environ.get(name, "").strip()
        if name not in value or (question and not value[name]):
            value[name] = given or (prompt(name, question) if question else make())
        elif given and given != value[name]:
            print(f"{name} of {ENV_FILE} is used, not the environment's.", file=sys.stderr)

    fill("REGION", make=lambda: "ap-southeast-1")
    fill("RUNTIME", make=lambda: "python3.10")
    fill("CUST_SPACE_IDS", question=SPACES)
    fill("ALLOWED_COUNTRIES", question=COUNTRIES)
    fill("STORE_URL", question=STORE)
    if value["STORE_URL"] == "memory":
        value["STORE_URL"] = "memory://"
    in_memory = value["STORE_URL"] == "memory://"
    fill("VPC_CONFIG", make=lambda: "" if in_memory or not sys.stdin.isatty() else prompt_vpc())
    figures = FIGURES["memory" if in_memory else "store"]
    others = FIGURES["store" if in_memory else "memory"]
    if others.items() <= value.items():  # the choice of a store was changed, the figures were not
        value |= figures
    for name in figures:
        fill(name, make=partial(figures.__getitem__, name))
    fill("TEST_NUMBERS")
    fill("ALARM_EMAIL", make=lambda: input(ALARMS).strip() if sys.stdin.isatty() else "")
    fill("OPERATIONS", make=lambda: "send")
    fill("STORE_SECRET", make=lambda: secrets.token_hex(32))
    fill("CALLER_HEADER", make=lambda: f"x-caller-{secrets.token_hex(12)}")
    fill("CUST_SPACE_HEADER", make=lambda: f"x-cust-space-{secrets.token_hex(12)}")
    fill("JWKS", make=new_key_set)
    check_values(value)
    changed = {name: text for name, text in value.items() if written.get(name) != text}
    if changed:
        write_values(changed)
        told = f"{ENV_FILE} has new values. Keep it and {PRIVATE_KEY} secret; git ignores both."
        print(told, file=sys.stderr)
    return value


def read_values() -> dict[str, str]:
    """What is written in .env; none if there is no such file."""
    if not ENV_FILE.exists():
        return {}
    value = {}
    for line in ENV_FILE.read_text("utf-8").splitlines():
        found = re.fullmatch(LINE, line)
        if found:
            value[found[1]] = re.sub(r"^(['\"])(.*)\1$", r"\2", found[2].strip()).strip()
        elif line.strip() and not line.lstrip().startswith("#"):
            raise StepFailed(
                f"{ENV_FILE} has a line that is not NAME='value'. Nothing was changed."
            )
    return value


def write_values(changed: dict[str, str]) -> None:
    """Puts values into .env, each in the place where it stood; only its owner may read the file."""
    lines = ENV_FILE.read_text("utf-8").splitlines() if ENV_FILE.exists() else []
    for name, value in changed.items():
        at = [i for i, each in enumerate(lines) if (m := re.fullmatch(LINE, each)) and m[1] == name]
        if at:
            lines[at[0]] = f"{name}='{value}'"
        else:
            lines.append(f"{name}='{value}'")
    new = ENV_FILE.with_suffix(".new")
    new.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    new.replace(ENV_FILE)


def prompt(name: str, question: str) -> str:
    """What the user types; without a terminal a sentence says what to set."""
    if not sys.stdin.isatty():
        raise StepFailed(
            f"{name} is missing. Set it in the environment, or run `make deploy` in a terminal, "
            "which asks for it. Nothing was changed."
        )
    while not (answer := input(question).strip()):
        pass
    return answer


def prompt_vpc() -> str:
    """The VPC in the form that s.yaml takes; empty for none."""
    ids = [each.strip() for each in input(VPC).split(",") if each.strip()]
    if not ids:
        return ""
    if [each.partition("-")[0] for each in ids] != ["vpc", "vsw", "sg"]:
        raise StepFailed("Write the VPC as vpc-…,vsw-…,sg-…: one of each. Nothing was changed.")
    return json.dumps({"vpcId": ids[0], "vSwitchIds": [ids[1]], "securityGroupId": ids[2]})


def check_values(value: dict[str, str]) -> None:
    """Lets the function itself read its settings before anything is created."""
    # Here, since `make recipient` runs without the packages of layers/requirements.txt.
    from verify_code.settings import MAX_CALLS_PER_SECOND, SettingsError, load

    for name in ("VPC_CONFIG", "JWKS"):
        try:
            json.loads(value[name] or "{}")
        except ValueError:
            raise StepFailed(f"{name} must be JSON. Nothing was changed.") from None
    # `s` reads the file, too: it puts variables in the place of $NAME.
    unfit = [name for name, text in value.items() if re.search(r"['$\n]", text)]
    if unfit:
        raise StepFailed(
            f"{unfit[0]} must be one line without ' and $ (in a URL write %27 and %24). "
            "Nothing was changed."
        )
    if value["ALARM_EMAIL"] and not is_email(value["ALARM_EMAIL"]):
        raise StepFailed("ALARM_EMAIL must be one e-mail address, or empty. Nothing was changed.")
    calls = 0
    for function, prefix in PREFIXES.items():
        if value[f"{prefix}_INSTANCES"] == "0":
            continue  # it never runs
        settings = value | {
            "RESERVED_CONCURRENCY": value[f"{prefix}_INSTANCES"],
            "MAX_CALLS_PER_SECOND": value[f"{prefix}_CALLS_PER_SECOND"],
        }
        try:
            calls += load(settings, 20).max_calls_per_second
        except SettingsError as wrong:
            told = f"A value in {ENV_FILE} or in the environment is wrong: {wrong}"
            raise StepFailed(f"{told} (function {function}). Nothing was changed.") from None
    if value["STORE_URL"] == "memory://" and calls > MAX_CALLS_PER_SECOND:
        raise StepFailed(
            "With memory:// HTTP_CALLS_PER_SECOND and EVENT_CALLS_PER_SECOND add up to at most "
            f"{MAX_CALLS_PER_SECOND}, since no function knows of the other. Nothing was changed."
        )


def is_email(text: str) -> bool:
    """Is it one e-mail address?"""
    return bool(re.fullmatch(r"[^@\s,'\"]+@[^@\s,'\"]+", text))
