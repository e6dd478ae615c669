"""Bearer tokens of people: signed by an OpenID Connect issuer, checked against the keys that it publishes.

OpenID Connect Discovery 1.0 and RFC 7517. Only asymmetric signatures: whoever knows a shared secret could sign.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
from pydantic import SecretStr

from firedoor.doors import Oidc
from firedoor.errors import FiredoorError, RefusedError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
#: Seconds that two clocks may differ.
LEEWAY = 60
#: Keys are read again after this many seconds; sooner for a key that is not among them, but not more often than this.
FRESH_SECONDS, AGAIN_SECONDS = 600.0, 30.0
#: Seconds in which an issuer that could not be asked is not asked again, whoever comes with whatever token.
FAILED_SECONDS = 5.0
TIMEOUT = httpx.Timeout(5.0)
MOST_BYTES = 1 << 20
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class IssuerError(FiredoorError):
    """The issuer does not answer, or not as one should; `why` is the middle of the sentence."""

    reason = "issuer"
    why = ""


@dataclass
class Issuer:
    """The issuer of the settings, and the keys that it had when they were last read."""

    settings: Oidc
    keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _read: float = float("-inf")
    _failed: float = float("-inf")
    _why: str = ""
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def identity(self, token: SecretStr) -> str:
        """`oidc:CLAIM` of the person that a token names.

        Raises `RefusedError` that says, for the log, why a token is not taken; `FiredoorError` where the issuer does
        not answer.
        """
        value = token.get_secret_value()
        try:
            header = jwt.get_unverified_header(value)
        except (jwt.PyJWTError, RecursionError, ValueError):
            raise RefusedError("it is neither a token of firedoor nor a JWT") from None
        key = await self._key(str(header.get("kid", "")))
        try:
            claims = jwt.decode(
                value,
                key,
                algorithms=ALGORITHMS,
                audience=self.settings.audience,
                issuer=self.settings.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, RecursionError, TypeError, ValueError) as error:
            raise RefusedError(f"its token is not valid ({type(error).__name__})") from None
        name = claims.get(self.settings.claim)
        if not isinstance(name, str) or not name.strip():
            raise RefusedError(f"its token has no claim {self.settings.claim!r}")
        return f"oidc:{name}"

    async def _key(self, kid: str) -> jwt.PyJWK:
        # One at a time: a crowd of tokens asks once.
        async with self._asking:
            age = time.monotonic() - self._read
            if age > FRESH_SECONDS or (kid not in self.keys and age > AGAIN_SECONDS):
                await self._read_keys()
        if kid in self.keys:
            return self.keys[kid]
        if not kid and len(self.keys) == 1:
            return next(iter(self.keys.values()))
        raise RefusedError("its token is signed by a key that the issuer does not publish")

    async def _read_keys(self) -> None:
        """Raises `FiredoorError`; again without asking, if that was a moment ago."""
        if time.monotonic() - self._failed <= FAILED_SECONDS:
            raise _faulty(self._why)
        try:
            self.keys = await self._published()
        except IssuerError as error:
            self._failed, self._why = time.monotonic(), error.why
            raise
        self._read = time.monotonic()

    async def _published(self) -> dict[str, jwt.PyJWK]:
        """The issuer's keys for signatures, by their ids."""
        async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client:
            where = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            document = await self._get(client, where)
            if document.get("issuer") != self.settings.issuer:
                raise _faulty(f"{where} names another issuer")
            published = await self._get(client, str(document.get("jwks_uri", "")))
        keys: dict[str, jwt.PyJWK] = {}
        for one in published.get("keys", []):
            if isinstance(one, dict) and one.get("use", "sig") == "sig" and one.get("kty") != "oct":
                try:
                    keys[str(one.get("kid", ""))] = jwt.PyJWK(one)
                except (jwt.PyJWTError, TypeError, ValueError):
                    # A kind of key that is not known here signs nothing here.
                    continue
        return keys

    async def _get(self, client: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise _faulty(f"{url!r} is no https address")
        try:
            answer = await client.get(url)
            answer.raise_for_status()
            if len(answer.content) > MOST_BYTES:
                raise _faulty(f"{url} answers with more than {MOST_BYTES:,} bytes")
            document = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _faulty(f"{url} gives no keys ({type(error).__name__})") from None
        if not isinstance(document, dict):
            raise _faulty(f"{url} answers with something else than a JSON object")
        return document


def _faulty(why: str) -> IssuerError:
    error = IssuerError(
        f"The OpenID Connect issuer cannot be asked: {why}.",
        changed="Nothing was changed.",
        next="Use a token of firedoor meanwhile (firedoor token create), and look at [oidc] in the settings.",
    )
    error.why = why
    return error
