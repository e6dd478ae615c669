"""Datadog: API keys and application keys are listed, made and deleted; a user's own application key only they make.

API: https://docs.datadoghq.com/api/latest/key-management/. Reading a single API key answers with its value, so what is
read is never shown. An application key is tried together with an API key: 403 may mean either.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Request
from activities.providers import _by_hand
from activities.providers._provider import Api, Made, Reading, kind_of
from activities.providers._reading import MOST_PAGES, endless, fingerprint, moment, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

API_KEYS = "/api/v2/api_keys"
APPLICATION_KEYS = "/api/v2/application_keys"
ACCOUNT_KEYS = "/api/v2/service_accounts/{account}/application_keys"
PAGE = 100
API_KEY, ACCOUNT_KEY = "api_key", "service_account_key"

enable, usage = _by_hand.enable, _by_hand.usage


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET /api/v2/api_keys, or /api/v2/application_keys with whose they are: a service account's, or a user's."""
    if kind.name == API_KEY:
        return [_found(kind, key, "") for page in _pages(api, API_KEYS, {}) for key in page["data"]]
    return [
        _found(kind, key, owner)
        for page in _pages(api, APPLICATION_KEYS, {"include": "owned_by"})
        for key in page["data"]
        if scope in ("", owner := _owner(key)) and (owner in _accounts(page)) == (kind.name == ACCOUNT_KEY)
    ]


def look(api: Api, credential: Credential) -> Reading:
    """GET /api/v2/api_keys/{id}, or …/application_keys/{id}: what is not there is dead."""
    reply = api.send(_key(api, credential, "GET"))
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    return Reading("live", reply.evidence(f"{credential.label} exists"))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /api/v1/validate, or GET /api/v2/validate_keys for an application key; 403 is dead if our own key works."""
    if kind_of(api.provider, credential).name == API_KEY:
        return _validated(api, value)
    own = api.secret("api_key")
    headers = {"DD-API-KEY": own.get_secret_value(), "DD-APPLICATION-KEY": value.get_secret_value()}
    request = Request("GET", "/api/v2/validate_keys", headers=headers, secrets=[own, value], statuses={401, 403})
    reading = tried(api, request, dead={401, 403})
    if reading.life == "dead" and _validated(api, own).life != "live":
        says = "refused the value together with firedoor's own API key, which it does not accept either"
        return Reading("unknown", reading.evidence.model_copy(update={"says": says}))
    return reading


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """DELETE …/{id}: Datadog disables nothing."""
    return delete(api, credential)


def delete(api: Api, credential: Credential) -> Evidence:
    """As `revoke`. Raises `refused_self` for the keys that firedoor works with."""
    request = _key(api, credential, "DELETE")
    now = api.send(_key(api, credential, "GET"))
    if now.status == 404:
        return now.evidence(f"{credential.label} does not exist")
    _refuse_own(api, credential, now.data["data"]["attributes"])
    return api.send(request).evidence(f"{credential.label} is deleted")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST /api/v2/api_keys, or …/service_accounts/{id}/application_keys with the old key's scopes."""
    kind = kind_of(api.provider, like)
    attributes: dict[str, Any] = {"name": name}
    if kind.name == API_KEY:
        template, ids, permission = API_KEYS, {}, "api_keys_write"
    elif kind.name == ACCOUNT_KEY:
        template, ids, permission = ACCOUNT_KEYS, {"account": like.scope}, "service_account_write"
        attributes["scopes"] = _scopes(api, like)
    else:
        return _by_hand.create(api, like, name)
    body = {"data": {"type": template.rpartition("/")[2], "attributes": attributes}}
    reply = api.send(Request("POST", template, ids=ids, json=body, headers=_own(api), permission=permission))
    key = reply.data["data"]
    value = SecretStr(key["attributes"]["key"])
    credential = _found(kind, key, like.scope).credential
    return Made(credential.model_copy(update={"fingerprint": fingerprint(value)}), value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Keys of that name."""
    found = inventory(api, kind_of(api.provider, like), like.scope)
    return [one.credential for one in found if one.credential.name == name]


def _validated(api: Api, value: SecretStr) -> Reading:
    headers = {"DD-API-KEY": value.get_secret_value()}
    return tried(
        api,
        Request("GET", "/api/v1/validate", headers=headers, secrets=[value], statuses={401, 403}),
        dead={401, 403},
        refused=lambda data: isinstance(data, Mapping) and data.get("valid") is False,
    )


def _scopes(api: Api, like: Credential) -> list[str] | None:
    """The scopes of the old key; None means all that the service account may do."""
    reply = api.send(_key(api, like, "GET")) if like.id else None
    if reply is None or reply.status == 404:
        given = api.settings.get("scopes", "")
        return [one.strip() for one in given.split(",")] if given else None
    scopes: list[str] | None = reply.data["data"]["attributes"].get("scopes")
    return scopes


def _refuse_own(api: Api, credential: Credential, attributes: Mapping[str, Any]) -> None:
    """The end of a key is told of every key, the whole of it only of some."""
    setting = API_KEY if kind_of(api.provider, credential).name == API_KEY else "application_key"
    end = str(attributes.get("key") or attributes.get("last4") or "")
    if end and api.secret(setting).get_secret_value().endswith(end):
        raise StepError(
            "refused_self",
            f"firedoor itself works with the Datadog key {credential.label}.",
            next="Give firedoor another key, restart the worker, then retry the step.",
        )


def _key(api: Api, credential: Credential, method: str) -> Request:
    if kind_of(api.provider, credential).name == API_KEY:
        template, permission = API_KEYS, "api_keys_read" if method == "GET" else "api_keys_delete"
    else:
        template, permission = APPLICATION_KEYS, "org_app_keys_read" if method == "GET" else "org_app_keys_write"
    return Request(
        method,
        f"{template}/{{key}}",
        ids={"key": credential.id},
        headers=_own(api),
        permission=permission,
        statuses={404},
    )


def _pages(api: Api, template: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    permission = "api_keys_read" if template == API_KEYS else "org_app_keys_read"
    for number in range(MOST_PAGES):
        asked = {**query, "page[size]": PAGE, "page[number]": number}
        page = api.send(Request("GET", template, query=asked, headers=_own(api), permission=permission)).data
        yield page
        if not page["data"]:
            return
    raise endless(api, template)


def _accounts(page: Mapping[str, Any]) -> set[str]:
    """The owners in a page that are service accounts."""
    return {one["id"] for one in page.get("included", ()) if one.get("attributes", {}).get("service_account")}


def _owner(key: Mapping[str, Any]) -> str:
    related = (key.get("relationships") or {}).get("owned_by") or {}
    return str((related.get("data") or {}).get("id") or "")


def _found(kind: Kind, key: Mapping[str, Any], owner: str) -> Found:
    attributes = key["attributes"]
    credential = Credential(
        provider="datadog",
        kind=kind.name,
        id=str(key["id"]),
        scope=owner,
        name=str(attributes.get("name") or ""),
    )
    return Found(
        credential=credential,
        status="active",
        created=moment(attributes.get("created_at")),
        last_used=moment(attributes.get("date_last_used") or attributes.get("last_used_at")),
    )


def _own(api: Api) -> dict[str, str]:
    return {
        "DD-API-KEY": api.secret("api_key").get_secret_value(),
        "DD-APPLICATION-KEY": api.secret("application_key").get_secret_value(),
    }
