"""Asks WhatsApp, through CAMS, for the code that registers a business phone number."""

import gc

# The imports make tens of thousands of objects and hardly any garbage: it isn't looked for.
gc.set_threshold(100_000)

__version__ = "0.1.0"
