"""A call of the API: the SDK signs it, and this package's own transport sends it."""

import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, partial
from typing import Any, NoReturn
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
from verify_code.request import Request
from verify_code.settings import Settings

#: A shorter value is no key and no token, and may stand in an answer by chance.
_SHORTEST_SECRET = 16

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Cams:
    """The API's client: made once for an instance, which makes one call at a time."""

    def __init__(
        self, settings: Settings, transport: Transport, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._role = RoleProvider()
        scheme, host, port = settings.cams_endpoint
        name = f"[{host}]" if ":" in host else host
        self._client = Client(
            Config(
                credential=CredentialClient(provider=self._role),
                endpoint=name if port == _DEFAULT_PORTS[scheme] else f"{name}:{port}",
                protocol=scheme.upper(),
                user_agent=f"chatapp-verify-code/{__version__}",
            )
        )

    def open(self, needed_seconds: float = 0.0) -> None:
        """Opens a connection unless one is open that stays fresh for ``needed_seconds``.

        Raises OSError if it can't.
        """
        self._transport.open(self._settings.connect_timeout_seconds, needed_seconds)

    def call(self, action: str, request: Request, context: Any, latest_start: float) -> Exchange:
        """Sends the request once over the open connection, and returns what happened.

        It raises no error of the SDK or the connection. An error that isn't the connection's is
        written to the log, without its text, which may hold the number or the token.
        """
        deadline = self._clock() + self._settings.read_timeout_seconds
        exchange = Exchange(deadline, latest_start)
        self._role.context = context
        current = _CURRENT.set(partial(self._transport.send, exchange))
        try:
            query = OpenApiRequest(query=request.query())
            self._client.call_api(_params(action), query, RuntimeOptions())
        except _Done:
            pass
        except Exception as error:
            exchange.sdk_raised = True
            logs.write_bug(getattr(error, "inner_exception", None) or error)
        else:
            logs.write_bug(RuntimeError(), what="the SDK didn't use the transport")
        finally:
            _CURRENT.reset(current)
            self._role.context = None
        if exchange.body is not None:
            exchange.body = _without_credentials(exchange.body, context)
        return exchange


class RoleProvider(ICredentialsProvider):  # type: ignore[misc]
    """Gives the SDK the credentials of this moment at each call, so that they may rotate."""

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


#: Sends a request for the current call, and records what happened.
_CURRENT: ContextVar[Callable[[str, str, Any, bytes], None]] = ContextVar("current call")


class _Done(BaseException):
    """Ends the SDK's call after the send step.

    The SDK catches each Exception and may try again; this one it lets through.
    """


def _send(request: DaraRequest, _: Any = None) -> NoReturn:
    """Takes the place of the SDK's send step."""
    target = f"{request.pathname}?{urlencode(request.query)}"
    _CURRENT.get()(request.method, target, request.headers, request.body or b"")
    raise _Done


def _send_in_no_other_way(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("the SDK may send through the transport only")


def _replace_the_send_step() -> None:
    """Makes the transport the only way in which the SDK can send.

    The SDK's own steps follow redirects and can't tell what was written. Without them, an SDK
    that raises before it uses the transport has sent nothing.
    """
    DaraCore.do_action = _send
    for name in ("async_do_action", "do_sse_action", "async_do_sse_action"):
        setattr(DaraCore, name, _send_in_no_other_way)


_replace_the_send_step()
logs.silence_libraries()  # the imports above have added handlers


@cache
def _params(action: str) -> Params:
    return Params(
        action=action,
        version="2020-06-06",
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )


def _without_credentials(body: bytes, context: Any) -> bytes:
    """Returns the answer without the role's keys and token, however JSON or a URL spells them."""
    values = credentials.read(context) or ()
    for value in values:
        plain = max(re.findall(r"[A-Za-z0-9]+", value), key=len, default="")
        # Letters and digits are never escaped, so most answers need no search.
        if len(value) >= _SHORTEST_SECRET and plain.encode() in body:
            spelled = "".join(map(_spellings, value))
            body = re.sub(spelled.encode(), b"***", body, flags=re.IGNORECASE)
            re.purge()  # its cache of patterns would keep the secret
    # Also a part of one, where the API has cut it.
    for run in set(re.findall(rb"[A-Za-z0-9]{16,}", body)):
        if any(run.decode() in value for value in values):
            body = body.replace(run, b"***")
    return body


def _spellings(character: str) -> str:
    if character.isalnum():
        return character
    code = f"{ord(character):02x}"
    return rf"(?:\\?{re.escape(character)}|\\u00{code}|%(?:25)*{code})"
