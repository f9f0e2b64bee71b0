"""What may go wrong with a request: each fault, at each try, by each way, with each store."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from tests.sandbox.cams_gateway import Behaviour
from tests.sandbox.faults import FAULTS, OVER_TLS, Fault
from tests.support.asked import ASKING_FOR_STATUS, SENDING, VERIFYING, Asked
from verify_code.sending import MAX_ATTEMPTS

NUMBERS = ("8613800000030", "8613800000031", "8613800000032")
THROTTLED = Behaviour(
    400, b'{"Code": "Throttling.User", "Message": "slow"}', {"Connection": "close"}
)

#: Kinds of faults.
FLOW_CONTROL, OPERATOR = "flow control", "refused: the operator must fix it"

#: The API takes the call, and finds that the code isn't the one that was sent.
WRONG_CODE = Fault("a wrong code", "a wrong code")

#: Good answers to another question.
_NO_STATUS = (
    b'{"Code": "OK"}',
    b'{"Code": "OK", "Success": true, "Data": null}',
    b'{"Code": "OK", "Success": true, "Data": {"PhoneNumber": "8613800000030"}}',
    b'{"Code": "OK", "Success": true, "Data": {"CodeVerificationStatus": "PENDING"}}',
    b'{"Code": "OK", "Success": false, "Data": {"CodeVerificationStatus": "VERIFIED"}}',
)

#: By operation: the faults that only it can have.
OWN_FAULTS: dict[Asked, tuple[Fault, ...]] = {
    SENDING: (),
    VERIFYING: (WRONG_CODE,),
    ASKING_FOR_STATUS: tuple(
        Fault("OK without a status", body.decode(), Behaviour(200, body)) for body in _NO_STATUS
    ),
}


class Scenario(NamedTuple):
    asked: Asked
    fault: Fault
    #: So often flow control refuses the call before the fault comes.
    tries_before: int
    way: str
    store: str

    @property
    def numbers(self) -> Sequence[str]:
        return NUMBERS if self.way == "batch" else NUMBERS[:1]


def scenarios(asked: Asked) -> list[Scenario]:
    """All of an operation, over TLS."""
    faults = (*OVER_TLS, *FAULTS, *OWN_FAULTS[asked])
    stores = ("memory", "Valkey")
    product = itertools.product([asked], faults, range(MAX_ATTEMPTS), asked.ways, stores)
    return list(itertools.starmap(Scenario, product))
