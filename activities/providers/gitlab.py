"""GitLab: access tokens are made anew and the old one revoked; `rotate` is never called.

API: https://docs.gitlab.com/api/project_access_tokens/. Rotating a token that is revoked already, as a blind second
attempt would, revokes every token of its family. A revoked token is still listed, with its scopes.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Request
from activities.providers import _by_hand
from activities.providers._provider import Api, Made, Reading, kind_of
from activities.providers._reading import MOST_PAGES, endless, fingerprint, moment, tried
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

PERSONAL = "/api/v4/personal_access_tokens"
GROUPS = {"project_access_token": "projects", "group_access_token": "groups"}
PAGE = 100
#: GitLab takes no token that lives longer, where its administrators allow no more.
DAYS = 365

enable, usage = _by_hand.enable, _by_hand.usage


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET …/access_tokens of one project or group; GET /personal_access_tokens for people's."""
    if kind.name in GROUPS and not scope:
        return ()
    return [_found(kind, one, scope) for one in _pages(api, kind, scope)]


def look(api: Api, credential: Credential) -> Reading:
    """GET …/{id}: only an active one is alive."""
    reply = api.send(_one(api, credential, "GET"))
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    active = bool(reply.data.get("active"))
    says = f"says that {credential.label} is {'active' if active else 'revoked or expired'}"
    last_used = moment(reply.data.get("last_used_at"))
    return Reading("live" if active else "dead", reply.evidence(says), last_used=last_used)


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /personal_access_tokens/self with the token itself, of whatever sort; 401 is dead."""
    request = Request("GET", f"{PERSONAL}/self", headers=_bearer(value), secrets=[value], statuses={401, 403})
    return tried(api, request, dead={401}, live={200, 403})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """DELETE …/{id}; where no id is known, DELETE /self with the token itself."""
    if credential.id or value is None:
        return delete(api, credential)
    request = Request("DELETE", f"{PERSONAL}/self", headers=_bearer(value), secrets=[value], statuses={401})
    reply = api.send(request)
    return reply.evidence("it was refused already" if reply.status == 401 else "the token revoked itself")


def delete(api: Api, credential: Credential) -> Evidence:
    """As `revoke`: GitLab disables nothing."""
    reply = api.send(_one(api, credential, "DELETE"))
    return reply.evidence(f"{credential.label} {'did not exist' if reply.status == 404 else 'is revoked'}")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST …/access_tokens with the scopes and the role of the old one. Raises `needs_person` for people's."""
    kind = kind_of(api.provider, like)
    if kind.name not in GROUPS:
        return _by_hand.create(api, like, name)
    old = api.send(_one(api, like, "GET")).data or {}
    ends = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=DAYS)
    body = {"name": name, "scopes": old.get("scopes") or ["read_api"], "expires_at": ends.isoformat()}
    body |= {"access_level": old["access_level"]} if old.get("access_level") else {}
    template, ids = _place(kind, like.scope)
    reply = api.send(Request("POST", template, ids=ids, json=body, headers=_own(api), permission=OWNER))
    value = SecretStr(str(reply.data["token"]))
    credential = _credential(kind, reply.data, like.scope).model_copy(update={"fingerprint": fingerprint(value)})
    return Made(credential, value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Active tokens of that name."""
    kind = kind_of(api.provider, like)
    if kind.name not in GROUPS:
        return ()
    found = [one for one in inventory(api, kind, like.scope) if one.status == "active"]
    return [one.credential for one in found if one.credential.name == name]


OWNER = "an owner's token with the scope api"


def _place(kind: Kind, scope: str) -> tuple[str, dict[str, str]]:
    if kind.name in GROUPS:
        return f"/api/v4/{GROUPS[kind.name]}/{{scope}}/access_tokens", {"scope": scope}
    return PERSONAL, {}


def _one(api: Api, credential: Credential, method: str) -> Request:
    template, ids = _place(kind_of(api.provider, credential), credential.scope)
    ids |= {"token": credential.id}
    return Request(method, f"{template}/{{token}}", ids=ids, headers=_own(api), permission=OWNER, statuses={404})


def _pages(api: Api, kind: Kind, scope: str) -> list[Mapping[str, Any]]:
    template, ids = _place(kind, scope)
    found: list[Mapping[str, Any]] = []
    for number in range(1, MOST_PAGES + 1):
        query = {"per_page": PAGE, "page": number}
        page = api.send(Request("GET", template, ids=ids, query=query, headers=_own(api), permission=OWNER)).data
        found += page
        if len(page) < PAGE:
            return found
    raise endless(api, template)


def _found(kind: Kind, one: Mapping[str, Any], scope: str) -> Found:
    return Found(
        credential=_credential(kind, one, scope),
        status="active" if one.get("active") else "inactive",
        created=moment(one.get("created_at")),
        last_used=moment(one.get("last_used_at")),
        expires=moment(one.get("expires_at")),
    )


def _credential(kind: Kind, one: Mapping[str, Any], scope: str) -> Credential:
    owner = str(one.get("user_id") or "")
    return Credential(
        provider="gitlab", kind=kind.name, id=str(one["id"]), scope=scope, name=str(one.get("name") or ""), owner=owner
    )


def _own(api: Api) -> dict[str, str]:
    return _bearer(api.secret("token"))


def _bearer(value: SecretStr) -> dict[str, str]:
    return {"PRIVATE-TOKEN": value.get_secret_value()}
