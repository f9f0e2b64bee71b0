"""Processes as instances: how they are set up, and how they are called."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.support.function_under_test import WITHOUT_PACING
from tests.support.valkey import Valkey

REQUEST = {"phone_number": "+8613800001234"}


def environment(gateway: CamsGateway) -> dict[str, str]:
    return {
        "CAMS_ENDPOINT": gateway.endpoint,
        "CUST_SPACE_IDS": "cams-one",
        "ALLOWED_COUNTRIES": "CN",
        **WITHOUT_PACING,
    }


def call(
    url: str, body: Any = REQUEST, method: str = "POST", **headers: str
) -> tuple[int, Message, bytes]:
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        headers = {"Content-Type": "application/json", **headers}
        connection.request(method, urlsplit(url).path or "/", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@contextmanager
def running(gateway: CamsGateway, valkey: Valkey, processes: int) -> Iterator[FunctionCompute]:
    """Processes over one store, which aren't paced: pacing is shown elsewhere."""
    gateway.latency_seconds = (0.0, 0.2)
    gateway.calls_per_second = 1000
    settings = {
        **environment(gateway),
        **valkey.settings,
        "CONNECT_TIMEOUT_SECONDS": "0.2",
        "READ_TIMEOUT_SECONDS": "0.6",
    }
    with FunctionCompute(settings, reserved_concurrency=processes, timeout_seconds=3) as platform:
        gateway.accept(platform.credentials)
        yield platform
