"""A fake of GitLab: access tokens of a project, a group and people. Its `rotate` has the trap of the real one."""

import itertools
from functools import partial
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

SCOPES = {"project_access_token": "7", "group_access_token": "8", "personal_access_token": ""}
PLACES = {
    "project_access_token": "/api/v4/projects/7/access_tokens",
    "group_access_token": "/api/v4/groups/8/access_tokens",
}
PERSONAL = "/api/v4/personal_access_tokens"


class FakeGitLab(Fake):
    """One project, one group, and everybody's own tokens."""

    name: ClassVar[str] = "gitlab"

    def __init__(self) -> None:
        super().__init__()
        self._ids = itertools.count(1)
        self.tokens: dict[str, dict[str, Any]] = {}
        self.owner = str(self._add("personal_access_token", "firedoor")["token"])
        self.route("GET", f"{PERSONAL}/self", self._self)
        self.route("DELETE", f"{PERSONAL}/self", self._delete_self)
        for kind, place in (*PLACES.items(), ("personal_access_token", PERSONAL)):
            self.route("GET", place, partial(self._list, kind))
            self.route("GET", f"{place}/{{token}}", self._get)
            self.route("DELETE", f"{place}/{{token}}", self._delete)
            self.route("POST", f"{place}/{{token}}/rotate", self._rotate)
        for kind, place in PLACES.items():
            self.route("POST", place, partial(self._create, kind))

    @property
    def secrets(self) -> dict[str, str]:
        """The token of an owner."""
        return {"token": self.owner}

    def plant_credential(self, kind: str, name: str) -> Planted:
        """A token that may write the repository."""
        one = self._add(kind, name)
        credential = Credential(provider="gitlab", kind=kind, id=str(one["id"]), scope=SCOPES[kind], name=name)
        return Planted(credential, one["token"])

    def alive(self, kind: str) -> set[str]:
        """What GitLab accepts now."""
        return {one["token"] for one in self.tokens.values() if one["active"] and one["kind"] == kind} - {self.owner}

    def denied(self, asked: Asked) -> Said | None:
        """Any token may ask about itself; the rest is for the owner."""
        value = asked.headers.get("private-token", "")
        if not any(one["token"] == value and one["active"] for one in self.tokens.values()):
            return Said(401, {"message": "401 Unauthorized"})
        return None if value == self.owner or asked.path.endswith("/self") else Said(403, {"message": "403 Forbidden"})

    def _add(self, kind: str, name: str, **fields: Any) -> dict[str, Any]:
        with self.lock:
            number = next(self._ids)
            one = {"id": number, "name": name, "active": True, "revoked": False, "user_id": 3, "kind": kind}
            one |= {"scopes": ["write_repository"], "access_level": 40, "created_at": "2026-11-01T00:00:00.000Z"}
            one |= {"expires_at": "2027-01-01", "last_used_at": None, "token": canary("glpat-"), **fields}
            self.tokens[str(number)] = one
            return one

    def _self(self, asked: Asked) -> Said:
        value = asked.headers.get("private-token", "")
        return Said(data=_shown(next(one for one in self.tokens.values() if one["token"] == value)))

    def _delete_self(self, asked: Asked) -> Said:
        value = asked.headers.get("private-token", "")
        _kill(next(one for one in self.tokens.values() if one["token"] == value))
        return Said(204)

    def _list(self, kind: str, asked: Asked) -> Said:
        found = [_shown(one) for one in self.tokens.values() if one["kind"] == kind]
        number, size = int(asked.one("page", "1")), int(asked.one("per_page", "20"))
        return Said(data=found[(number - 1) * size : number * size])

    def _get(self, asked: Asked) -> Said:
        one = self.tokens.get(asked.ids["token"])
        return Said(data=_shown(one)) if one else Said(404, {"message": "404 Not Found"})

    def _delete(self, asked: Asked) -> Said:
        one = self.tokens.get(asked.ids["token"])
        if one is None or not one["active"]:
            return Said(404, {"message": "404 Not Found"})
        _kill(one)
        return Said(204)

    def _create(self, kind: str, asked: Asked) -> Said:
        wanted = asked.json()
        one = self._add(kind, wanted["name"], scopes=wanted["scopes"], access_level=wanted.get("access_level", 40))
        return Said(201, _shown(one) | {"token": one["token"]})

    def _rotate(self, asked: Asked) -> Said:
        """The trap: rotating what is revoked revokes the family. Nobody here should ever come by."""
        for one in self.tokens.values():
            _kill(one)
        return Said(401, {"message": "401 Unauthorized"})


def _kill(one: dict[str, Any]) -> None:
    one |= {"active": False, "revoked": True}


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in {"token", "kind"}}
