"""The names that several modules use."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]

#: The package's name, which all that is made bears or begins with.
NAME = "chatapp-verify-code"
LOGSTORE = "function-log"

#: Each function, and how the names of its variables in .env begin.
PREFIXES = {"http": "HTTP", "events": "EVENT"}
FUNCTIONS = tuple(PREFIXES)

ENV_FILE, PRIVATE_KEY = Path(".env"), Path("private.pem")
