"""A fake of Anthropic's Admin API: keys with a status, workspaces, token usage. Nobody creates a key by API."""

import itertools
from dataclasses import dataclass
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

STATUSES = frozenset({"active", "inactive", "archived"})
DAY = "2026-11-01T00:00:00Z"


@dataclass
class Key:
    """A key with its value."""

    id: str
    name: str
    value: str
    workspace: str
    status: str = "active"


class FakeAnthropic(Fake):
    """One organization with any number of workspaces."""

    name: ClassVar[str] = "anthropic"

    def __init__(self) -> None:
        super().__init__()
        self._ids = itertools.count(1)
        self.keys: dict[str, Key] = {}
        self.uses: list[dict[str, Any]] = []
        self.admin = canary("sk-ant-admin01-")
        self.admins = {self.admin}
        self.route("GET", "/v1/models", self._models)
        self.route("GET", "/v1/organizations/me", self._me)
        self.route("GET", "/v1/organizations/api_keys", self._list)
        self.route("GET", "/v1/organizations/api_keys/{key}", self._get)
        self.route("POST", "/v1/organizations/api_keys/{key}", self._update)
        self.route("GET", "/v1/organizations/usage_report/messages", self._usage)

    @property
    def secrets(self) -> dict[str, str]:
        """The admin key that firedoor works with."""
        return {"admin_key": self.admin}

    def plant(self, name: str, workspace: str = "wrkspc_gateway") -> Key:
        """What a person makes at the console."""
        with self.lock:
            number = next(self._ids)
            key = Key(f"apikey_{number:04}", name, canary("sk-ant-api03-"), workspace)
            self.keys[key.id] = key
            return key

    def plant_credential(self, kind: str, name: str) -> Planted:
        """An API key, or an admin key, which has no id that the API knows."""
        if kind == "admin_key":
            value = canary("sk-ant-admin01-")
            self.admins.add(value)
            return Planted(Credential(provider="anthropic", kind=kind, name=name), value)
        key = self.plant(name)
        return Planted(
            Credential(provider="anthropic", kind=kind, id=key.id, scope=key.workspace, name=name), key.value
        )

    def alive(self, kind: str) -> set[str]:
        """What Anthropic accepts now."""
        if kind == "admin_key":
            return self.admins - {self.admin}
        return {key.value for key in self.keys.values() if key.status == "active"}

    def denied(self, asked: Asked) -> Said | None:
        """Everything under /organizations needs an admin key, and every call the version."""
        if asked.headers.get("anthropic-version") != "2023-06-01":
            return _error(400, "invalid_request_error", "anthropic-version: header is required")
        value = asked.headers.get("x-api-key", "")
        if asked.path.startswith("/v1/organizations"):
            return None if value in self.admins else _error(401, "authentication_error", "invalid x-api-key")
        return None if value in self.alive("api_key") else _error(401, "authentication_error", "invalid x-api-key")

    def _models(self, asked: Asked) -> Said:
        model = {"id": "claude-fake", "type": "model", "display_name": "Claude Fake", "created_at": DAY}
        return Said(data={"data": [model], "has_more": False, "first_id": model["id"], "last_id": model["id"]})

    def _me(self, asked: Asked) -> Said:
        return Said(data={"id": "org-fake", "type": "organization", "name": "Gateway"})

    def _list(self, asked: Asked) -> Said:
        workspace, after, limit = asked.one("workspace_id"), asked.one("after_id"), int(asked.one("limit", "20"))
        found = [_shown(key) for key in self.keys.values() if workspace in ("", key.workspace)]
        ids = [one["id"] for one in found]
        begin = ids.index(after) + 1 if after in ids else 0
        page = found[begin : begin + limit]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
        return Said(data={"data": page, "has_more": begin + limit < len(found)} | ends)

    def _get(self, asked: Asked) -> Said:
        key = self.keys.get(asked.ids["key"])
        return Said(data=_shown(key)) if key else _error(404, "not_found_error", "No such key")

    def _update(self, asked: Asked) -> Said:
        key, wanted = self.keys.get(asked.ids["key"]), asked.json()
        if key is None:
            return _error(404, "not_found_error", "No such key")
        if wanted.get("status") not in STATUSES or key.status == "archived" != wanted["status"]:
            return _error(400, "invalid_request_error", "status: not allowed")
        key.status = wanted["status"]
        return Said(data=_shown(key))

    def _usage(self, asked: Asked) -> Said:
        wanted = [value for name, value in asked.query if name == "api_key_ids[]"]
        buckets = [
            {
                "starting_at": use["start"],
                "ending_at": use["end"],
                "results": [
                    {
                        "model": use["model"],
                        "uncached_input_tokens": use["tokens"],
                        "cache_read_input_tokens": 0,
                        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
                        "output_tokens": 0,
                    }
                ],
            }
            for use in self.uses
            if use["key"] in wanted and use["start"] >= asked.one("starting_at")
        ]
        return Said(data={"data": buckets, "has_more": False, "next_page": None})


def _shown(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "type": "api_key",
        "name": key.name,
        "partial_key_hint": f"{key.value[:14]}...{key.value[-4:]}",
        "status": key.status,
        "created_at": DAY,
        "created_by": {"id": "user_ada", "type": "user"},
        "expires_at": None,
        "scope": {"type": "workspace", "workspace_id": key.workspace},
    }


def _error(status: int, kind: str, message: str) -> Said:
    return Said(status, {"type": "error", "error": {"type": kind, "message": message}})
