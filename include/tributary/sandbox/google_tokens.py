"""Google's token endpoint for service accounts, and the keys of the sandbox's accounts.

Source: developers.google.com/identity/protocols/oauth2/service-account (HTTP/REST), its errors
invalid_grant and invalid_scope; an API refuses a bad token with 401 UNAUTHENTICATED.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tributary.clock import Clock
from tributary.sandbox.catalog import Store
from tributary.sandbox.kept import kept

Json = dict[str, Any]
Answer = tuple[int, Json]

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_PATH = "/google/token"
_SECONDS = 3599


def keys_beside(token_file: Path) -> Path:
    """Where the keys are kept: beside the shops' tokens."""
    return token_file.with_name("google-keys.json")


def load_keys(path: Path) -> dict[str, Json]:
    """A service account key per store, made at the first start; only the owner may read them.

    As Google's key files, but for token_uri: that is the server's address, see `key_file`.
    """
    return kept(path, _make_key)


def key_file(key: Mapping[str, Any], server_url: str) -> str:
    """The text of a key file for a sandbox at that address."""
    return json.dumps({**key, "token_uri": server_url + TOKEN_PATH})


def _make_key(store: Store) -> Json:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": store.google_project,
        "private_key_id": secrets.token_hex(20),
        "private_key": pem.decode(),
        "client_email": f"reader@{store.google_project}.iam.gserviceaccount.com",
    }


class Tokens:
    """Access tokens given so far: who holds them, for what, until when."""

    def __init__(self, keys: Mapping[str, Json], clock: Clock) -> None:
        self._clock = clock
        self._public = {
            key["client_email"]: (store_id, _public_key(key)) for store_id, key in keys.items()
        }
        self._given: dict[str, tuple[str, str, float]] = {}

    def exchange(self, form: bytes, url: str) -> Answer:
        """Answers the token endpoint at `url`."""
        given = {name: values[0] for name, values in parse_qs(form.decode()).items()}
        if given.get("grant_type") != GRANT:
            return 400, {"error": "unsupported_grant_type", "error_description": "Invalid grant"}
        try:
            assertion = given["assertion"]
            issuer = jwt.decode(assertion, options={"verify_signature": False})["iss"]
            store_id, public = self._public[issuer]
            claims = jwt.decode(
                assertion,
                public,
                algorithms=["RS256"],
                audience=url,
                # Its times are judged by the sandbox's clock.
                options={"verify_exp": False, "verify_iat": False, "require": ["exp", "iat"]},
            )
        except (KeyError, jwt.PyJWTError):
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        now = self._clock.now()
        if not now.timestamp() < claims["exp"] <= claims["iat"] + 3600:
            said = "Invalid JWT: Token must be a short-lived token (60 minutes)"
            return 400, {"error": "invalid_grant", "error_description": said}
        if not claims.get("scope"):
            return 400, {"error": "invalid_scope", "error_description": "Empty or missing scope"}
        token = f"ya29.{secrets.token_urlsafe(48)}"
        until = self._clock.monotonic() + _SECONDS
        self._given[token] = (store_id, str(claims["scope"]), until)
        return 200, {"access_token": token, "expires_in": _SECONDS, "token_type": "Bearer"}

    def holder(self, authorization: str, scopes: frozenset[str]) -> str | None:
        """The store whose service account sent the header; None for no, an old or another token."""
        token = authorization.removeprefix("Bearer ")
        given = self._given.get(token)
        if given is None:
            return None
        store_id, scope, until = given
        good = self._clock.monotonic() < until and scopes & set(scope.split())
        return store_id if good else None


def _public_key(key: Json) -> Any:
    pem = key["private_key"].encode()
    return serialization.load_pem_private_key(pem, password=None).public_key()
