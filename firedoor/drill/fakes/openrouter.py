"""A fake of OpenRouter's key API: workspaces, keys with limits, activity by day.

Judged by the official document (OpenRouterTeam/typescript-sdk, 2026-08-22) in the tests, but for `/workspaces`.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

DEFAULT = "0df9e665-d932-5740-b2c7-b52af166bc11"
OTHER = "770e8400-e29b-41d4-a716-446655440000"
#: The real one has more; OpenRouter tells a client neither.
PAGE = 2
SETTABLE = frozenset(
    {"name", "limit", "limit_reset", "include_byok_in_limit", "disabled", "expires_at", "creator_user_id"}
)


@dataclass
class Key:
    """A key with its value, and what it may do."""

    value: str
    workspace: str
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Its id."""
        return hashlib.sha256(self.value.encode()).hexdigest()


class FakeOpenRouter(Fake):
    """One account with two workspaces."""

    name: ClassVar[str] = "openrouter"

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, Key] = {}
        self.activity: list[dict[str, Any]] = []
        self.spent_today = 0.0
        self.management = canary("sk-or-v1-")
        self.managements = {self.management}
        self.route("GET", "/api/v1/key", self._own)
        self.route("GET", "/api/v1/workspaces", self._workspaces)
        self.route("GET", "/api/v1/keys", self._list)
        self.route("POST", "/api/v1/keys", self._create)
        self.route("GET", "/api/v1/keys/{hash}", self._get)
        self.route("PATCH", "/api/v1/keys/{hash}", self._update)
        self.route("DELETE", "/api/v1/keys/{hash}", self._delete)
        self.route("GET", "/api/v1/activity", self._activity)

    @property
    def secrets(self) -> dict[str, str]:
        """The management key that firedoor works with."""
        return {"management_key": self.management}

    def plant(self, name: str, workspace: str = DEFAULT, **said: Any) -> Key:
        """A key that is there before the incident; `said` are its limits."""
        with self.lock:
            key = Key(canary("sk-or-v1-"), workspace, {"name": name, **said})
            self.keys[key.hash] = key
            return key

    def plant_credential(self, kind: str, name: str) -> Planted:
        """An API key, or a management key, which the API does not list."""
        if kind == "management_key":
            value = canary("sk-or-v1-")
            self.managements.add(value)
            return Planted(Credential(provider=self.name, kind=kind, name=name), value)
        key = self.plant(name)
        return Planted(
            Credential(provider=self.name, kind=kind, id=key.hash, scope=key.workspace, name=name), key.value
        )

    def alive(self, kind: str) -> set[str]:
        """What OpenRouter accepts now."""
        if kind == "management_key":
            return self.managements - {self.management}
        return {key.value for key in self.keys.values() if not key.said.get("disabled")}

    def denied(self, asked: Asked) -> Said | None:
        """`GET /key` takes any key that lives, everything else a management key."""
        token = asked.bearer()
        if token in self.managements or (asked.path == "/api/v1/key" and token in self.alive("api_key")):
            return None
        if asked.method == "POST" and token in self.alive("api_key"):
            return _error(403, "Only management keys can perform this operation")
        return _error(401, "User not found.")

    def _own(self, asked: Asked) -> Said:
        managing = asked.bearer() in self.managements
        shown = _shown(Key(asked.bearer(), DEFAULT, {"name": "own"}), 0)
        for name in ("hash", "name", "disabled", "created_at", "updated_at", "workspace_id"):
            del shown[name]
        flags = {"is_free_tier": False, "is_management_key": managing, "is_provisioning_key": managing}
        rate = {"interval": "10s", "note": "deprecated", "requests": -1}
        return Said(data={"data": shown | flags | {"rate_limit": rate}})

    def _workspaces(self, asked: Asked) -> Said:
        found = [{"id": one, "name": one[:8], "slug": one[:8]} for one in (DEFAULT, OTHER)]
        return Said(data={"data": _page(asked, found), "total_count": len(found)})

    def _list(self, asked: Asked) -> Said:
        workspace, disabled = asked.one("workspace_id", DEFAULT), asked.one("include_disabled") == "true"
        found = [
            _shown(key, self.spent_today)
            for key in self.keys.values()
            if key.workspace == workspace and (disabled or not key.said.get("disabled"))
        ]
        return Said(data={"data": _page(asked, found)})

    def _create(self, asked: Asked) -> Said:
        wanted = asked.json()
        workspace = wanted.pop("workspace_id", DEFAULT)
        if not wanted.get("name") or wanted.keys() - SETTABLE or not str(wanted.get("expires_at", "Z")).endswith("Z"):
            return _error(400, "Invalid request parameters")
        key = self.plant(workspace=workspace, **wanted)
        return Said(201, {"data": _shown(key, 0), "key": key.value})

    def _get(self, asked: Asked) -> Said:
        key = self.keys.get(asked.ids["hash"])
        return Said(data={"data": _shown(key, self.spent_today)}) if key else _error(404, "Resource not found")

    def _update(self, asked: Asked) -> Said:
        key = self.keys.get(asked.ids["hash"])
        if key is None:
            return _error(404, "Resource not found")
        key.said |= asked.json()
        return Said(data={"data": _shown(key, self.spent_today)})

    def _delete(self, asked: Asked) -> Said:
        if self.keys.pop(asked.ids["hash"], None) is None:
            return _error(404, "Resource not found")
        return Said(data={"deleted": True})

    def _activity(self, asked: Asked) -> Said:
        wanted = asked.one("api_key_hash")
        rows = [{**row} for row in self.activity if wanted in ("", row["key"])]
        for row in rows:
            del row["key"]
        fixed = {"endpoint_id": OTHER, "provider_name": "Fake", "byok_usage_inference": 0, "reasoning_tokens": 0}
        return Said(data={"data": [fixed | {"usage": 0.1, "model_permaslug": row["model"]} | row for row in rows]})


def _page(asked: Asked, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    offset = int(asked.one("offset", "0"))
    return found[offset : offset + PAGE]


def _shown(key: Key, spent: float) -> dict[str, Any]:
    limit = key.said.get("limit")
    spending = {f"{what}{per}": 0 for what in ("usage", "byok_usage") for per in ("", "_daily", "_weekly", "_monthly")}
    return {
        "hash": key.hash,
        "label": f"{key.value[:12]}...{key.value[-3:]}",
        "disabled": False,
        "limit": None,
        "limit_remaining": limit,
        "limit_reset": None,
        "include_byok_in_limit": False,
        "created_at": "2026-11-01T00:00:00Z",
        "updated_at": None,
        "expires_at": None,
        "creator_user_id": None,
        "workspace_id": key.workspace,
        **spending,
        "usage_daily": spent,
        **key.said,
    }


def _error(status: int, message: str) -> Said:
    return Said(status, {"error": {"code": status, "message": message}})
