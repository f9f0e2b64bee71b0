"""Stands in for cryptography, with which the SDK signs where the account has an RSA key."""

from stub import Stub

for name in (
    "cryptography",
    "cryptography.hazmat",
    "cryptography.hazmat.primitives",
    "cryptography.hazmat.primitives.asymmetric",
    "cryptography.hazmat.primitives.asymmetric.padding",
    "cryptography.hazmat.primitives.hashes",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.hazmat.primitives.serialization.load_pem_private_key",
):
    Stub(name)
