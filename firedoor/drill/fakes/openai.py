"""A fake of OpenAI's organization API: projects, their keys and service accounts, admin keys, usage.

Judged by the official document (openai/openai-openapi, 2026-08-21) in the tests.
"""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

WRITES = frozenset({"POST", "DELETE"})


@dataclass
class Key:
    """A key with its value. `owner` is a service account's id, or empty for a user's."""

    id: str
    name: str
    value: str
    project: str
    owner: str = ""
    user: str = ""
    #: The user left the project: the key works, and is listed only to those who ask for it.
    left: bool = False
    created: int = field(default_factory=lambda: int(time.time()))


class FakeOpenAI(Fake):
    """One organization with any number of projects."""

    name: ClassVar[str] = "openai"

    def __init__(self) -> None:
        super().__init__()
        self._ids = itertools.count(1)
        self.keys: dict[str, Key] = {}
        self.accounts: dict[str, tuple[str, str]] = {}
        self.admin_keys: dict[str, Key] = {}
        self.projects: set[str] = {"proj_gateway"}
        self.uses: list[dict[str, Any]] = []
        #: Admin keys that may only read.
        self.read_only: set[str] = set()
        self.admin = self._admin("firedoor").value
        projects = "/v1/organization/projects"
        self.route("GET", "/v1/models", self._models)
        self.route("GET", projects, self._projects)
        self.route("GET", f"{projects}/{{project}}/api_keys", self._list)
        self.route("GET", f"{projects}/{{project}}/api_keys/{{key}}", self._get)
        self.route("DELETE", f"{projects}/{{project}}/api_keys/{{key}}", self._delete)
        self.route("GET", f"{projects}/{{project}}/service_accounts", self._list_accounts)
        self.route("POST", f"{projects}/{{project}}/service_accounts", self._create_account)
        self.route("DELETE", f"{projects}/{{project}}/service_accounts/{{account}}", self._delete_account)
        self.route("GET", "/v1/organization/admin_api_keys", self._list_admin)
        self.route("POST", "/v1/organization/admin_api_keys", self._create_admin)
        self.route("GET", "/v1/organization/admin_api_keys/{key}", self._get_admin)
        self.route("DELETE", "/v1/organization/admin_api_keys/{key}", self._delete_admin)
        self.route("GET", "/v1/organization/usage/completions", self._usage)

    def plant(self, name: str, *, project: str = "proj_gateway", user: str = "") -> Key:
        """A key that is there before the incident: of a new service account, or of a user."""
        with self.lock:
            account = "" if user else f"svc_acct_{next(self._ids)}"
            if account:
                self.accounts[account] = (project, name)
            return self._mint(name, project, owner=account, user=user)

    @property
    def secrets(self) -> dict[str, str]:
        """The admin key that firedoor works with."""
        return {"admin_key": self.admin}

    def plant_credential(self, kind: str, name: str) -> Planted:
        """A key of a service account or of a user, or an admin key."""
        with self.lock:
            key = self._admin(name) if kind == "admin_key" else self.plant(name, user="ada" * (kind == "user_key"))
        return Planted(Credential(provider="openai", kind=kind, id=key.id, scope=key.project, name=name), key.value)

    def alive(self, kind: str) -> set[str]:
        """What OpenAI accepts now."""
        if kind == "admin_key":
            return {key.value for key in self.admin_keys.values()} - {self.admin}
        return {key.value for key in self.keys.values() if bool(key.owner) == (kind == "service_account_key")}

    def denied(self, asked: Asked) -> Said | None:
        """Everything under /organization needs an admin key, `GET /models` any key."""
        token = asked.bearer()
        if not asked.path.startswith("/v1/organization"):
            known = any(key.value == token for key in (*self.keys.values(), *self.admin_keys.values()))
            return None if known else _error(401, "Incorrect API key provided.", "invalid_api_key")
        if not any(key.value == token for key in self.admin_keys.values()):
            return _error(401, "Incorrect API key provided.", "invalid_api_key")
        if asked.method in WRITES and token in self.read_only:
            return _error(403, "Missing scopes: api.management.write.", "insufficient_permissions")
        return None

    def _mint(self, name: str, project: str, *, owner: str = "", user: str = "") -> Key:
        prefix = "sk-svcacct-" if owner else "sk-proj-"
        key = Key(f"key_{next(self._ids)}", name, canary(prefix), project, owner, user)
        self.keys[key.id] = key
        return key

    def _admin(self, name: str) -> Key:
        key = Key(f"key_admin_{next(self._ids)}", name, canary("sk-admin-"), "", user="ada")
        self.admin_keys[key.id] = key
        return key

    def _models(self, asked: Asked) -> Said:
        model = {"id": "gpt-fake", "object": "model", "created": 1, "owned_by": "firedoor"}
        return Said(data={"object": "list", "data": [model]})

    def _projects(self, asked: Asked) -> Said:
        found = [
            {"id": one, "object": "organization.project", "name": one, "created_at": 1, "status": "active"}
            for one in sorted(self.projects)
        ]
        return _page(asked, found)

    def _list(self, asked: Asked) -> Said:
        if asked.ids["project"] not in self.projects:
            return _error(404, "No such project.", "not_found")
        anybodys = asked.one("owner_project_access") == "any"
        found = [key for key in self.keys.values() if key.project == asked.ids["project"]]
        return _page(asked, [self._shown(key) for key in found if anybodys or not key.left])

    def _get(self, asked: Asked) -> Said:
        key = self._of(asked)
        return Said(data=self._shown(key)) if key else _error(404, "No such key.", "not_found")

    def _delete(self, asked: Asked) -> Said:
        key = self._of(asked)
        if key is None:
            return _error(404, "No such key.", "not_found")
        if key.owner:
            return _error(400, "Cannot delete a key of a service account.", "invalid_request")
        del self.keys[key.id]
        return Said(data={"object": "organization.project.api_key.deleted", "id": key.id, "deleted": True})

    def _list_accounts(self, asked: Asked) -> Said:
        found = [
            _account(one, name) for one, (project, name) in self.accounts.items() if project == asked.ids["project"]
        ]
        return _page(asked, found)

    def _create_account(self, asked: Asked) -> Said:
        if asked.ids["project"] not in self.projects:
            return _error(404, "No such project.", "not_found")
        name, account = asked.json()["name"], f"svc_acct_{next(self._ids)}"
        self.accounts[account] = (asked.ids["project"], name)
        key = self._mint(name, asked.ids["project"], owner=account)
        made = {"object": "organization.project.service_account.api_key", "value": key.value, "name": name}
        return Said(data=_account(account, name) | {"api_key": made | {"created_at": key.created, "id": key.id}})

    def _delete_account(self, asked: Asked) -> Said:
        account = asked.ids["account"]
        if self.accounts.get(account, ("",))[0] != asked.ids["project"]:
            return _error(404, "No such service account.", "not_found")
        del self.accounts[account]
        self.keys = {key.id: key for key in self.keys.values() if key.owner != account}
        return Said(data={"object": "organization.project.service_account.deleted", "id": account, "deleted": True})

    def _list_admin(self, asked: Asked) -> Said:
        return _page(asked, [self._shown_admin(key) for key in self.admin_keys.values()])

    def _create_admin(self, asked: Asked) -> Said:
        key = self._admin(asked.json()["name"])
        return Said(data=self._shown_admin(key) | {"value": key.value})

    def _get_admin(self, asked: Asked) -> Said:
        key = self.admin_keys.get(asked.ids["key"])
        return Said(data=self._shown_admin(key)) if key else _error(404, "No such key.", "not_found")

    def _delete_admin(self, asked: Asked) -> Said:
        if self.admin_keys.pop(asked.ids["key"], None) is None:
            return _error(404, "No such key.", "not_found")
        return Said(data={"id": asked.ids["key"], "object": "organization.admin_api_key.deleted", "deleted": True})

    def _usage(self, asked: Asked) -> Said:
        start, wanted = int(asked.one("start_time")), [value for name, value in asked.query if name == "api_key_ids"]
        buckets = [
            {
                "object": "bucket",
                "start_time": use["start"],
                "end_time": use["start"] + 3600,
                "results": [
                    {
                        "object": "organization.usage.completions.result",
                        "input_tokens": use["tokens"],
                        "output_tokens": 0,
                        "num_model_requests": use["requests"],
                        "model": use["model"],
                    }
                ],
            }
            for use in self.uses
            if use["start"] >= start and use["key"] in wanted
        ]
        return Said(data={"object": "page", "data": buckets, "has_more": False, "next_page": None})

    def _of(self, asked: Asked) -> Key | None:
        key = self.keys.get(asked.ids["key"])
        return key if key and key.project == asked.ids["project"] else None

    def _shown(self, key: Key) -> dict[str, Any]:
        if key.owner:
            owner: dict[str, Any] = {"type": "service_account", "service_account": _owner(key.owner, key.name)}
        else:
            user = {"id": f"user_{key.user}", "name": key.user, "email": f"{key.user}@example.com", "role": "member"}
            owner = {"type": "user", "user": user | {"created_at": 1}}
        return {
            "object": "organization.project.api_key",
            "id": key.id,
            "name": key.name,
            "redacted_value": f"{key.value[:8]}****{key.value[-4:]}",
            "created_at": key.created,
            "last_used_at": key.created,
            "owner_project_access": "inactive" if key.left else "active",
            "owner": owner,
        }

    def _shown_admin(self, key: Key) -> dict[str, Any]:
        return {
            "object": "organization.admin_api_key",
            "id": key.id,
            "name": key.name,
            "redacted_value": f"{key.value[:9]}****{key.value[-4:]}",
            "created_at": key.created,
            "last_used_at": None,
            "expires_at": None,
            "owner": {"type": "user", "object": "organization.user", "id": "user_ada", "name": "Ada", "role": "owner"},
        }


def _owner(account: str, name: str) -> dict[str, Any]:
    return {"id": account, "name": name, "created_at": 1, "role": "member"}


def _account(account: str, name: str) -> dict[str, Any]:
    return {"object": "organization.project.service_account"} | _owner(account, name)


def _page(asked: Asked, found: list[dict[str, Any]]) -> Said:
    """One page of a list, after `after`, at most `limit`."""
    after, limit = asked.one("after"), int(asked.one("limit", "20"))
    ids = [one["id"] for one in found]
    begin = ids.index(after) + 1 if after in ids else 0
    page = found[begin : begin + limit]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
    return Said(data={"object": "list", "data": page, "has_more": begin + limit < len(found)} | ends)


def _error(status: int, message: str, code: str) -> Said:
    return Said(status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}})
