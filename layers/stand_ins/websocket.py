"""Stands in for websocket-client, which carries the SDK's calls to APIs over WebSocket."""

from stand_in import StandIn

for name in ("websocket", "websocket._abnf", "websocket._abnf.ABNF"):
    StandIn(name)
