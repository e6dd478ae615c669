"""A fake of GitHub's stores of secrets: sealed boxes that it opens, times in whole seconds, and who may use them.

Judged by the official document (octokit/openapi 23.0.2) in the tests. A value is stored only if it was sealed with the
key of that moment: every write puts another key in its place.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import unquote

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from firedoor.drill.fakes._fake import Asked, Fake, Said, canary

APPS = ("actions", "dependabot", "codespaces")
#: What GitHub says of a repository besides its name and number, each with `_url` behind it.
LINKS = (
    "archive assignees blobs branches collaborators comments commits compare contents contributors deployments "
    "downloads events forks git_commits git_refs git_tags hooks html issue_comment issue_events issues keys labels "
    "languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams "
    "trees"
)
OWNER_LINKS = "avatar events followers following gists html organizations received_events repos starred subscriptions"


@dataclass
class Kept:
    """One secret. `selected` are numbers of repositories; both say nothing outside an organization."""

    value: str
    created: datetime
    updated: datetime
    visibility: str = ""
    selected: list[int] = field(default_factory=list[int])


class FakeGitHubSecrets(Fake):
    """One organization, `acme`, and its repository `gateway` with the environment `production`.

    `stores` has the secrets by the path of their store. The clock stands still but for writes: each is `tick` later.
    """

    name: ClassVar[str] = "github"

    def __init__(self) -> None:
        super().__init__()
        self.token = canary("github_pat_")
        self.may_write = True
        self.clock, self.tick = datetime(2026, 1, 1, tzinfo=UTC), timedelta(seconds=1)
        #: What somebody else does right before the next writes.
        self.meanwhile: list[Callable[[], object]] = []
        self._key, self._key_number = PrivateKey.generate(), 1
        owners = ("/repos/acme/gateway", "/orgs/acme")
        paths = [f"{owner}/{app}/secrets" for owner in owners for app in APPS]
        paths.append("/repos/acme/gateway/environments/production/secrets")
        self.stores: dict[str, dict[str, Kept]] = {path: {} for path in paths}
        for store in ("/repos/{o}/{r}/{a}/secrets", "/repos/{o}/{r}/environments/{e}/secrets", "/orgs/{o}/{a}/secrets"):
            self.route("GET", store, self._list)
            self.route("GET", f"{store}/public-key", self._public_key)
            self.route("GET", f"{store}/{{name}}/repositories", self._repositories)
            self.route("PUT", f"{store}/{{name}}", self._put)
            self.route("DELETE", f"{store}/{{name}}", self._delete)

    def write(self, store: str, name: str, value: str, visibility: str = "", selected: tuple[int, ...] = ()) -> None:
        """Write a secret as a person does at the settings."""
        with self.lock:
            self.clock += self.tick
            before = self.stores[store].get(name)
            created = before.created if before else self.clock
            self.stores[store][name] = Kept(value, created, self.clock, visibility, list(selected))

    def denied(self, asked: Asked) -> Said | None:
        """401 for another token; 404 for what there is not; 403 for a write with a token that only reads."""
        if asked.bearer() != self.token:
            return _no(401, "Bad credentials")
        if _store(asked) not in self.stores:
            return _no(404, "Not Found")
        if asked.method != "GET" and not self.may_write:
            return _no(403, "Resource not accessible by personal access token")
        return None

    def _list(self, asked: Asked) -> Said:
        rows = [self._shown(asked, name, kept) for name, kept in sorted(self.stores[_store(asked)].items())]
        return Said(data={"total_count": len(rows), "secrets": _page(asked, rows)})

    def _public_key(self, asked: Asked) -> Said:
        key = b64encode(bytes(self._key.public_key)).decode()
        return Said(data={"key_id": str(self._key_number), "key": key})

    def _repositories(self, asked: Asked) -> Said:
        kept = self.stores[_store(asked)].get(asked.ids["name"])
        if kept is None:
            return _no(404, "Not Found")
        rows = [_repository(number) for number in kept.selected]
        return Said(data={"total_count": len(rows), "repositories": _page(asked, rows)})

    def _put(self, asked: Asked) -> Said:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        path, name, body = _store(asked), asked.ids["name"].upper(), asked.json()
        if name.startswith("GITHUB_"):
            return _no(422, "Secret names must not start with GITHUB_.")
        if path.startswith("/orgs/") and body.get("visibility") not in {"all", "private", "selected"}:
            return _no(422, "Invalid request. visibility is missing.")
        try:
            value = SealedBox(self._key).decrypt(b64decode(body["encrypted_value"])).decode()
        except (CryptoError, ValueError):
            value = ""
        if not value or body["key_id"] != str(self._key_number):
            return _no(422, "Bad request - encrypted_value is not sealed with the current key")
        self._key, self._key_number = PrivateKey.generate(), self._key_number + 1
        new = name not in self.stores[path]
        # Whoever names no repositories selects none.
        self.write(path, name, value, body.get("visibility", ""), tuple(body.get("selected_repository_ids", ())))
        return Said(201, {}) if new else Said(204)

    def _delete(self, asked: Asked) -> Said:
        return Said(204) if self.stores[_store(asked)].pop(asked.ids["name"], None) else _no(404, "Not Found")

    def _shown(self, asked: Asked, name: str, kept: Kept) -> dict[str, Any]:
        shown = {"name": name, "created_at": _time(kept.created), "updated_at": _time(kept.updated)}
        if kept.visibility:
            shown["visibility"] = kept.visibility
        if kept.visibility == "selected":
            shown["selected_repositories_url"] = f"https://api.github.com{asked.path}/{name}/repositories"
        return shown


def _store(asked: Asked) -> str:
    """The path of a store, whatever of it is asked."""
    return unquote(asked.path[: asked.path.index("/secrets")] + "/secrets") if "/secrets" in asked.path else ""


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _page(asked: Asked, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    size = min(int(asked.one("per_page", "30")), 100)
    start = (int(asked.one("page", "1")) - 1) * size
    return rows[start : start + size]


def _repository(number: int) -> dict[str, Any]:
    """All that GitHub says of a repository in a list."""
    api = f"https://api.github.com/repos/acme/repository-{number}"
    owner = {
        "login": "acme",
        "id": 1,
        "node_id": "O_1",
        "gravatar_id": "",
        "type": "Organization",
        "site_admin": False,
        **{f"{link}_url": f"https://api.github.com/orgs/acme/{link}" for link in OWNER_LINKS.split()},
        "url": "https://api.github.com/orgs/acme",
    }
    about = {"id": number, "node_id": f"R_{number}", "name": f"repository-{number}", "private": True, "fork": False}
    links = {f"{link}_url": f"{api}/{link}" for link in LINKS.split()}
    return {**about, "full_name": f"acme/repository-{number}", "description": None, "owner": owner, "url": api, **links}


def _no(status: int, message: str) -> Said:
    said = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return Said(status, said)
