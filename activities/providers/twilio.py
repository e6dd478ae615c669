"""Twilio: API keys of an account. The value of a key is `SID:SECRET`, as HTTP Basic takes it.

API: https://www.twilio.com/docs/iam/api-keys. What Twilio says of an account may hold its auth token: firedoor asks for
keys and messages only.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Request
from activities.providers import _by_hand
from activities.providers._provider import Api, Made, Reading, kind_of
from activities.providers._reading import MOST_PAGES, endless, fingerprint, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import ByApi, Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

KEYS = "/2010-04-01/Accounts/{account}/Keys"
PAGE = 100

enable, usage = _by_hand.enable, _by_hand.usage


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET …/Keys.json, page by page."""
    if not isinstance(kind.inventory, ByApi):
        return _by_hand.inventory(api, kind, scope)
    return [Found(credential=_credential(one), status="active") for one in _pages(api)]


def look(api: Api, credential: Credential) -> Reading:
    """GET …/Keys/{id}.json: one that is not there is dead."""
    if kind_of(api.provider, credential).name == "auth_token":
        return _by_hand.look(api, credential)
    reply = api.send(_one(api, credential, "GET"))
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    return Reading("live", reply.evidence(f"{credential.label} exists"))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET …/Messages.json?PageSize=1 with the value; 401 is dead. A standard key may not ask for keys."""
    kind_of(api.provider, credential)
    path = "/2010-04-01/Accounts/{account}/Messages.json"
    request = Request(
        "GET",
        path,
        ids=_account(api),
        query={"PageSize": 1},
        headers=_basic(api, value),
        secrets=[value],
        statuses={401, 403},
    )
    return tried(api, request, dead={401}, live={200, 403})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """DELETE …/Keys/{id}.json."""
    return delete(api, credential)


def delete(api: Api, credential: Credential) -> Evidence:
    """As `revoke`: Twilio disables nothing. Raises `refused_self` for the key that firedoor works with."""
    if kind_of(api.provider, credential).name == "auth_token":
        return _by_hand.delete(api, credential)
    if api.secret("auth_token").get_secret_value().startswith(f"{credential.id}:"):
        raise StepError(
            "refused_self",
            f"firedoor itself works with the Twilio key {credential.id}.",
            next="Give firedoor another key, restart the worker, then retry the step.",
        )
    reply = api.send(_one(api, credential, "DELETE"))
    return reply.evidence(f"{credential.label} {'did not exist' if reply.status == 404 else 'is deleted'}")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST …/Keys.json FriendlyName."""
    if kind_of(api.provider, like).name == "auth_token":
        return _by_hand.create(api, like, name)
    form = {"FriendlyName": name}
    reply = api.send(Request("POST", f"{KEYS}.json", ids=_account(api), form=form, headers=_own(api), permission=ADMIN))
    value = SecretStr(f"{reply.data['sid']}:{reply.data['secret']}")
    return Made(_credential(reply.data).model_copy(update={"fingerprint": fingerprint(value)}), value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Keys of that name."""
    if kind_of(api.provider, like).name == "auth_token":
        return ()
    return [found for one in _pages(api) if (found := _credential(one)).name == name]


ADMIN = "the account's auth token, or a main API key"


def _pages(api: Api) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for number in range(MOST_PAGES):
        query = {"PageSize": PAGE, "Page": number}
        request = Request("GET", f"{KEYS}.json", ids=_account(api), query=query, headers=_own(api), permission=ADMIN)
        page = api.send(request).data
        found += page["keys"]
        if not page.get("next_page_uri"):
            return found
    raise endless(api, f"{KEYS}.json")


def _one(api: Api, credential: Credential, method: str) -> Request:
    ids = {**_account(api), "key": credential.id}
    return Request(method, f"{KEYS}/{{key}}.json", ids=ids, headers=_own(api), permission=ADMIN, statuses={404})


def _credential(one: Mapping[str, Any]) -> Credential:
    return Credential(provider="twilio", kind="api_key", id=str(one["sid"]), name=str(one.get("friendly_name") or ""))


def _account(api: Api) -> dict[str, str]:
    return {"account": api.setting("account")}


def _own(api: Api) -> dict[str, str]:
    return _basic(api, api.secret("auth_token"))


def _basic(api: Api, value: SecretStr) -> dict[str, str]:
    """A key is its own user name; an auth token is the account's password."""
    text = value.get_secret_value()
    pair = text if ":" in text else f"{api.setting('account')}:{text}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
