"""Mistral: API keys are listed, deleted and made by the Admin API; nothing else can be done to one.

API: https://docs.mistral.ai/api/endpoint/beta/admin/api-keys. There is no call for one key: it is found in the list,
whose filter `name` also takes parts of names and the last four characters of values, so that what comes is compared
again. A deleted key is forgotten, and with it whose it was: a rotation asks for that before it revokes (`Kind.needs`).
"""

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Reply, Request
from activities.providers import _by_hand
from activities.providers._provider import Api, Made, Reading, kind_of
from activities.providers._reading import MOST_PAGES, endless, fingerprint, moment, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import ByApi, Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

KEYS = "/v1/admin/api-keys"
USERS = "/v1/admin/users"
PERMISSION = "an Admin API key"
PAGE = 100
ADMIN_KEY, PRODUCT_KEY = "admin_key", "product_key"
#: Keys of another product are no keys of the API; an old key has none.
API_PRODUCTS = frozenset({None, "API"})
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

enable, usage = _by_hand.enable, _by_hand.usage


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET /v1/admin/api-keys, over all pages: those of a kind, in one workspace or in all."""
    if kind.name == ADMIN_KEY:
        return _by_hand.inventory(api, kind, scope)
    found = (key for key in _listed(api, {}) if _kind_name(key) == kind.name)
    return [_found(api, key) for key in found if scope in ("", key.get("workspace_id"))]


def look(api: Api, credential: Credential) -> Reading:
    """What the list says: a key that is not in it, or is over, is dead."""
    if kind_of(api.provider, credential).name == ADMIN_KEY:
        return _by_hand.look(api, credential)
    key, source = _key(api, credential), f"mistral:GET {KEYS}"
    if key is None:
        return Reading("dead", Evidence(source=source, says=f"{credential.label} does not exist"), exists=False)
    ends = str(key.get("expiration_date") or "")
    dead = _is_over(key)
    says = f"{credential.label} exists, and {'ended' if dead else 'ends'} {f'on {ends}' if ends else 'never'}"
    return Reading(
        "dead" if dead else "live", Evidence(source=source, says=says), last_used=moment(key.get("last_used"))
    )


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /v1/models with the value; 401 is dead. A key of another product is refused always: its id is looked at."""
    kind = kind_of(api.provider, credential)
    if not isinstance(kind.verify, ByApi):
        return look(api, credential)
    path, query = ("/v1/admin/workspaces", {"page_size": 1}) if kind.name == ADMIN_KEY else ("/v1/models", {})
    request = Request("GET", path, query=query, headers=_bearer(value), secrets=[value], statuses={401})
    return tried(api, request, dead={401})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """DELETE /v1/admin/api-keys/{id}."""
    return delete(api, credential)


def delete(api: Api, credential: Credential) -> Evidence:
    """As `revoke`: Mistral disables nothing."""
    if kind_of(api.provider, credential).name == ADMIN_KEY:
        return _by_hand.delete(api, credential)
    request = Request(
        "DELETE",
        f"{KEYS}/{{id}}",
        ids={"id": credential.id},
        headers=_admin(api),
        permission=PERMISSION,
        statuses={404},
    )
    reply = api.send(request)
    return reply.evidence(f"{credential.label} {'did not exist' if reply.status == 404 else 'is deleted'}")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST /v1/admin/api-keys: the workspace and the user of the old key, and as many days."""
    kind = kind_of(api.provider, like)
    if not isinstance(kind.create, ByApi):
        return _by_hand.create(api, like, name)
    old = _key(api, like) if like.id else None
    workspace = like.scope or str((old or {}).get("workspace_id") or "")
    if not workspace:
        raise StepError(
            "invalid_arguments",
            f"It is not said in which workspace of Mistral the new key for {like.label} shall be.",
            next="Give the credential's `scope`: the id of the workspace.",
        )
    owner = like.owner or str((old or {}).get("created_by") or "")
    body = {"name": name, "workspace_uuid": workspace, "user_id": _user(api, owner, like), **_end(api, old)}
    reply = api.send(Request("POST", KEYS, json=body, headers=_admin(api), permission=PERMISSION))
    value = SecretStr(str(reply.data["key"]))
    made = _credential(api, reply.data | {"workspace_id": workspace, "created_by": owner})
    return Made(made.model_copy(update={"fingerprint": fingerprint(value)}), value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Keys of exactly that name."""
    if not isinstance(kind_of(api.provider, like).create, ByApi):
        return ()
    found = (_credential(api, key) for key in _listed(api, {"name": name}))
    return [one for one in found if one.name == name and like.scope in ("", one.scope)]


