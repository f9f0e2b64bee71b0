"""A smoke test against the real cloud; no part of `make test`."""
