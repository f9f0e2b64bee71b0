"""Stands in for aiohttp, which makes the SDK's asynchronous calls."""

from stand_in import StandIn

for name in ("aiohttp", "aiohttp.ClientResponse", "aiohttp.ClientSession"):
    StandIn(name)
