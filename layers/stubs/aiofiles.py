"""Stands in for aiofiles, with which the SDK reads credential files asynchronously."""

from stub import Stub

Stub("aiofiles")
