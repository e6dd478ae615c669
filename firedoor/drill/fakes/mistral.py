"""A fake of Mistral's Admin API: keys of workspaces and users, members, a policy that shortens how long a key lives.

Judged by the official document (mistralai/platform-docs-public, 2026-08-21) in the tests, but for `/v1/admin/users`.
"""

import datetime
import unicodedata
import uuid
from dataclasses import dataclass, field
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

WORKSPACE = "6f1e7c1a-0d3c-4f6e-9b1e-2f4b0c8d7a11"
OTHER = "b2a9d5c4-7e61-4a0f-8c3d-91f0e2d4c6b8"
ADA = "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
MEMBERS = {"ada@example.com": ADA, "alan@example.com": "9f8e7d6c-5b4a-4938-8271-6a5b4c3d2e1f"}
#: What `created_by` names is an e-mail, or the key that made the key.
API_KEY = "Admin API key"
#: The real one has a hundred; small pages make a client turn them.
PAGE = 2
CREATED = "2026-09-01T08:30:00Z"
MODEL = {"id": "mistral-small-latest", "capabilities": {}, "object": "model", "owned_by": "mistralai", "type": "base"}


@dataclass
class Key:
    """A key with its value."""

    value: str
    said: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def works(self) -> bool:
        """Until its last day is over, and for the API only where it is a key of the API."""
        ends = str(self.said.get("expiration_date") or "")
        over = bool(ends) and datetime.date.fromisoformat(ends) < _today()
        return not over and self.said["product"] in (None, "API")


class FakeMistral(Fake):
    """One organization with two workspaces. `most_days`: how long its policy lets a new key live."""

    name: ClassVar[str] = "mistral"

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, Key] = {}
        self.most_days = 0
        self.admin = canary("")
        self.admins = {self.admin}
        self.route("GET", "/v1/models", lambda _: Said(data={"object": "list", "data": [MODEL]}))
        self.route("GET", "/v1/admin/workspaces", self._workspaces)
        self.route("GET", "/v1/admin/users", self._users)
        self.route("GET", "/v1/admin/api-keys", self._list)
        self.route("POST", "/v1/admin/api-keys", self._create)
        self.route("DELETE", "/v1/admin/api-keys/{key}", self._delete)

    @property
    def secrets(self) -> dict[str, str]:
        """The key that firedoor works with."""
        return {"admin_key": self.admin}

    def plant(self, name: str, workspace: str = WORKSPACE, **said: Any) -> Key:
        """A key that is there before the incident; `said` is what Mistral tells of it."""
        facts = {
            "name": name,
            "created_at": CREATED,
            "expiration_date": None,
            "workspace_id": workspace,
            "created_by": "ada@example.com",
            "product": "API",
            "last_used": "2026-11-20",
        }
        with self.lock:
            key = Key(canary(""), facts | said)
            self.keys[key.id] = key
            return key

    def plant_credential(self, kind: str, name: str) -> Planted:
        """A key of a workspace or of a product, or an Admin API key, which the API does not list."""
        if kind == "admin_key":
            value = canary("")
            self.admins.add(value)
            return Planted(Credential(provider=self.name, kind=kind, name=name), value)
        key = self.plant(name, product="Mistral Code" if kind == "product_key" else "API")
        return Planted(Credential(provider=self.name, kind=kind, id=key.id, scope=WORKSPACE, name=name), key.value)

    def alive(self, kind: str) -> set[str]:
        """What the API accepts now; of another product's, what that accepts."""
        if kind == "admin_key":
            return self.admins - {self.admin}
        if kind == "product_key":
            return {key.value for key in self.keys.values() if key.said["product"] == "Mistral Code"}
        return {key.value for key in self.keys.values() if key.works}

    def denied(self, asked: Asked) -> Said | None:
        """The API takes any key of its own, the Admin API only an Admin API key."""
        value = asked.bearer()
        managing = asked.path.startswith("/v1/admin/")
        if value in (self.admins if managing else self.alive("api_key")):
            return None
        if managing and value in self.alive("api_key"):
            return Said(403, {"detail": "This endpoint requires an Admin API key"})
        return Said(401, {"detail": "Unauthorized"})

    def _workspaces(self, asked: Asked) -> Said:
        found = [_workspace(one) for one in (WORKSPACE, OTHER)]
        size, page = int(asked.one("page_size", "25")), int(asked.one("page", "1"))
        items = found[(page - 1) * size : page * size]
        return Said(data={"total": len(found), "items": items, "object": "list", "page": page, "page_size": size})

    def _users(self, asked: Asked) -> Said:
        wanted = asked.one("email").casefold()
        members = [{"uuid": one, "email": email} for email, one in MEMBERS.items() if wanted in email]
        return Said(data={"members": members, "invites": [], "total": len(members), "page": 1, "page_size": 25})

    def _list(self, asked: Asked) -> Said:
        """A part of a name, or the last four characters of a value; in any case, with or without accents."""
        wanted = _plain(asked.one("name"))
        found = [
            _shown(key)
            for key in self.keys.values()
            if wanted in _plain(key.said["name"] or "") or (len(wanted) == 4 and _plain(key.value[-4:]) == wanted)
        ]
        offset = int(asked.one("offset", "0"))
        return Said(data={"keys": found[offset : offset + min(PAGE, int(asked.one("limit", "100")))]})

    def _create(self, asked: Asked) -> Said:
        wanted = asked.json()
        workspace, user = wanted.get("workspace_uuid"), wanted.get("user_id")
        if workspace not in (WORKSPACE, OTHER) or user not in MEMBERS.values():
            return Said(404, {"detail": "Workspace or user not found"})
        ends = wanted.get("expiration")
        if self.most_days:
            latest = (_today() + datetime.timedelta(days=self.most_days)).isoformat()
            ends = min(ends or latest, latest)
        created = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        facts = {"created_at": created, "expiration_date": ends, "created_by": API_KEY, "last_used": None, "user": user}
        key = self.plant(wanted.get("name") or "", workspace, **facts)
        shown = _shown(key)
        for name in ("workspace_id", "workspace_name", "created_by", "product", "last_used", "can_delete"):
            del shown[name]
        return Said(data=shown | {"key": key.value})

    def _delete(self, asked: Asked) -> Said:
        if self.keys.pop(asked.ids["key"], None) is None:
            return Said(404, {"detail": "API key not found"})
        return Said(data={"detail": "API key deleted successfully"})


def _shown(key: Key) -> dict[str, Any]:
    told = {name: value for name, value in key.said.items() if name != "user"}
    available = {"status": "available"}
    return told | {
        "key_id": key.id,
        "key": None,
        "hidden_key": f"{key.value[:4]}...{key.value[-4:]}",
        "actions": {"rotate": available, "delete": available},
        "workspace_name": "Gateway",
        "can_delete": True,
    }


def _workspace(number: str) -> dict[str, Any]:
    return {"uuid": number, "name": "Gateway", "description": None, "icon": None, "is_default": number == WORKSPACE}


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
