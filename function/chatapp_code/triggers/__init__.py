"""Where an event comes from: each trigger reads the request and shapes the reply.

A new trigger is a module with a class like theirs, and its line in the list.
"""

from __future__ import annotations

from chatapp_code.triggers.cloud_event import CloudEvent
from chatapp_code.triggers.direct import DirectInvocation
from chatapp_code.triggers.http import ApiGateway, HttpTrigger
from chatapp_code.triggers.mns_topic import MnsTopic
from chatapp_code.triggers.no_request import SourceWithoutRequests
from chatapp_code.triggers.streams import EventStream
from chatapp_code.triggers.trigger import Trigger, decode

#: Tried from the top; a direct invocation is whatever nobody else recognises.
TRIGGERS: tuple[type[Trigger], ...] = (
    HttpTrigger,
    ApiGateway,
    SourceWithoutRequests,
    CloudEvent,
    EventStream,
    MnsTopic,
)


#: Each comma or bracket of JSON can take 300 bytes of memory: more than a batch of 10,000 has.
_MOST_PARTS = 500_000


def recognise(event: bytes) -> Trigger:
    """The trigger that an event came by; any bytes at all come by one."""
    parts = sum(map(event.count, (b",", b"[", b"{")))
    content = decode(event) if parts <= _MOST_PARTS else None
    for trigger in TRIGGERS:
        if trigger.recognises(content):
            return trigger(content)
    return DirectInvocation(event)