def _user(api: Api, owner: str, like: Credential) -> str:
    """The id of a user: as it is said, of the member with that e-mail, or that of the settings."""
    if UUID.fullmatch(owner):
        return owner
    if "@" in owner:
        query = {"email": owner, "page_size": PAGE}
        found = api.send(Request("GET", USERS, query=query, headers=_admin(api), permission=PERMISSION)).data
        for member in found.get("members") or ():
            if str(member.get("email") or "").casefold() == owner.casefold():
                return str(member["uuid"])
    if api.settings.get("user_id"):
        return api.setting("user_id")
    raise StepError(
        "invalid_arguments",
        f"A key of Mistral belongs to a user, and whose the new one for {like.label} shall be is not known: "
        f"{f'{owner} is no member of the organization' if owner else 'Mistral tells no owner of the old one'}.",
        next="Give the credential's `owner` (a user's UUID, or the e-mail of a member); or name a user for all such "
        "keys in firedoor.toml, [providers.mistral] user_id, restart the worker, and retry the step.",
    )


def _end(api: Api, old: Mapping[str, Any] | None) -> dict[str, str]:
    """When a new key ends: as long after today as the old one after the day it was made. Nothing: never."""
    days: int | None = None
    if old is None and api.settings.get("days"):
        days = _days(api.setting("days"))
    elif old and old.get("expiration_date") and old.get("created_at"):
        days = (_day(old["expiration_date"]) - _day(old["created_at"])).days
    if days is None:
        return {}
    return {"expiration": (_today() + datetime.timedelta(days=max(1, days))).isoformat()}


def _days(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise StepError(
            "invalid_arguments",
            f"The setting days of Mistral is {text!r}, which is no number of days between 1 and 9999.",
            next="Correct [providers.mistral] in firedoor.toml, restart the worker, and retry the step.",
        )
    return int(text)


def _key(api: Api, credential: Credential) -> Mapping[str, Any] | None:
    """One key of the list: first among those of its name, because there may be thousands."""
    for narrowed in ({"name": credential.name}, {}) if credential.name else ({},):
        for key in _listed(api, narrowed):
            if key["key_id"] == credential.id:
                return key
    return None


def _listed(api: Api, narrowed: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """The list over all its pages, of which Mistral does not tell the last: the empty one ends it."""
    count = 0
    for _ in range(MOST_PAGES):
        page = _page(api, {**narrowed, "limit": PAGE, "offset": count}).data["keys"]
        if not page:
            return
        count += len(page)
        yield from page
    raise endless(api, KEYS)


def _page(api: Api, query: Mapping[str, Any]) -> Reply:
    return api.send(Request("GET", KEYS, query=query, headers=_admin(api), permission=PERMISSION))


def _found(api: Api, key: Mapping[str, Any]) -> Found:
    return Found(
        credential=_credential(api, key),
        status="expired" if _is_over(key) else "active",
        created=moment(key.get("created_at")),
        last_used=moment(key.get("last_used")),
        expires=moment(key.get("expiration_date")),
    )


def _credential(api: Api, key: Mapping[str, Any]) -> Credential:
    """What made a key may be a key itself, which is nobody whose a new one could be."""
    maker = str(key.get("created_by") or "")
    owner = maker if "@" in maker or UUID.fullmatch(maker) else str(api.settings.get("user_id") or "")
    return Credential(
        provider="mistral",
        kind=_kind_name(key),
        id=str(key["key_id"]),
        scope=str(key.get("workspace_id") or ""),
        name=str(key.get("name") or ""),
        owner=owner,
    )


def _kind_name(key: Mapping[str, Any]) -> str:
    return "api_key" if key.get("product") in API_PRODUCTS else PRODUCT_KEY


def _is_over(key: Mapping[str, Any]) -> bool:
    """It works on the day that it tells as its last."""
    return bool(key.get("expiration_date")) and _day(key["expiration_date"]) < _today()


def _day(text: Any) -> datetime.date:
    return datetime.date.fromisoformat(str(text)[:10])


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _admin(api: Api) -> dict[str, str]:
    return _bearer(api.secret("admin_key"))


def _bearer(value: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {value.get_secret_value()}"}
