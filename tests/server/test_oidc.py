"""Bearer tokens of people: an issuer on loopback, and every way in which its tokens can be wrong."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from pydantic import SecretStr

from firedoor.doors import Oidc
from firedoor.errors import FiredoorError, RefusedError
from firedoor.server.oidc import Issuer, IssuerError

RSA = rsa.generate_private_key(65537, 2048)
STRANGER = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


@dataclass
class FakeIssuer:
    """Publishes what it has."""

    documents: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def publish(self, *keys: dict[str, Any]) -> None:
        """A discovery document and these keys."""
        self.documents["/.well-known/openid-configuration"] = {
            "issuer": self.address,
            "jwks_uri": f"{self.address}/jwks",
        }
        self.documents["/jwks"] = {"keys": list(keys)}

    def issuer(self, **changes: Any) -> Issuer:
        """firedoor's side of it."""
        return Issuer(Oidc(**{"issuer": self.address, "audience": "firedoor", "claim": "email", **changes}))

    def token(self, key: Any = RSA, kid: str = "one", algorithm: str = "RS256", **claims: Any) -> SecretStr:
        """A token of this issuer."""
        now = int(time.time())
        whole = {"iss": self.address, "aud": "firedoor", "exp": now + 300, "email": "ada@example.com", **claims}
        left = {name: value for name, value in whole.items() if value is not None}
        return SecretStr(jwt.encode(left, key, algorithm=algorithm, headers={"kid": kid}))


def public(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    if isinstance(key, rsa.RSAPrivateKey):
        made: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        made = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        made = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**made, "kid": kid, **more}


@pytest.fixture
def fake() -> Iterator[FakeIssuer]:
    """An issuer that publishes one RSA key."""
    one = FakeIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            one.asked.append(self.path)
            found = one.documents.get(self.path)
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.address = f"http://127.0.0.1:{server.server_address[1]}"
    one.publish(public(RSA, "one"))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield one
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_person_is_known_by_the_claim_of_the_settings(fake: FakeIssuer) -> None:
    """The keys are read once; a second token costs no call."""
    issuer = fake.issuer()
    assert await issuer.identity(fake.token()) == "oidc:ada@example.com"
    assert await issuer.identity(fake.token(email="grace@example.com")) == "oidc:grace@example.com"
    assert fake.asked == ["/.well-known/openid-configuration", "/jwks"]
    assert await fake.issuer(claim="sub").identity(fake.token(sub="u-1")) == "oidc:u-1"


@pytest.mark.parametrize(("key", "kid", "algorithm"), [(EC, "ec", "ES256"), (ED, "ed", "EdDSA"), (RSA, "ps", "PS256")])
async def test_the_signatures_that_are_taken(fake: FakeIssuer, key: Any, kid: str, algorithm: str) -> None:
    """RSA, elliptic curves, Ed25519."""
    fake.publish(public(RSA, "ps", alg="PS256"), public(EC, "ec"), public(ED, "ed"))
    assert await fake.issuer().identity(fake.token(key, kid, algorithm)) == "oidc:ada@example.com"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"exp": int(time.time()) - 120}, "ExpiredSignatureError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"nbf": int(time.time()) + 900}, "ImmatureSignatureError"),
        ({"aud": "somebody else"}, "InvalidAudienceError"),
        ({"aud": None}, "MissingRequiredClaimError"),
        ({"iss": "https://evil.example"}, "InvalidIssuerError"),
        ({"email": None}, "no claim 'email'"),
        ({"email": " "}, "no claim 'email'"),
        ({"email": ["ada@example.com"]}, "no claim 'email'"),
        ({"key": STRANGER}, "InvalidSignatureError"),
        ({"kid": "two"}, "does not publish"),
        ({"kid": ""}, None),
        ({"algorithm": "HS256", "key": "canary-shared-secret-of-32-characters"}, "InvalidAlgorithmError"),
    ],
)
async def test_a_token_that_is_wrong_is_refused_with_the_reason(
    fake: FakeIssuer, changes: dict[str, Any], says: str | None
) -> None:
    """The reason is for the log. A token without a key's id is taken where there is only one key."""
    token = fake.token(**changes)
    if says is None:
        assert await fake.issuer().identity(token) == "oidc:ada@example.com"
        return
    with pytest.raises(RefusedError, match=says):
        await fake.issuer().identity(token)


