"""The operations of the API that this package calls: the name and the fields of each."""

from collections.abc import Callable
from dataclasses import dataclass

from verify_code.request import VerifyCodeRequest


@dataclass(frozen=True)
class Operation:
    """One operation of CAMS, version 2020-06-06."""

    action: str
    #: Makes the query fields of a request.
    query: Callable[[VerifyCodeRequest], dict[str, str]]


def _send_fields(request: VerifyCodeRequest) -> dict[str, str]:
    return {
        "CustSpaceId": request.cust_space_id,
        "Locale": request.locale,
        "Method": request.method,
        "PhoneNumber": request.phone_number.digits,
    }


SEND = Operation("GetChatappVerifyCode", _send_fields)
