"""Anthropic: API keys are listed, made inactive and active again, and archived; only a person creates one.

API: https://docs.claude.com/en/api/administration-api. The Admin API takes POST where others take PATCH, and knows no
DELETE. Usage is told in tokens.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Request
from activities.providers import _by_hand
from activities.providers._provider import Api, Reading, Use, kind_of
from activities.providers._reading import MOST_PAGES, endless, moment, tried
from firedoor.incident import Evidence
from firedoor.providers._provider import ByApi, Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

KEYS = "/v1/organizations/api_keys"
USAGE = "/v1/organizations/usage_report/messages"
VERSION = "2023-06-01"
PERMISSION = "an admin key of the organization"
PAGE = 100
#: Anthropic gives at most this many buckets of an hour in one page.
HOURS = 168
STATUS = {"active": "active", "inactive": "inactive", "archived": "inactive", "expired": "expired"}

create, made = _by_hand.create, _by_hand.made


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET /v1/organizations/api_keys, of one workspace or of all."""
    if not isinstance(kind.inventory, ByApi):
        return _by_hand.inventory(api, kind, scope)
    return [_found(kind, key) for key in _pages(api, {"workspace_id": scope} if scope else {})]


def look(api: Api, credential: Credential) -> Reading:
    """GET …/api_keys/{id}: only `active` is alive."""
    if kind_of(api.provider, credential).name == "admin_key":
        return _by_hand.look(api, credential)
    reply = api.send(_key(api, credential, "GET", statuses={404}))
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    status = str(reply.data.get("status"))
    return Reading(
        "live" if status == "active" else "dead", reply.evidence(f"says that {credential.label} is {status}")
    )


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /v1/models, or GET /v1/organizations/me for an admin key; 401 is dead."""
    admin = kind_of(api.provider, credential).name == "admin_key"
    request = Request(
        "GET",
        "/v1/organizations/me" if admin else "/v1/models",
        headers=_headers(value),
        secrets=[value],
        statuses={401, 403},
    )
    return tried(api, request, dead={401}, live={200, 403})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """POST …/api_keys/{id} {status: inactive}. An archived or expired key stays what it is: nothing brings it back."""
    reading = look(api, credential)
    return reading.evidence if reading.life == "dead" else _set(api, credential, "inactive")


def enable(api: Api, credential: Credential) -> Evidence:
    """POST …/api_keys/{id} {status: active}."""
    return _set(api, credential, "active")


def delete(api: Api, credential: Credential) -> Evidence:
    """POST …/api_keys/{id} {status: archived}: as near to a deletion as Anthropic comes."""
    return _set(api, credential, "archived")


def usage(api: Api, credential: Credential, since: datetime.datetime) -> Sequence[Use]:
    """GET …/usage_report/messages of one key by model, an hour a bucket."""
    if kind_of(api.provider, credential).name == "admin_key":
        _by_hand.usage(api, credential, since)
    query: dict[str, Any] = {
        "starting_at": since.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:00:00Z"),
        "bucket_width": "1h",
        "group_by[]": ["model"],
        "api_key_ids[]": [credential.id],
        "limit": HOURS,
    }
    return [use for page in _usage_pages(api, query) for use in _uses(page)]


def _set(api: Api, credential: Credential, status: str) -> Evidence:
    if kind_of(api.provider, credential).name == "admin_key":
        return _by_hand.revoke(api, credential, None)
    reply = api.send(_key(api, credential, "POST", {"status": status}, statuses={404}))
    if reply.status == 404:
        return reply.evidence(f"{credential.label} does not exist")
    return reply.evidence(f"{credential.label} is {reply.data.get('status')}")


def _key(
    api: Api,
    credential: Credential,
    method: str,
    json: Mapping[str, Any] | None = None,
    statuses: set[int] | None = None,
) -> Request:
    return Request(
        method,
        f"{KEYS}/{{key}}",
        ids={"key": credential.id},
        json=json,
        headers=_admin(api),
        permission=PERMISSION,
        statuses=statuses or set(),
    )


def _pages(api: Api, narrowed: Mapping[str, str]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    after: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        query = {"limit": PAGE, **narrowed, **after}
        page = api.send(Request("GET", KEYS, query=query, headers=_admin(api), permission=PERMISSION)).data
        found += page["data"]
        if not page.get("has_more") or not page["data"]:
            return found
        after = {"after_id": page.get("last_id") or page["data"][-1]["id"]}
    raise endless(api, KEYS)


def _found(kind: Kind, key: Mapping[str, Any]) -> Found:
    maker = key.get("created_by") or {}
    credential = Credential(
        provider="anthropic",
        kind=kind.name,
        id=str(key["id"]),
        scope=_workspace(key),
        name=str(key.get("name") or ""),
        owner=str(maker.get("id") or ""),
    )
    status: Any = STATUS.get(str(key.get("status")), "unknown")
    expires, created = moment(key.get("expires_at")), moment(key.get("created_at"))
    return Found(credential=credential, status=status, created=created, expires=expires)


def _workspace(key: Mapping[str, Any]) -> str:
    """The workspace of a key: `scope` names it, and `workspace_id` did so before."""
    return str((key.get("scope") or {}).get("workspace_id") or key.get("workspace_id") or "")


def _usage_pages(api: Api, query: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    for _ in range(MOST_PAGES):
        page = api.send(Request("GET", USAGE, query=query, headers=_admin(api), permission=PERMISSION)).data
        yield page
        if not page.get("has_more") or not page.get("next_page"):
            return
        query = query | {"page": page["next_page"]}
    raise endless(api, USAGE)


def _uses(page: Mapping[str, Any]) -> Iterator[Use]:
    for bucket in page.get("data", ()):
        start = datetime.datetime.fromisoformat(bucket["starting_at"])
        end = datetime.datetime.fromisoformat(bucket["ending_at"])
        for result in bucket.get("results", ()):
            cached = result.get("cache_creation") or {}
            counts = ("uncached_input_tokens", "cache_read_input_tokens", "output_tokens")
            tokens = sum(int(result.get(name) or 0) for name in counts) + sum(int(one or 0) for one in cached.values())
            yield Use(
                start=start,
                seconds=int((end - start).total_seconds()),
                requests=0,
                tokens=tokens,
                model=str(result.get("model") or ""),
            )


def _admin(api: Api) -> dict[str, str]:
    return _headers(api.secret("admin_key"))


def _headers(value: SecretStr) -> dict[str, str]:
    return {"x-api-key": value.get_secret_value(), "anthropic-version": VERSION}
