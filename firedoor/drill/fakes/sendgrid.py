"""A fake of SendGrid's API keys: scopes, the limit of a hundred keys, and deletions that take effect a little later."""

import secrets
from dataclasses import dataclass
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

MOST_KEYS = 100
OWN = ("api_keys.create", "api_keys.delete", "api_keys.read", "mail.send", "stats.read")
GRANTED = frozenset(OWN)
IMPLIED = ("2fa_required", "sender_verification_eligible")
NEEDS = {"GET": "api_keys.read", "POST": "api_keys.create", "DELETE": "api_keys.delete"}


@dataclass
class Key:
    """A key with its value. Once deleted it is accepted `left` more times."""

    id: str
    name: str
    value: str
    scopes: tuple[str, ...]
    left: int = 0


class FakeSendGrid(Fake):
    """One account. `lag` is how many more requests a deleted key gets through."""

    name: ClassVar[str] = "sendgrid"

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, Key] = {}
        self.deleted: list[Key] = []
        self.lag = 0
        self.own = self.plant("firedoor", OWN)
        self.route("GET", "/v3/scopes", self._scopes)
        self.route("GET", "/v3/api_keys", self._list)
        self.route("POST", "/v3/api_keys", self._create)
        self.route("GET", "/v3/api_keys/{key}", self._get)
        self.route("DELETE", "/v3/api_keys/{key}", self._delete)

    @property
    def secrets(self) -> dict[str, str]:
        """The key that firedoor works with."""
        return {"api_key": self.own.value}

    def plant(self, name: str, scopes: tuple[str, ...]) -> Key:
        """A key with scopes."""
        with self.lock:
            number = secrets.token_urlsafe(16)
            key = Key(number, name, canary(f"SG.{number}."), scopes)
            self.keys[key.id] = key
            return key

    def plant_credential(self, kind: str, name: str) -> Planted:
        """A key that sends mail and reads statistics."""
        key = self.plant(name, ("mail.send", "stats.read"))
        return Planted(Credential(provider="sendgrid", kind=kind, id=key.id, name=name), key.value)

    def alive(self, kind: str) -> set[str]:
        """What SendGrid accepts now."""
        return {key.value for key in (*self.keys.values(), *(one for one in self.deleted if one.left))} - {
            self.own.value
        }

    def denied(self, asked: Asked) -> Said | None:
        """401 for a value that it does not know, 403 for a scope that it lacks."""
        key = self._caller(asked)
        if key is None:
            return _error(401, "The provided authorization grant is invalid, expired, or revoked")
        if asked.path != "/v3/scopes" and NEEDS.get(asked.method) not in key.scopes:
            return _error(403, "access forbidden")
        return None

    def _caller(self, asked: Asked) -> Key | None:
        value = asked.bearer()
        for key in self.deleted:
            if key.value == value and key.left:
                key.left -= 1
                return key
        return next((key for key in self.keys.values() if key.value == value), None)

    def _scopes(self, asked: Asked) -> Said:
        value = asked.bearer()
        key = next(key for key in (*self.keys.values(), *self.deleted) if key.value == value)
        return Said(data={"scopes": [*key.scopes, *IMPLIED]})

    def _list(self, asked: Asked) -> Said:
        return Said(data={"result": [_shown(key) for key in self.keys.values()]})

    def _create(self, asked: Asked) -> Said:
        wanted = asked.json()
        scopes = tuple(wanted.get("scopes", OWN))
        if not wanted.get("name") or not GRANTED.issuperset(scopes):
            return _error(400, "one or more of the provided scopes are invalid")
        if len(self.keys) >= MOST_KEYS:
            return _error(403, "Cannot create more than 100 API Keys")
        key = self.plant(wanted["name"], scopes)
        return Said(201, _shown(key) | {"api_key": key.value, "scopes": list(key.scopes)})

    def _get(self, asked: Asked) -> Said:
        key = self.keys.get(asked.ids["key"])
        if key is None:
            return _error(404, "unable to find API Key")
        return Said(data=_shown(key) | {"scopes": [*key.scopes, *IMPLIED]})

    def _delete(self, asked: Asked) -> Said:
        key = self.keys.pop(asked.ids["key"], None)
        if key is None:
            return _error(404, "unable to find API Key")
        key.left = self.lag
        self.deleted.append(key)
        return Said(204)


def _shown(key: Key) -> dict[str, Any]:
    return {"api_key_id": key.id, "name": key.name}


def _error(status: int, message: str) -> Said:
    return Said(status, {"errors": [{"field": None, "message": message}]})
