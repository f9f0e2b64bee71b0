"""Asks WhatsApp, through CAMS, for the code that registers a business phone number."""

import gc
import os
import time

__version__ = "0.1.0"

#: When this process first imported the package, in seconds of ``time.monotonic()``.
IMPORTED_AT = time.monotonic()

# The imports create many objects and almost no garbage. index.py lowers this after them.
gc.set_threshold(100_000)

# To look for plugins, pydantic would read the metadata of every installed package.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
