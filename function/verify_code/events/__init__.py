"""Where an event comes from: each trigger reads the request and shapes the reply.

A new trigger is a module with a class like theirs, and its line in the list.
"""

from __future__ import annotations

from verify_code.events.cloud_event import CloudEvent
from verify_code.events.direct import DirectInvocation
from verify_code.events.http import ApiGateway, HttpTrigger
from verify_code.events.mns_topic import MnsTopic
from verify_code.events.no_request import SourceWithoutRequests
from verify_code.events.source import Trigger
from verify_code.events.streams import EventStream
from verify_code.fields import decode
from verify_code.result import Refused, refuse

#: Tried from the top; a direct invocation is whatever nobody else recognises.
TRIGGERS: tuple[type[Trigger], ...] = (
    HttpTrigger,
    ApiGateway,
    SourceWithoutRequests,
    CloudEvent,
    EventStream,
    MnsTopic,
)

#: More isn't decoded, which can take thirty times as much memory; a request has 16 KiB at most.
LARGEST_EVENT_BYTES = 4 * 1024 * 1024


def recognise(event: bytes) -> Trigger:
    """The trigger that an event came by; any bytes at all come by one."""
    try:
        if len(event) > LARGEST_EVENT_BYTES:
            text = "The event is too large: a request may hold 16 KiB, a batch 4 MiB."
            raise refuse("InvalidEvent", text, http_status=413)
        content = decode(event)
    except Refused as refusal:
        return _likely(event)(event, refusal)
    content = event if content is None else content
    for trigger in TRIGGERS:
        if trigger.recognises(content):
            return trigger(content)
    return DirectInvocation(event)


def _likely(event: bytes) -> type[Trigger]:
    """What an event looks like that isn't decoded: lest a reply be misread, or a batch be lost."""
    text = event.strip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"[" and text[-1:] == b"]":
        return EventStream
    if b'"isBase64Encoded"' in text and (b'"rawPath"' in text or b'"httpMethod"' in text):
        return HttpTrigger
    delivers_again = b'"specversion"' in text or b'"MessageMD5"' in text
    return CloudEvent if delivers_again else DirectInvocation
