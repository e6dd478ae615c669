"""GitHub as a sink: a secret that is written in a sealed box, and that nobody can read.

API: https://docs.github.com/rest/actions/secrets, and the same of Dependabot and Codespaces. What proves a write is
that GitHub took it, and that `updated_at` moved. GitHub has no compare-and-swap, and nothing can be kept with a value.
So a mark is written right before it: a secret of no use, whose name says which rotation is about to write, and what
`updated_at` was until then. If that moved since, and soon, it was this rotation; if not, its value is nowhere.
"""

import re
import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from nacl.public import PublicKey, SealedBox
from pydantic import SecretStr

from activities._http import Http, Reply, Request, plain
from activities.sinks._sink import Held, Opening, required
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.sinks import Place, Store

PAGE = 100
#: An organization has room for 1,000 secrets; as many repositories may be selected as it has.
MOST_PAGES = 100
#: A change that comes later after a mark is somebody else's: nothing of ours takes so long between the two.
SOON = timedelta(minutes=10)
MARK_VALUE = SecretStr("No secret: the name of this entry says which rotation of firedoor wrote the other one.")
#: Nobody may use a mark.
NOBODY = {"visibility": "selected", "selected_repository_ids": []}
MISSING = 404
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
APPS = {"actions": "Secrets", "dependabot": "Dependabot secrets", "codespaces": "Codespaces secrets"}

