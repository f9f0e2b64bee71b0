"""Deploys the package with Serverless Devs and the Alibaba Cloud CLI: `make deploy`.

    deploy.py deploy [http|events]   from a bare account to an address that answers
    deploy.py undeploy               takes all of it away
    deploy.py recipient EMAIL        lets a stack's alarms be sent to an address
    deploy.py values                 makes .env and the key pair, and deploys nothing
    deploy.py token CALLER           prints a token for one hour; without CALLER it has no sub

Every step first looks whether its work is done, so a second run changes only what changed, and a
run after a failure goes on where the last one stopped. docs/deploying.md explains it.
"""

from __future__ import annotations

import os
import sys

from deploying.deployment import Deployment
from deploying.key_pair import token
from deploying.monitoring_step import put_recipient
from deploying.names import FUNCTIONS, ROOT
from deploying.tools import StepFailed, need_log_plugin
from deploying.values import complete_values, is_email, read_values


def main(words: list[str]) -> int:
    """Runs one command; the exit status says whether it succeeded."""
    # Values and policy are made with the function's own settings and operations.
    sys.path.insert(0, str(ROOT / "function"))
    os.umask(0o077)  # what this writes, and what `s` logs, has secrets
    try:
        match words:
            case ["deploy", *only] if not only or (len(only) == 1 and only[0] in FUNCTIONS):
                is_new = "STORE_SECRET" not in read_values() and "STORE_SECRET" not in os.environ
                Deployment(complete_values(), tuple(only) or FUNCTIONS, is_new=is_new).deploy()
            case ["undeploy"]:
                Deployment(read_values(), FUNCTIONS).undeploy()
            case ["recipient", *email]:
                print(recipient(" ".join(email)))
            case ["token", *caller]:
                print(token(read_values(), *caller))
            case ["values"]:
                complete_values()
            case _:
                print("Write: make deploy, make deploy ONLY=http, or make deploy ONLY=events.")
                return 2
    except StepFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. Run the same command again: it goes on from here.", file=sys.stderr)
        return 130
    return 0


def recipient(email: str) -> str:
    """Lets a stack's alarms be sent to an address; says what was made for it."""
    if not is_email(email):
        raise StepFailed("Write one e-mail address: make recipient EMAIL=…")
    need_log_plugin()
    return put_recipient(email)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
