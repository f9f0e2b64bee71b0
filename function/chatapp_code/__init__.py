"""Asks WhatsApp, through CAMS, for the code that registers a business phone number."""

__version__ = "0.1.0"
