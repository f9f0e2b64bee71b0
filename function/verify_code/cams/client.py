"""The one API call, GetChatappVerifyCode, through the SDK and this package's own transport."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_credentials.provider.refreshable import Credentials
from alibabacloud_credentials_api import ICredentialsProvider
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.core import DaraCore
from darabonba.request import DaraRequest
from darabonba.runtime import RuntimeOptions

from verify_code import __version__, credentials, logs
from verify_code.cams.transport import Exchange, Transport
from verify_code.request import VerifyCodeRequest
from verify_code.settings import Settings

logs.silence_libraries()  # the imports above have added handlers

_CALL = Params(
    action="GetChatappVerifyCode",
    version="2020-06-06",
    protocol="HTTPS",
    pathname="/",
    method="POST",
    auth_type="AK",
    style="RPC",
    req_body_type="formData",
    body_type="json",
)

#: What is shorter is no key and no token, and may stand in an answer by chance.
_SHORTEST_SECRET = 16

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Cams:
    """The client of an instance: made once, asked by one invocation at a time."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._role = _RoleProvider()
        scheme, host, port = settings.cams_endpoint
        self._transport = Transport(scheme, host, port, clock)
        name = f"[{host}]" if ":" in host else host
        self._client = Client(
            Config(
                credential=CredentialClient(provider=self._role),
                endpoint=name if port == _DEFAULT_PORTS[scheme] else f"{name}:{port}",
                protocol=scheme.upper(),
                user_agent=f"chatapp-verify-code/{__version__}",
            )
        )

    def open(self) -> None:
        """Opens the connection unless a good one is open; raises OSError if it can't."""
        self._transport.open(self._settings.connect_timeout_seconds)

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    def call(self, request: VerifyCodeRequest, context: Any, latest_start: float) -> Exchange:
        """Sends the request once over the open connection; never raises for what comes of it."""
        deadline = self._clock() + self._settings.read_timeout_seconds
        exchange = Exchange(deadline, latest_start)
        # The SDK's own would follow redirects, and can't say what was written.
        DaraCore.do_action = partial(self._do_action, exchange)
        self._role.context = context
        query = {
            "CustSpaceId": request.cust_space_id,
            "Locale": request.locale,
            "Method": request.method,
            "PhoneNumber": request.phone_number.digits,
        }
        try:
            self._client.call_api(_CALL, OpenApiRequest(query=query), RuntimeOptions())
        except Exception:  # noqa: S110
            pass  # what happened stands in the exchange, and the exception's text has the number
        finally:
            self._role.context = None
        if exchange.body is not None:
            exchange.body = _without_credentials(exchange.body, context)
        return exchange

    def _do_action(self, exchange: Exchange, request: DaraRequest, _: Any) -> None:
        target = f"{request.pathname}?{urlencode(request.query)}"
        self._transport.send(exchange, request.method, target, request.headers, request.body or b"")
        raise _Done


def _without_credentials(body: bytes, context: Any) -> bytes:
    """The answer without the role's keys and token, however JSON or a URL spells them."""
    for value in credentials.read(context) or ():
        plain = max(re.findall(r"[A-Za-z0-9]+", value), key=len, default="")
        # Letters and digits are never escaped, so most answers need no search.
        if len(value) >= _SHORTEST_SECRET and plain.encode() in body:
            spelled = "".join(map(_spellings, value))
            body = re.sub(spelled.encode(), b"***", body, flags=re.IGNORECASE)
            re.purge()  # what it keeps of patterns has the secret
    return body


def _spellings(character: str) -> str:
    if character.isalnum():
        return character
    code = f"{ord(character):02x}"
    return rf"(?:\\?{re.escape(character)}|\\u00{code}|%(?:25)*{code})"


class _Done(Exception):
    """Ends the SDK's call: what it would make of the answer says less than the exchange."""


class _RoleProvider(ICredentialsProvider):  # type: ignore[misc]
    """Asked by the SDK at each call, so that rotated credentials are used at once."""

    context: Any = None

    def get_credentials(self) -> Credentials:
        found = credentials.read(self.context)
        if found is None:
            raise LookupError("the function has no role credentials")
        return Credentials(**found._asdict(), provider_name=self.get_provider_name())

    async def get_credentials_async(self) -> Credentials:
        return self.get_credentials()

    def get_provider_name(self) -> str:
        return "function_role"
