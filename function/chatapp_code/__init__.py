"""Asks WhatsApp, through CAMS, for the code that registers a business phone number."""

import os

# To look for plugins, pydantic would read the metadata of all that is installed.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

__version__ = "0.1.0"
