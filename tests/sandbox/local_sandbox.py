"""What the commands have in common: the gateway and the platform, and how a request is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from tests.sandbox.cams_api import Message
from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute

NUMBER = {"phone_number": "+86 138 0000 1234"}
BY_HTTP = {**NUMBER, "method": "sms", "locale": "zh-Hans-CN"}
DIRECTLY = {"PhoneNumber": "+65 8123 4567", "Method": "voice", "Locale": "en_SG"}


@contextlib.contextmanager
def local_sandbox(
    port: int = 0, on_log: Callable[[str], None] | None = None
) -> Iterator[tuple[CamsGateway, FunctionCompute]]:
    """A gateway that prints each code it sends, and a platform that may call it."""
    with CamsGateway(on_message=_show) as gateway:
        environment = {
            "CAMS_ENDPOINT": gateway.endpoint,
            "CUST_SPACE_IDS": "cams-sandbox",
            "ALLOWED_COUNTRIES": "CN,SG,ID,BR",
            "OPERATIONS": "send,status,verify",
        }
        try:
            platform = FunctionCompute(environment, port=port, on_log=on_log)
        except OSError as failure:
            text = f"Port {port} can't be used ({failure.strerror}): name another with PORT=."
            raise SystemExit(text) from None
        with platform:
            gateway.accept(platform.credentials)
            yield gateway, platform


def as_sent(code: str) -> str:
    """The code as WhatsApp writes it."""
    return f"{code[:3]}-{code[3:]}"


def _show(message: Message) -> None:
    print(
        f"   sent:    to +{message.phone_number} by {message.method} in {message.locale}: "
        f"WhatsApp code {as_sent(message.code)}",
        flush=True,
    )
