"""A fake of Datadog's key management: API keys, application keys of users and service accounts, their scopes."""

import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

#: Datadog gives up to a hundred a page; small ones make a client turn them.
PAGE = 2
SERVICE_ACCOUNT, USER = "5e2c0000-0000-4000-8000-00000000000a", "5e2c0000-0000-4000-8000-00000000000b"


@dataclass
class Key:
    """A key with its value. `owner` is empty for an API key."""

    id: str
    name: str
    value: str
    owner: str = ""
    scopes: list[str] | None = None


class FakeDatadog(Fake):
    """One organization, with a service account and a user."""

    name: ClassVar[str] = "datadog"

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, Key] = {}
        self.own = {"api_key": self.plant("firedoor"), "application_key": self.plant("firedoor", SERVICE_ACCOUNT)}
        #: Application keys that manage no keys.
        self.weak: set[str] = set()
        self.route("GET", "/api/v1/validate", lambda _: Said(data={"valid": True}))
        self.route("GET", "/api/v2/validate_keys", lambda _: Said(data={"status": "ok"}))
        for template in ("/api/v2/api_keys", "/api/v2/application_keys"):
            self.route("GET", template, self._list)
            self.route("GET", f"{template}/{{key}}", self._get)
            self.route("DELETE", f"{template}/{{key}}", self._delete)
        self.route("POST", "/api/v2/api_keys", self._create)
        self.route("POST", "/api/v2/service_accounts/{account}/application_keys", self._create)

    @property
    def secrets(self) -> dict[str, str]:
        """The two keys that firedoor works with."""
        return {name: key.value for name, key in self.own.items()}

    def plant(self, name: str, owner: str = "", scopes: list[str] | None = None) -> Key:
        """An API key, or an application key of an owner."""
        with self.lock:
            key = Key(str(uuid.uuid4()), name, canary("ddapp_" if owner else "dd"), owner, scopes)
            self.keys[key.id] = key
            return key

    def plant_credential(self, kind: str, name: str) -> Planted:
        """A key of a kind; application keys may read metrics."""
        owner = {"api_key": "", "service_account_key": SERVICE_ACCOUNT}.get(kind, USER)
        key = self.plant(name, owner, ["metrics_read"] if owner else None)
        return Planted(Credential(provider="datadog", kind=kind, id=key.id, scope=owner, name=name), key.value)

    def alive(self, kind: str) -> set[str]:
        """What Datadog accepts now."""
        owner = {"api_key": "", "service_account_key": SERVICE_ACCOUNT}.get(kind, USER)
        return {key.value for key in self.keys.values() if key.owner == owner} - set(self.secrets.values())

    def denied(self, asked: Asked) -> Said | None:
        """403 for everything: a value that it does not know, and a permission that lacks."""
        if not any(key.value == asked.headers.get("dd-api-key") for key in self.keys.values() if not key.owner):
            return _error(403, "Forbidden")
        application = asked.headers.get("dd-application-key")
        known = any(key.value == application for key in self.keys.values() if key.owner)
        if asked.path == "/api/v1/validate" or (known and asked.path == "/api/v2/validate_keys"):
            return None
        return None if known and application not in self.weak else _error(403, "Forbidden")

    def _list(self, asked: Asked) -> Said:
        found = [key for key in self.keys.values() if bool(key.owner) == ("application" in asked.path)]
        begin = int(asked.one("page[number]", "0")) * PAGE
        page = found[begin : begin + PAGE]
        owners = sorted({key.owner for key in page} - {""}) if asked.one("include") == "owned_by" else []
        users = [
            {"type": "users", "id": owner, "attributes": {"service_account": owner == SERVICE_ACCOUNT}}
            for owner in owners
        ]
        count = {"page": {"total_filtered_count": len(found)}}
        return Said(data={"data": [_shown(key) for key in page], "included": users, "meta": count})

    def _create(self, asked: Asked) -> Said:
        data, owner = asked.json()["data"], asked.ids.get("account", "")
        if data["type"] != ("application_keys" if owner else "api_keys") or not data["attributes"].get("name"):
            return _error(400, "Invalid type or name")
        if owner not in ("", SERVICE_ACCOUNT):
            return _error(404, "Service account not found")
        key = self.plant(data["attributes"]["name"], owner, data["attributes"].get("scopes"))
        return Said(201, {"data": _shown(key, key.value)})

    def _get(self, asked: Asked) -> Said:
        key = self._of(asked)
        # Datadog tells the value of an API key again and again.
        return Said(data={"data": _shown(key, "" if key.owner else key.value)}) if key else _error(404, "Not found")

    def _delete(self, asked: Asked) -> Said:
        key = self._of(asked)
        if key is None:
            return _error(404, "Not found")
        del self.keys[key.id]
        return Said(204)

    def _of(self, asked: Asked) -> Key | None:
        key = self.keys.get(asked.ids["key"])
        return key if key and bool(key.owner) == ("application" in asked.path) else None


def _shown(key: Key, value: str = "") -> dict[str, Any]:
    attributes = {"name": key.name, "last4": key.value[-4:], "created_at": "2026-11-01T00:00:00+00:00"}
    if value:
        attributes["key"] = value
    if not key.owner:
        return {"type": "api_keys", "id": key.id, "attributes": attributes}
    owner = {"owned_by": {"data": {"type": "users", "id": key.owner}}}
    scoped = attributes | {"scopes": key.scopes}
    return {"type": "application_keys", "id": key.id, "attributes": scoped, "relationships": owner}


def _error(status: int, message: str) -> Said:
    return Said(status, {"errors": [message]})
