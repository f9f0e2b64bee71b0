"""Where an event comes from: each trigger reads the request and shapes the reply.

A new trigger is a module with a class like theirs, and its line in the list.
"""

from __future__ import annotations

import re
from itertools import islice

from chatapp_code.fields import decode
from chatapp_code.triggers.cloud_event import CloudEvent
from chatapp_code.triggers.direct import DirectInvocation
from chatapp_code.triggers.http import ApiGateway, HttpTrigger
from chatapp_code.triggers.mns_topic import MnsTopic
from chatapp_code.triggers.no_request import SourceWithoutRequests
from chatapp_code.triggers.streams import EventStream
from chatapp_code.triggers.trigger import Trigger

#: Tried from the top; a direct invocation is whatever nobody else recognises.
TRIGGERS: tuple[type[Trigger], ...] = (
    HttpTrigger,
    ApiGateway,
    SourceWithoutRequests,
    CloudEvent,
    EventStream,
    MnsTopic,
)

#: Each comma or bracket of JSON can take 300 bytes of memory.
_MOST_PARTS = 500_000


def recognise(event: bytes) -> Trigger:
    """The trigger that an event came by; any bytes at all come by one."""
    if _has_too_many_parts(event):
        # Returned, a batch would pass for handled; raised, it is dead-lettered.
        return EventStream(None) if event.lstrip()[:1] == b"[" else DirectInvocation(event)
    content = decode(event)
    content = event if content is None else content
    for trigger in TRIGGERS:
        if trigger.recognises(content):
            return trigger(content)
    return DirectInvocation(event)


def _has_too_many_parts(event: bytes) -> bool:
    if sum(map(event.count, (b",", b"[", b"{"))) <= _MOST_PARTS:
        return False
    # A text, such as the body of an HTTP request, is one part, whatever stands in it.
    plain = event.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * _MOST_PARTS:  # more texts than so many parts have room for
        return True
    tokens = re.finditer(rb'"[^"]*"|([,\[{])', plain)
    parts = (token for token in tokens if token.lastindex)
    return next(islice(parts, _MOST_PARTS, None), None) is not None
