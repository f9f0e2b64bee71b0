"""Stands in for websocket-client, with which the SDK keeps connections open for other products."""

from stub import Stub

for name in ("websocket", "websocket._abnf", "websocket._abnf.ABNF"):
    Stub(name)
