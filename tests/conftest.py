from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.sandbox.cams_gateway import CamsGateway
from tests.support.function_under_test import FunctionUnderTest
from tests.support.valkey import Valkey
from verify_code.store.redis import RedisStore


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test inherits credentials or proxies, or reaches the metadata address."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "DEBUG"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN"):
        monkeypatch.delenv(f"ALIBABA_CLOUD_{name}", raising=False)
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")


@pytest.fixture
def gateway() -> Iterator[CamsGateway]:
    with CamsGateway() as running:
        yield running


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for 127.0.0.1, and the file with the certificate to trust."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return context, file


@pytest.fixture
def tls_gateway(
    authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CamsGateway]:
    context, file = authority
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with CamsGateway(tls=context) as running:
        yield running


@pytest.fixture
def function(gateway: CamsGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[FunctionUnderTest]:
    with contextlib.closing(FunctionUnderTest(gateway, monkeypatch)) as under_test:
        yield under_test


@pytest.fixture
def function_over_tls(
    tls_gateway: CamsGateway, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FunctionUnderTest]:
    with contextlib.closing(FunctionUnderTest(tls_gateway, monkeypatch)) as under_test:
        yield under_test


@pytest.fixture(scope="session")
def _running_valkey() -> Iterator[Valkey]:
    with Valkey() as running:
        yield running


@pytest.fixture
def valkey(_running_valkey: Valkey) -> Valkey:
    """A real and empty Valkey."""
    _running_valkey.empty()
    return _running_valkey


@pytest.fixture
def redis_store(valkey: Valkey) -> Iterator[RedisStore]:
    with contextlib.closing(RedisStore(valkey.url)) as store:
        yield store