async def test_the_public_key_is_no_shared_secret(fake: FakeIssuer) -> None:
    """A token that is "signed" with the published key as an HMAC secret, or not at all, is refused."""
    for algorithm, key in (("HS256", public(RSA, "one")["n"]), ("none", "")):
        with pytest.raises(RefusedError, match="not valid"):
            await fake.issuer().identity(fake.token(key, "one", algorithm))
    with pytest.raises(RefusedError, match="nor a JWT"):
        await fake.issuer().identity(SecretStr("not.a.token"))


async def test_a_new_key_is_read_when_it_is_used(fake: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issuers change their keys. A stranger's ids do not make us ask again and again."""
    clock = [1000.0]
    monkeypatch.setattr("firedoor.server.oidc.time.monotonic", lambda: clock[0])
    issuer = fake.issuer()
    await issuer.identity(fake.token())
    fake.publish(public(EC, "two"))
    for _ in range(3):
        with pytest.raises(RefusedError, match="does not publish"):
            await issuer.identity(fake.token(EC, "two", "ES256"))
    assert len(fake.asked) == 2
    clock[0] += 31
    assert await issuer.identity(fake.token(EC, "two", "ES256")) == "oidc:ada@example.com"
    with pytest.raises(RefusedError, match="does not publish"):
        await issuer.identity(fake.token())


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        ({"/.well-known/openid-configuration": None}, "gives no keys"),
        ({"/.well-known/openid-configuration": {"issuer": "https://other.example"}}, "names another issuer"),
        ({"/jwks": b"not json"}, "gives no keys"),
        ({"/jwks": ["keys"]}, "something else than a JSON object"),
        ({"/jwks": {"keys": ["x" * (1 << 20)]}}, "more than 1,048,576 bytes"),
    ],
)
async def test_an_issuer_that_cannot_be_asked(fake: FakeIssuer, documents: dict[str, Any], says: str) -> None:
    """Nobody is let in, and the sentence says which part is wrong."""
    fake.documents |= documents
    with pytest.raises(FiredoorError, match=says):
        await fake.issuer().identity(fake.token())


async def test_an_issuer_that_is_away_is_asked_once(fake: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd of tokens waits for one call, and for a moment nobody asks again; then it may be there."""
    clock = [1000.0]
    monkeypatch.setattr("firedoor.server.oidc.time.monotonic", lambda: clock[0])
    issuer, kept = fake.issuer(), fake.documents.pop("/jwks")
    answers = await asyncio.gather(*(issuer.identity(fake.token()) for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in answers} == {IssuerError}
    assert len(fake.asked) == 2
    clock[0] += 6
    fake.documents["/jwks"] = kept
    assert await issuer.identity(fake.token()) == "oidc:ada@example.com"


@pytest.mark.parametrize("head", [b"[" * 20_000, b'{"alg": ' + b"[" * 15_000, b"\xff", b'{"alg": 1e999, "kid": []}'])
async def test_a_head_that_is_none(fake: FakeIssuer, head: bytes) -> None:
    """However deep it is, or whatever it holds: refused, and no mistake of ours."""
    part = base64.urlsafe_b64encode(head).decode().rstrip("=")
    with pytest.raises(RefusedError):
        await fake.issuer().identity(SecretStr(f"{part}.e30.e30"))


async def test_keys_come_from_https_only(fake: FakeIssuer) -> None:
    """Loopback is for tests; elsewhere whoever sits between could publish keys."""
    document = fake.documents["/.well-known/openid-configuration"]
    document["jwks_uri"] = "http://keys.example/jwks"
    with pytest.raises(FiredoorError, match="no https address"):
        await fake.issuer().identity(fake.token())


async def test_keys_that_sign_nothing_here_are_left_out(fake: FakeIssuer) -> None:
    """Keys for encryption, shared secrets, and kinds that nobody knows."""
    fake.publish(
        public(RSA, "enc", use="enc"), {"kty": "oct", "k": "Y2FuYXJ5", "kid": "oct"}, {"kty": "odd"}, public(RSA, "one")
    )
    issuer = fake.issuer()
    await issuer.identity(fake.token())
    assert set(issuer.keys) == {"one"}
