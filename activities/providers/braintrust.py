"""Braintrust: its own keys and tokens, and the secrets of other providers that customers store there.

API: https://www.braintrust.dev/docs/api-reference. Names of tokens are not unique; POST makes another one, PUT would
replace the one of the same name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Request
from activities.providers import _by_hand
from activities.providers._provider import Api, Made, Reading, by_hand, kind_of
from activities.providers._reading import MOST_PAGES, endless, fingerprint, moment, tried
from firedoor.incident import Evidence
from firedoor.providers import Verb
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

PAGE = 100
#: A vendor's customers store a secret each, and there may be more than 100,000 of them.
PAGES = 10 * MOST_PAGES
STORED = frozenset({"ai_secret", "env_var"})

enable, usage = _by_hand.enable, _by_hand.usage


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET /v1/{kind}: over all pages, in the organization of the token."""
    found = [_found(kind, one) for one in listed(api, kind.name, {})]
    return [one for one in found if not scope or one.credential.scope == scope]


def named(api: Api, kind: Kind, name: str) -> Sequence[Found]:
    """GET /v1/{kind} by name: in every scope."""
    return [_found(kind, one) for one in listed(api, kind.name, {f"{kind.name}_name": name})]


def look(api: Api, credential: Credential) -> Reading:
    """GET /v1/{kind}?ids=…: what is not listed is dead. Of a stored secret that says only that it is stored.

    GET by id answers 400 to an id that it does not know, and to whatever else it does not like: that proves no death.
    """
    template = f"/v1/{kind_of(api.provider, credential).name}"
    reply = api.send(Request("GET", template, query={"ids": [credential.id]}, headers=own(api)))
    one = next((one for one in reply.data["objects"] if one["id"] == credential.id), None)
    if one is None:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    return Reading("live", reply.evidence(f"{credential.label} exists"), last_used=moment(one.get("used")))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /v1/project?limit=1; 401 is dead. A stored secret cannot be tried here."""
    if kind_of(api.provider, credential).name in STORED:
        by_hand(api, credential, Verb.VERIFY)
    request = Request(
        "GET", "/v1/project", query={"limit": 1}, headers=_bearer(value), secrets=[value], statuses={401, 403}
    )
    return tried(api, request, dead={401}, live={200, 403})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """DELETE /v1/{kind}/{id}."""
    return delete(api, credential)


def delete(api: Api, credential: Credential) -> Evidence:
    """As `revoke`: Braintrust disables nothing."""
    reply = api.send(_one(api, credential, "DELETE"))
    says = f"is not taken for an id ({reply.status})" if reply.status in GONE else "is deleted"
    return reply.evidence(f"{credential.label} {says}")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST /v1/service_token for the same service account. Raises `needs_person` for the key of a user."""
    if kind_of(api.provider, like).name != "service_token":
        return _by_hand.create(api, like, name)
    body = {"name": name, "service_account_id": like.scope or str(_get(api, like)["service_account_id"])}
    permission = "a service token of an organization owner"
    reply = api.send(Request("POST", "/v1/service_token", json=body, headers=own(api), permission=permission))
    value = SecretStr(str(reply.data["key"]))
    credential = _credential("service_token", reply.data).model_copy(update={"fingerprint": fingerprint(value)})
    return Made(credential, value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Service tokens of that name."""
    if kind_of(api.provider, like).name != "service_token":
        return ()
    return [_credential("service_token", one) for one in listed(api, "service_token", {"service_token_name": name})]


def listed(api: Api, kind: str, narrowed: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """All objects of a kind, page by page; `env_var` comes in one."""
    found: list[Mapping[str, Any]] = []
    after: dict[str, str] = {}
    for _ in range(PAGES):
        paging = {} if kind == "env_var" else {"limit": PAGE, **after}
        page = api.send(Request("GET", f"/v1/{kind}", query={**narrowed, **paging}, headers=own(api))).data["objects"]
        found += page
        if kind == "env_var" or len(page) < PAGE:
            return found
        after = {"starting_after": str(page[-1]["id"])}
    raise endless(api, f"/v1/{kind}", PAGES)


#: An id that is not known is a bad request.
GONE = frozenset({400, 404})


def _get(api: Api, credential: Credential) -> Mapping[str, Any]:
    data: Mapping[str, Any] = api.send(_one(api, credential, "GET")).data or {}
    return data


def _one(api: Api, credential: Credential, method: str) -> Request:
    kind = kind_of(api.provider, credential).name
    ids = {"id": credential.id}
    return Request(method, f"/v1/{kind}/{{id}}", ids=ids, headers=own(api), statuses=GONE)


def _found(kind: Kind, one: Mapping[str, Any]) -> Found:
    return Found(
        credential=_credential(kind.name, one),
        status="active",
        created=moment(one.get("created")),
        changed=moment(one.get("secret_updated_at")),
        last_used=moment(one.get("used")),
    )


def _credential(kind: str, one: Mapping[str, Any]) -> Credential:
    scope, where = str(one.get("service_account_id") or ""), ""
    if kind == "ai_secret":
        where = f"braintrust:ai_secret/{one['name']}"
    if kind == "env_var":
        scope = f"{one['object_type']}/{one['object_id']}"
        where = f"braintrust:env_var/{scope}/{one['name']}"
    owner = str(one.get("user_email") or one.get("service_account_name") or "")
    name = str(one.get("name") or "")
    return Credential(
        provider="braintrust", kind=kind, id=str(one["id"]), scope=scope, name=name, owner=owner, where=where
    )


def own(api: Api) -> dict[str, str]:
    """The header of our own token."""
    return _bearer(api.secret("api_key"))


def _bearer(value: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {value.get_secret_value()}"}
