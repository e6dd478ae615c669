"""OpenRouter: API keys of each workspace, and management keys, which only a person handles.

API: https://openrouter.ai/docs/api/api-reference. Everything but `GET /key` needs a management key. A key's id is its
hash. A list is of one workspace, the default one unless another is named, and hides disabled keys unless they are
asked for. Use is told of days that are over; what a key spent today stands with the key itself.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Reply, Request, segment
from activities.providers import _by_hand
from activities.providers._provider import Api, Made, Reading, Use, by_hand, kind_of
from activities.providers._reading import MOST_PAGES, endless, fingerprint, moment, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers import Verb
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

KEYS = "/api/v1/keys"
WORKSPACES = "/api/v1/workspaces"
ACTIVITY = "/api/v1/activity"
PERMISSION = "a management key"
DAY = 86_400
#: What a new key takes over from the old one, so that a key with a limit is not followed by one without.
LIMITS = ("limit", "limit_reset", "include_byok_in_limit", "creator_user_id", "workspace_id")


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET /keys of one workspace, or of all that GET /workspaces names; disabled ones too."""
    if kind.name == "management_key":
        return _by_hand.inventory(api, kind, scope)
    workspaces = [scope] if scope else [str(one["id"]) for one in _pages(api, WORKSPACES, {})]
    return [
        _found(key)
        for workspace in workspaces
        for key in _pages(api, KEYS, {"include_disabled": "true", "workspace_id": workspace})
    ]


def look(api: Api, credential: Credential) -> Reading:
    """GET /keys/{hash}: a key that is disabled, over, or not there is dead."""
    if kind_of(api.provider, credential).name == "management_key":
        return _by_hand.look(api, credential)
    reply = _key(api, credential, "GET")
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    key = reply.data["data"]
    status = _status(key)
    says = f"{credential.label} is {status}, and spent {key.get('usage_daily', 0)} USD today"
    return Reading("live" if status == "active" else "dead", reply.evidence(says))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /key with the value; 401 is dead."""
    request = Request("GET", "/api/v1/key", headers=_bearer(value), secrets=[value], statuses={401})
    return tried(api, request, dead={401})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """PATCH /keys/{hash} {disabled: true}."""
    return _said(credential, _key(api, credential, "PATCH", {"disabled": True}), "disabled")


def enable(api: Api, credential: Credential) -> Evidence:
    """PATCH /keys/{hash} {disabled: false}."""
    return _said(credential, _key(api, credential, "PATCH", {"disabled": False}), "enabled")


def delete(api: Api, credential: Credential) -> Evidence:
    """DELETE /keys/{hash}."""
    return _said(credential, _key(api, credential, "DELETE"), "deleted")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST /keys {name, and what limits the old one}. Raises `not_found` where that cannot be read."""
    if kind_of(api.provider, like).name == "management_key":
        return _by_hand.create(api, like, name)
    body = {"name": name, **_limits(api, like)}
    reply = api.send(Request("POST", KEYS, json=body, headers=_admin(api), permission=PERMISSION))
    key, value = reply.data["data"], SecretStr(str(reply.data["key"]))
    credential = _credential(key).model_copy(update={"fingerprint": fingerprint(value)})
    return Made(credential, value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Keys of that name in the same workspace."""
    kind = kind_of(api.provider, like)
    if kind.name == "management_key":
        return ()
    return [one.credential for one in inventory(api, kind, like.scope) if one.credential.name == name]


def usage(api: Api, credential: Credential, since: datetime.datetime) -> Sequence[Use]:
    """GET /activity of one key by model, a day a bucket; at most the last 30 days, without today."""
    if kind_of(api.provider, credential).name == "management_key":
        _by_hand.usage(api, credential, since)
    # Without a hash it would be the activity of all keys.
    query = {"api_key_hash": segment("hash", credential.id)}
    reply = api.send(Request("GET", ACTIVITY, query=query, headers=_admin(api), permission=PERMISSION))
    uses = (_use(row) for row in reply.data["data"])
    return [use for use in uses if use.start.date() >= since.astimezone(datetime.UTC).date()]


def _use(row: Mapping[str, Any]) -> Use:
    # `date` is a day in some answers, and a day with midnight in others.
    day = datetime.date.fromisoformat(str(row["date"])[:10])
    return Use(
        start=datetime.datetime.combine(day, datetime.time(), datetime.UTC),
        seconds=DAY,
        requests=int(row.get("requests") or 0),
        tokens=int(row.get("prompt_tokens") or 0) + int(row.get("completion_tokens") or 0),
        model=str(row.get("model") or ""),
    )


def _limits(api: Api, like: Credential) -> dict[str, Any]:
    """What limits a key, read before it is replaced; only the workspace where it has no id."""
    if not like.id:
        return {"workspace_id": like.scope} if like.scope else {}
    reply = _key(api, like, "GET")
    if reply.status == 404:
        raise StepError(
            "not_found",
            f"OpenRouter does not know the key {like.label}, so its spending limit cannot be carried over.",
            next="Name the key without its id: then a new one without a limit is made. Set its limit by hand.",
        )
    key = reply.data["data"]
    limits = {name: key[name] for name in LIMITS if key.get(name) is not None}
    if key.get("expires_at") and _status(key) != "expired":
        limits["expires_at"] = moment(key["expires_at"])
    return limits


def _key(api: Api, credential: Credential, method: str, json: Mapping[str, Any] | None = None) -> Reply:
    """One call about one key; 404 is an answer. Raises `needs_person` for a management key."""
    if kind_of(api.provider, credential).name == "management_key":
        by_hand(api, credential, Verb.REVOKE)
    template, ids = f"{KEYS}/{{hash}}", {"hash": credential.id}
    headers = _admin(api)
    return api.send(
        Request(method, template, ids=ids, json=json, headers=headers, permission=PERMISSION, statuses={404})
    )


def _said(credential: Credential, reply: Reply, done: str) -> Evidence:
    return reply.evidence(f"{credential.label} {'does not exist' if reply.status == 404 else f'is {done}'}")


def _pages(api: Api, template: str, query: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A list over all its pages: OpenRouter tells neither their size nor the last one, so the empty one ends it."""
    found: list[Mapping[str, Any]] = []
    for _ in range(MOST_PAGES):
        asked = {**query, "offset": len(found)}
        page = api.send(Request("GET", template, query=asked, headers=_admin(api), permission=PERMISSION)).data["data"]
        if not page:
            return found
        found += page
    raise endless(api, template)


def _found(key: Mapping[str, Any]) -> Found:
    status: Any = _status(key)
    expires, created = moment(key.get("expires_at")), moment(key.get("created_at"))
    return Found(credential=_credential(key), status=status, created=created, expires=expires)


def _credential(key: Mapping[str, Any]) -> Credential:
    return Credential(
        provider="openrouter",
        kind="api_key",
        id=str(key["hash"]),
        scope=str(key.get("workspace_id") or ""),
        name=str(key.get("name") or ""),
        owner=str(key.get("creator_user_id") or ""),
    )


def _status(key: Mapping[str, Any]) -> str:
    """`active`, `inactive` or `expired`."""
    if key.get("disabled"):
        return "inactive"
    expires = moment(key.get("expires_at"))
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "expired" if expires and expires <= now else "active"


def _admin(api: Api) -> dict[str, str]:
    return _bearer(api.secret("management_key"))


def _bearer(value: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {value.get_secret_value()}"}
