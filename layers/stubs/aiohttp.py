"""Stands in for aiohttp, which makes the SDK's asynchronous calls."""

from stub import Stub

for name in ("aiohttp", "aiohttp.ClientResponse", "aiohttp.ClientSession"):
    Stub(name)
