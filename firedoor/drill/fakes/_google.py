"""What the fakes of Google have in common: service accounts, their keys, and access tokens for what a key signs.

The keys are real RSA keys, so that a signature is checked; the key file says `canary` before the key, where PEM allows
any text.
"""

import datetime
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firedoor.drill.fakes._fake import Asked, Fake, Said, canary

PROJECT = "drill-project"
FIREDOOR = f"firedoor@{PROJECT}.iam.gserviceaccount.com"
GATEWAY = f"gateway@{PROJECT}.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"
LIFE = 3599


@dataclass
class AccountKey:
    """A key of a service account, and its file as Google gives it once."""

    id: str
    account: str
    private: RSAPrivateKey
    file: str
    disabled: bool = False
    #: Why it is disabled, if not because firedoor said so.
    reason: str = ""
    #: How many more times it is accepted after it was disabled or deleted, and refused after it was made.
    left: int = 0
    early: int = 0


@cache
def rsa_key(number: int) -> RSAPrivateKey:
    """The key of this number of each fake: making one takes longer than all else, so a process makes it once."""
    return generate_private_key(65537, 2048)


class FakeOfGoogle(Fake):
    """One project. `accounts` are the addresses of its service accounts, `account_keys` their keys by id."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts = [FIREDOOR, GATEWAY]
        self._made = count()
        self.account_keys: dict[str, AccountKey] = {}
        self.deleted_account_keys: list[AccountKey] = []
        #: Access tokens that are alive, and whose they are.
        self.tokens: dict[str, str] = {}
        #: How far Google's clock is from ours. Seconds.
        self.clock_ahead = 0
        self.own = self.plant_key(FIREDOOR)
        self.route("POST", "/token", self._token)

    @property
    def secrets(self) -> dict[str, str]:
        """The key file that firedoor works with."""
        return {"service_account_key": self.own.file}

    def plant_key(self, account: str) -> AccountKey:
        """A key of a service account."""
        private = rsa_key(next(self._made))
        number = secrets.token_hex(20)
        key = AccountKey(number, account, private, _file(number, account, private))
        with self.lock:
            self.account_keys[key.id] = key
        return key

    def stranger(self, value: str) -> str:
        """A key file that says the same of itself, with another key in it."""
        if not value.startswith("{"):
            return super().stranger(value)
        said = json.loads(value)
        return _file(said["private_key_id"], said["client_email"], rsa_key(-1), "strang")

    def denied(self, asked: Asked) -> Said | None:
        """401 for a token that it never gave, or does not take any more."""
        if asked.path in {"/token", "/v1/models"} or asked.bearer() in self.tokens:
            return None
        return no(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")

    def _token(self, asked: Asked) -> Said:
        form = dict(parse_qsl(asked.body.decode()))
        try:
            number = str(jwt.get_unverified_header(form["assertion"])["kid"])
            account = str(jwt.decode(form["assertion"], options={"verify_signature": False})["iss"])
        except (jwt.InvalidTokenError, LookupError):
            return _no_grant("Invalid JWT")
        if account not in self.accounts:
            return _no_grant("Invalid grant: account not found")
        key = self._usable(number)
        if key is None or key.account != account:
            return _no_grant("Invalid JWT Signature.")
        now = datetime.datetime.now(datetime.UTC).timestamp() + self.clock_ahead
        try:
            claims = jwt.decode(
                form["assertion"],
                key.private.public_key(),
                algorithms=["RS256"],
                audience=AUDIENCE,
                options={"verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return _no_grant("Invalid JWT Signature.")
        if not claims["iat"] - 60 <= now <= claims["exp"] or claims["exp"] - claims["iat"] > 3600:
            return _no_grant(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            )
        token = canary("ya29.")
        if claims["scope"].endswith("/cloud-platform"):
            self.tokens[token] = account
        return Said(data={"access_token": token, "expires_in": LIFE, "token_type": "Bearer"})

    def _usable(self, number: str) -> AccountKey | None:
        """The key, if Google takes it now: what was disabled or deleted for a while still, what is new not yet."""
        known = (*self.account_keys.values(), *self.deleted_account_keys)
        key = next((one for one in known if one.id == number), None)
        if key is None:
            return None
        if key.early:
            key.early -= 1
            return None
        if not key.disabled and key.id in self.account_keys:
            return key
        if key.left:
            key.left -= 1
            return key
        return None


def no(status: int, word: str, message: str, reason: str = "") -> Said:
    """A refusal as Google's APIs say it."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}]
    error: dict[str, Any] = {"code": status, "message": message, "status": word}
    return Said(status, {"error": error | ({"details": details} if reason else {})})


def stamp(when: datetime.datetime) -> str:
    """A moment as Google's APIs write it."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"


def page(asked: Asked, found: list[Mapping[str, Any]], member: str, size: int) -> Said:
    """One page of a list, and the token of the next; a list without any member is an empty object."""
    start = int(asked.one("pageToken", "0"))
    size = min(size, int(asked.one("pageSize", "0")) or size)
    shown, rest = found[start : start + size], len(found) > start + size
    return Said(data=({member: shown} if shown else {}) | ({"nextPageToken": str(start + size)} if rest else {}))


def _file(number: str, account: str, private: RSAPrivateKey, word: str = "canary") -> str:
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    said = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": number,
        "private_key": f"{word}{secrets.token_hex(8)}\n{pem}",
        "client_email": account,
        "client_id": "100000000000000000001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        # A leaked file may name any address: whoever uses it is caught by the tests' ban of sockets.
        "token_uri": "https://thief.example/token",
        "universe_domain": "googleapis.com",
    }
    return json.dumps(said, indent=2) + "\n"


def _no_grant(description: str) -> Said:
    return Said(400, {"error": "invalid_grant", "error_description": description})
