"""The sandbox's address against docs/openapi.json, by schemathesis."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from tests.sandbox.cams_gateway import CamsGateway
from tests.sandbox.function_compute import FunctionCompute
from tests.support import openapi
from tests.support.platform import environment

schemathesis = pytest.importorskip(
    "schemathesis", reason="schemathesis is not installed: make .venv/extras-ready"
)

ALL = "send,status,verify"

#: The platform asks for the token, not the sandbox.
DOCUMENT = schemathesis.openapi.from_dict({**openapi.document(), "security": []})


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with CamsGateway() as gateway:
        gateway.calls_per_second = 100_000
        settings = {**environment(gateway), "ALLOWED_COUNTRIES": "*", "OPERATIONS": ALL}
        with FunctionCompute(settings) as platform:
            gateway.accept(platform.credentials)
            yield platform.url


@DOCUMENT.parametrize()  # type: ignore[untyped-decorator]
@hypothesis.settings(
    max_examples=int(os.environ.get("EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_the_address_does_what_the_document_says(case: Any, address: str) -> None:
    """Each answer to any request is one that the OpenAPI document describes."""
    # No schema knows which numbers exist.
    left_out = [schemathesis.checks.positive_data_acceptance]
    case.call_and_validate(base_url=address, excluded_checks=left_out)
