"""The key pair of the JWT trigger: the key set that it knows, and tokens for callers."""

from __future__ import annotations

import base64
import json
import time

from deploying.names import ENV_FILE, PRIVATE_KEY
from deploying.tools import StepFailed, run


def new_key_set() -> str:
    """The JWKS of private.pem, which is made if it isn't there."""
    if not PRIVATE_KEY.exists() or not PRIVATE_KEY.stat().st_size:
        PRIVATE_KEY.touch(0o600)
        size = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        run("openssl", "genpkey", *size, "-out", str(PRIVATE_KEY))
    printed = run("openssl", "rsa", "-in", str(PRIVATE_KEY), "-noout", "-modulus")
    modulus = base64url(bytes.fromhex(printed.partition("=")[2]))
    kid = time.strftime("%Y-%m-%d-%H%M%S", time.gmtime())
    key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "e": "AQAB", "n": modulus}
    return json.dumps({"keys": [key]})


def token(value: dict[str, str], *caller: str) -> str:
    """A token for one hour: who calls, if anybody, and the space that may be used."""
    if not PRIVATE_KEY.exists() or "JWKS" not in value:
        raise StepFailed(
            f"There is no {PRIVATE_KEY} and {ENV_FILE} here, so no token can be signed."
        )
    kid = json.loads(value["JWKS"])["keys"][-1]["kid"]
    space = value["CUST_SPACE_IDS"].partition(",")[0].strip()
    who = {"sub": " ".join(caller)} if caller else {}
    claims = {**who, "cust_space_id": space, "exp": int(time.time()) + 3600}
    parts = ({"alg": "RS256", "typ": "JWT", "kid": kid}, claims)
    signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    sign = ("dgst", "-sha256", "-hex", "-sign", str(PRIVATE_KEY))
    signature = run("openssl", *sign, given=signed.encode()).rpartition(" ")[2]
    return f"{signed}.{base64url(bytes.fromhex(signature))}"


def base64url(content: bytes) -> str:
    """Base64 as tokens and key sets use it."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
