"""The functions that a deployment left at the control plane, run from their uploaded zips."""

from __future__ import annotations

import base64
import io
import json
import time
import uuid
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.sandbox.function_compute import FunctionCompute
from tests.sandbox.http_event import http_answer, http_event

if TYPE_CHECKING:
    from tests.deployment.control_plane import Answer, State


class DeployedFunctions:
    """Runs a function as it is deployed now, in processes of its own."""

    def __init__(self, state: State, folder: Path) -> None:
        self._state, self._folder = state, folder
        self._running: dict[str, tuple[Any, FunctionCompute]] = {}

    def stop(self) -> None:
        for _, platform in self._running.values():
            platform.__exit__()
        self._running.clear()

    def invoke(self, name: str, event: bytes) -> bytes:
        """What the function returns."""
        return self._platform(name).invoke(event, f"1-{uuid.uuid4()}").answer

    def over_http(
        self, host: str, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        """What the HTTP trigger answers: the token is checked, and its claims become headers."""
        from tests.deployment.control_plane import Answer

        name = host.partition("-abcdefghij.")[0]
        trigger = self._state.triggers.get(f"{name}/http")
        if trigger is None:
            return Answer(404, {"Code": "NotFound"})
        if not self._state.caps.get(name):
            return Answer(429, {"Code": "ResourceExhausted"})
        jwt = json.loads(trigger["triggerConfig"])["authConfig"]
        jwt = json.loads(jwt) if isinstance(jwt, str) else jwt
        claims = _claims(headers.pop("authorization", ""), jwt)
        if claims is None:
            return Answer(403, {"Code": "AccessDenied", "Message": "invalid or expired jwt"})
        for mapping in (jwt.get("claimPassBy") or jwt["ClaimPassBy"]).split(","):
            _, claim, header = mapping.split(":")
            if claim in claims:
                headers[header] = claims[claim]
        event = http_event(method, target, headers.items(), body, f"1-{uuid.uuid4()}")
        answer = http_answer(self.invoke(name, event), "1-request")
        return Answer(answer.status, answer.body)

    def _platform(self, name: str) -> FunctionCompute:
        configuration = self._state.functions[name]
        arns = [each["arn"] for each in configuration["layers"]]
        version = json.dumps(
            [configuration["environmentVariables"], arns, len(self._state.code[name])]
        )
        running = self._running.get(name)
        if running and running[0] == version:
            return running[1]
        if running:
            running[1].__exit__()
        folder = self._folder / uuid.uuid4().hex
        _unpack(self._state.code[name], folder / "code")
        for arn in arns:
            _, layer, _, number = arn.split("/")
            _unpack(self._state.layers[layer][int(number) - 1], folder / "opt")
        platform = FunctionCompute(
            configuration["environmentVariables"],
            code_directory=folder / "code",
            layer_directory=folder / "opt" / "python",
            runtime=configuration["runtime"],
            handler=configuration["handler"],
            initializer=configuration["instanceLifecycleConfig"]["initializer"]["handler"],
            reserved_concurrency=self._state.caps.get(name, 0) or 1,
            timeout_seconds=configuration["timeout"],
        ).__enter__()
        self._running[name] = (version, platform)
        return platform


def _unpack(content: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)


def _claims(authorization: str, jwt: dict[str, Any]) -> dict[str, Any] | None:
    """The claims of a token that a key of the set has signed and that hasn't expired."""
    lookup = (jwt.get("tokenLookup") or jwt["TokenLookup"]).split(":", 2)
    token = authorization.removeprefix(lookup[2])
    try:
        signed, _, signature = token.rpartition(".")
        head, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        keys = (jwt.get("jwks") or jwt["JWKS"])["keys"]
        key = next(each for each in keys if each["kid"] == head["kid"])
        numbers = (int.from_bytes(_decoded(key[name]), "big") for name in ("e", "n"))
        public = rsa.RSAPublicNumbers(*numbers).public_key()
        public.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), SHA256())
    except (ValueError, KeyError, StopIteration, InvalidSignature):
        return None
    return claims if claims["exp"] > time.time() else None


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
