"""What the gateway can do to a call, by name: the bench tries all, the console switches them on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple, get_args

from tests.sandbox import cams_gateway
from tests.sandbox.cams_gateway import Behaviour, Handshake, Stage

TAKEN = Behaviour(takes_effect=True)

_EFFECT = ", and it took effect"

_BREAKS: dict[cams_gateway.Fault, str] = {
    "close": "connection closed",
    "reset": "connection reset",
    "hang": "connection hangs",
    "drip": "connection drips",
}

#: The kind, the HTTP status and the body of each answer.
_ANSWERS: tuple[tuple[str, int, bytes], ...] = (
    ("flow control", 400, b'{"Code": "Throttling.User"}'),
    ("flow control", 503, b'{"Code": "Throttling"}'),
    ("flow control", 200, b'{"Code": "System.LimitControl"}'),
    ("flow control", 429, b"slow"),
    ("refused: the operator must fix it", 403, b'{"Code": "Product.Unsubscript"}'),
    ("refused: the operator must fix it", 403, b'{"Code": "Ram.PermissionDeny"}'),
    ("refused: the operator must fix it", 400, b'{"Code": "SignatureDoesNotMatch"}'),
    ("refused", 400, b'{"Code": "136024", "Message": "Too many attempts."}'),
    ("refused", 200, b'{"Code": "Failed", "Success": false}'),
    ("refused", 400, b'{"Code": "InvalidParameter.Locale"}'),
    ("its server failed", 500, b'{"Code": "InternalError"}'),
    ("its server failed", 503, b'{"Code": "ServiceUnavailable"}'),
    ("its server failed", 200, b'{"Code": "999999"}'),
    ("an answer that says neither", 200, b""),
    ("an answer that says neither", 200, b"[]"),
    ("an answer that says neither", 200, b"<html>"),
    ("an answer that says neither", 200, b'{"Code": "OK", "Success": false}'),
    ("an answer that says neither", 200, b'{"Code": "0"}'),
    ("an answer that says neither", 302, b""),
    ("an answer that says neither", 502, b"<html>"),
)


class Fault(NamedTuple):
    """Faults of one kind are told together."""

    kind: str
    name: str
    behaviour: Behaviour = TAKEN
    handshake: Handshake = "normal"


def _broken() -> Iterator[Fault]:
    for fault, stage in itertools.product(_BREAKS, get_args(Stage)):
        if fault == "drip" and not stage.startswith("in_"):
            continue  # before the answer there is nothing to drip
        is_read = stage not in ("before_reading", "while_reading")
        for effect in (False, True) if is_read else (False,):
            told = f"{fault} {stage.replace('_', ' ')}{_EFFECT if effect else ''}"
            behaviour = Behaviour(stage=stage, fault=fault, takes_effect=effect)
            yield Fault(_BREAKS[fault], told, behaviour)


def _answered() -> Iterator[Fault]:
    for kind, status, body in _ANSWERS:
        told = f"{status} {body.decode() or 'empty'}"
        yield Fault(kind, told, Behaviour(status, body))
        if kind in ("its server failed", "an answer that says neither"):
            yield Fault(kind, told + _EFFECT, Behaviour(status, body, takes_effect=True))


#: Over HTTP and TLS.
FAULTS = (*_broken(), *_answered())

OVER_TLS = (
    *(Fault("TLS handshake fails", kind, handshake=kind) for kind in ("cut", "garbage", "hang")),
    Fault("a bad TLS record", "bad TLS record", Behaviour(fault="bad_tls_record")),
    Fault(
        "a bad TLS record",
        f"bad TLS record{_EFFECT}",
        Behaviour(fault="bad_tls_record", takes_effect=True),
    ),
)