Entries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A secret whose name says that a rotation is about to write. `before` is what `updated_at` was, in digits."""

    name: str
    token: str
    before: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GitHubSink:
    """One secret of one store. `secrets` is the path of the store, which `ids` fill in; `permission` what it takes."""

    place: Place
    store: Store
    http: Http
    token: SecretStr
    secrets: str
    ids: Mapping[str, str]
    permission: str

    @property
    def reference(self) -> str:
        """As it was given."""
        return self.place.text

    @property
    def name(self) -> str:
        """As GitHub keeps it."""
        return self.place.name.rpartition("/")[2].upper()

    def look(self) -> Held:
        """GET …/secrets: when it last changed, and whether a rotation that left its mark did that."""
        entries = self._list()
        one = entries.get(self.name)
        if one is None:
            return Held("")
        return Held(str(one["updated_at"]), changed=_moment(one), token=self._author(entries))

    def held(self, token: str, expected: str) -> SecretStr | None:
        """Nobody can read a value back."""
        return None

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """Nothing is stored: what is written is current at once. Raises `conflict` where the write would."""
        entries = self._list()
        self._refuse_moved(entries, token, expected)
        self._scope(entries)

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """PUT a mark and the value; then `updated_at` must have moved."""
        entries = self._list()
        self._refuse_moved(entries, token, expected)
        before, scope = self._version(entries), self._scope(entries)
        mark = f"FIREDOOR_{uuid.UUID(token).hex.upper()}_{_digits(before)}_{self.name}"
        self._put(mark, MARK_VALUE, NOBODY if scope else {})
        self._delete(one.name for one in self._marks(entries) if one.name != mark)
        self._put(self.name, value, scope)
        after = self._list()
        if self._version(after) in {"", before}:
            raise StepError(
                "not_stable",
                f"GitHub took the new value of {self.reference}, and does not say yet that it changed.",
                changed="It is not known whether it holds the new value.",
                next="firedoor tries again by itself.",
            )
        who = str(after[self.name].get("visibility", ""))
        says = f"{self.reference} was written, and changed at {self._version(after)}; its value is never shown. "
        says += f"Its visibility is {who}. " if who else ""
        says += "What was started or queued before goes on with the old one"
        return Evidence(source=f"github:GET {self.secrets}", says=says)

    def discard(self, token: str) -> None:
        """Delete the marks of this rotation: its value is nowhere."""
        self._delete(one.name for one in self._marks(self._list()) if one.token == token)

    def destroy(self, keep: str) -> Evidence | None:
        """GitHub keeps one value."""
        return None

    def _version(self, entries: Entries) -> str:
        return str(entries[self.name]["updated_at"]) if self.name in entries else ""

    def _marks(self, entries: Entries) -> list[Mark]:
        """The marks of this secret, the latest first."""
        pattern = re.compile(rf"FIREDOOR_([0-9A-F]{{32}})_([0-9]+)_{re.escape(self.name)}")
        found = [(match, one) for name, one in entries.items() if (match := pattern.fullmatch(name))]
        marks = [Mark(match[0], str(uuid.UUID(match[1])), match[2], _moment(one)) for match, one in found]
        return sorted(marks, key=lambda one: one.at, reverse=True)

    def _author(self, entries: Entries) -> str:
        """The rotation that wrote the value which is there now, as far as its mark tells; empty if none did."""
        marks = self._marks(entries)
        if not marks or self.name not in entries:
            return ""
        token, changed = marks[0].token, _moment(entries[self.name])
        unmoved = _digits(self._version(entries)) in {one.before for one in marks if one.token == token}
        return "" if unmoved or not timedelta() <= changed - marks[0].at <= SOON else token

    def _refuse_moved(self, entries: Entries, token: str, expected: str) -> None:
        """Raise `conflict` unless it is as before the rotation, or as the rotation itself left it."""
        version = self._version(entries)
        known = {one.before for one in self._marks(entries) if one.token == token}
        if version == expected or _digits(version) in known or self._author(entries) == token:
            return
        raise StepError(
            "conflict",
            f"{self.reference} was changed by somebody else meanwhile: it "
            + (f"last changed at {plain(version)}" if version else "is gone")
            + (f", not at {expected} as before." if expected else ", and was not there before."),
            changed="The secret is as they left it.",
            next="Look in the audit log who changed it, then begin again.",
        )

    def _scope(self, entries: Entries) -> dict[str, Any]:
        """Who may use it, for a PUT: as it is now. Raises `invalid_arguments` where nobody has said yet."""
        if "org" not in self.ids:
            return {}
        visibility = str(entries.get(self.name, self.place.options).get("visibility", ""))
        if visibility not in {"all", "private", "selected"}:
            raise StepError(
                "invalid_arguments",
                f"{self.reference} does not exist yet, and it is not said who may use it.",
                next="Add ?visibility= with all, private, or selected (nobody, until somebody selects repositories).",
            )
        if visibility != "selected":
            return {"visibility": visibility}
        path = f"{self.secrets}/{{secret_name}}/repositories"
        repositories = self._pages(path, "repositories", self.name) if self.name in entries else ()
        return {"visibility": visibility, "selected_repository_ids": [int(one["id"]) for one in repositories]}

    def _put(self, name: str, value: SecretStr, scope: Mapping[str, Any]) -> None:
        """Write a value, sealed with the key of this moment."""
        key = self._send(Request("GET", f"{self.secrets}/public-key")).data
        body = {"encrypted_value": _sealed(str(key["key"]), value), "key_id": key["key_id"], **scope}
        self._send(Request("PUT", f"{self.secrets}/{{secret_name}}", json=body, secrets=[value]), name)

    def _delete(self, names: Iterator[str]) -> None:
        for name in names:
            self._send(Request("DELETE", f"{self.secrets}/{{secret_name}}", statuses={MISSING}), name)

    def _list(self) -> Entries:
        """All secrets of the store, by name. Raises `not_found`: a GET of one does not tell what is missing."""
        try:
            return {str(one["name"]): one for one in self._pages(self.secrets, "secrets")}
        except StepError as error:
            if error.reason == "not_found":
                where = "/".join(self.ids.values())
                error.what = f"GitHub shows no {where} to the token that firedoor uses ({self.reference})."
                error.next = f"Correct the place, or let the token see it: it needs {self.permission}."
            raise

    def _pages(self, path: str, field: str, name: str = "") -> Sequence[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            reply = self._send(Request("GET", path, query={"per_page": PAGE, "page": page}), name)
            found += reply.data[field]
            if len(reply.data[field]) < PAGE:
                break
        return found

    def _send(self, request: Request, name: str = "") -> Reply:
        headers = {**HEADERS, "Authorization": f"Bearer {self.token.get_secret_value()}"}
        ids = {**self.ids, **({"secret_name": name} if name else {})}
        return self.http.send(replace(request, ids=ids, headers=headers, permission=self.permission))


def open_sink(opening: Opening) -> GitHubSink:
    """`APP/OWNER/REPOSITORY/NAME` or `APP/ORGANIZATION/NAME`."""
    http, token = required(opening, "token")
    app, owner, *rest = opening.place.name.split("/")
    environment = opening.place.options.get("environment", "")
    permission = APPS[app]
    if environment and (app != "actions" or len(rest) == 1):
        raise StepError(
            "invalid_arguments",
            f"{opening.place.text!r} names no place for a secret: only repositories have environments, for Actions.",
            next="Correct the reference.",
        )
    if len(rest) == 1:
        permission = f"Organization {permission.lower()}"
        path, ids = f"/orgs/{{org}}/{app}/secrets", {"org": owner}
    elif environment:
        permission = "Environments"
        path = "/repos/{owner}/{repo}/environments/{environment}/secrets"
        ids = {"owner": owner, "repo": rest[0], "environment": environment}
    else:
        path, ids = f"/repos/{{owner}}/{{repo}}/{app}/secrets", {"owner": owner, "repo": rest[0]}
    return GitHubSink(opening.place, opening.store, http, token, path, ids, f"{permission}: write")


def _sealed(key: str, value: SecretStr) -> str:
    """The value in a box that only the holder of the key's other half can open, in Base64."""
    try:
        box = SealedBox(PublicKey(b64decode(key)))
    except (ValueError, TypeError):
        raise StepError("provider_error", "GitHub's public key is none: nothing can be sealed with it.") from None
    return b64encode(box.encrypt(value.get_secret_value().encode())).decode()


def _digits(moment: str) -> str:
    """A moment in the letters that a name may have; 0 for none."""
    return re.sub(r"[^0-9]", "", moment) or "0"


def _moment(one: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(one["updated_at"]))
