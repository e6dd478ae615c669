"""Cloudflare: API tokens are disabled and enabled, deleted, and made with the policies of the old one.

API: https://developers.cloudflare.com/api/resources/user/subresources/tokens/. A PUT replaces the whole token, so it is
read first. An answer says no with `success: false`, also where its status is 200. A token's value can be rolled in
place; firedoor makes another token instead, so that the old value and the new one work side by side.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import ProviderError, Reply, Request, plain
from activities.providers import _by_hand
from activities.providers._provider import Api, Life, Made, Reading, kind_of
from activities.providers._reading import MOST_PAGES, endless, fingerprint, moment
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

USER, ACCOUNT = "/client/v4/user/tokens", "/client/v4/accounts/{account}/tokens"
PAGE = 50
#: What makes a token what it is. The rest of what Cloudflare tells of one it does not take back.
PARTS = ("name", "policies", "condition", "expires_on", "not_before")
LIVES: dict[Any, Life] = {"active": "live", "disabled": "dead", "expired": "dead"}
#: By the fingerprint of the token and where it was asked.
_OWN_IDS: dict[tuple[str, str], str] = {}
STATUS = {"active": "active", "disabled": "inactive", "expired": "expired"}

usage = _by_hand.usage


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET …/tokens: the user's, or one account's. Raises `invalid_arguments` without an account."""
    tokens: list[Found] = []
    template, ids = _tokens(kind, scope)
    for number in range(1, MOST_PAGES + 1):
        query = {"page": number, "per_page": PAGE}
        request = Request("GET", template, ids=ids, query=query, headers=_own(api), permission=_permission(kind, "GET"))
        page = _answer(api, request).data["result"]
        if not page:
            return tokens
        tokens += [_found(kind, token, scope) for token in page]
    raise endless(api, template)


def look(api: Api, credential: Credential) -> Reading:
    """GET …/tokens/{id}: only `active` is alive."""
    reply = _answer(api, _token(api, credential, "GET"))
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    token = reply.data["result"]
    evidence = reply.evidence(f"says that {credential.label} is {plain(str(token.get('status')))}")
    return Reading(LIVES.get(token.get("status"), "unknown"), evidence, last_used=moment(token.get("last_used_on")))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET …/tokens/verify; 401 is dead, and so is what it calls disabled or expired. 403 and 400 do not tell."""
    template, ids = _tokens(kind_of(api.provider, credential), credential.scope)
    request = Request("GET", f"{template}/verify", ids=ids, headers=_bearer(value), secrets=[value], statuses={401})
    try:
        reply = _answer(api, request)
    except ProviderError as error:
        source = f"{api.provider.name}:GET {request.template}"
        return Reading("unknown", Evidence(source=source, says=f"no answer that tells: {error.reason}"))
    if reply.status == 401:
        return Reading("dead", reply.evidence("refused the value with 401"))
    status = str(reply.data["result"].get("status"))
    return Reading(LIVES.get(status, "unknown"), reply.evidence(f"says that the value is {plain(status)}"))


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """PUT …/tokens/{id} with status disabled. Raises `refused_self` for the token that firedoor works with."""
    return _set(api, credential, "disabled")


def enable(api: Api, credential: Credential) -> Evidence:
    """PUT …/tokens/{id} with status active."""
    return _set(api, credential, "active")


def delete(api: Api, credential: Credential) -> Evidence:
    """DELETE …/tokens/{id}. Raises `refused_self` for the token that firedoor works with."""
    request = _token(api, credential, "DELETE")
    _refuse_own(api, credential)
    reply = _answer(api, request)
    return reply.evidence(f"{credential.label} is deleted")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST …/tokens with the policies, conditions and expiry of the old one, which may be disabled by now."""
    kind = kind_of(api.provider, like)
    template, ids = _tokens(kind, like.scope)
    old = _answer(api, _token(api, like, "GET"))
    if old.status == 404:
        raise StepError(
            "not_found",
            f"{like.label} does not exist, and with it went what a new Cloudflare token has to be allowed.",
            next="Create one at the console with the policies that its consumers need, and put it where they look.",
        )
    body = _parts(old.data["result"]) | {"name": name}
    permission = _permission(kind, "POST")
    reply = _answer(api, Request("POST", template, ids=ids, json=body, headers=_own(api), permission=permission))
    value = SecretStr(reply.data["result"]["value"])
    credential = _found(kind, reply.data["result"], like.scope).credential
    return Made(credential.model_copy(update={"fingerprint": fingerprint(value)}), value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Tokens of that name."""
    found = inventory(api, kind_of(api.provider, like), like.scope)
    return [one.credential for one in found if one.credential.name == name]


def _set(api: Api, credential: Credential, status: str) -> Evidence:
    """Read a token, and replace it by itself with another status. What does not exist is left so."""
    now = _answer(api, _token(api, credential, "GET"))
    if now.status == 404:
        return now.evidence(f"{credential.label} does not exist")
    token = now.data["result"]
    if LIVES.get(token.get("status")) == LIVES[status]:
        return now.evidence(f"{credential.label} is {plain(str(token.get('status')))} already")
    if status == "disabled":
        _refuse_own(api, credential)
    reply = _answer(api, _token(api, credential, "PUT", _parts(token) | {"status": status}))
    return reply.evidence(f"{credential.label} is {status}")


def _refuse_own(api: Api, credential: Credential) -> None:
    if _own_id(api, credential) == credential.id:
        raise StepError(
            "refused_self",
            f"firedoor itself works with the Cloudflare token {credential.label}.",
            next="Give firedoor another token, restart the worker, then retry the step.",
        )


def _own_id(api: Api, credential: Credential) -> str:
    """The id of firedoor's own token, if it is of this kind: a token can ask for it. Once: the id never changes."""
    template, ids = _tokens(kind_of(api.provider, credential), credential.scope)
    own = (fingerprint(api.secret("api_token")), template.format_map(ids))
    if own not in _OWN_IDS:
        request = Request("GET", f"{template}/verify", ids=ids, headers=_own(api), statuses={400, 401, 403, 404})
        data = api.send(request).data
        result = data.get("result") if isinstance(data, Mapping) else None
        if not isinstance(result, Mapping) or not result.get("id"):
            return ""
        _OWN_IDS[own] = str(result["id"])
    return _OWN_IDS[own]


def _answer(api: Api, request: Request) -> Reply:
    """Send it. Raises `ProviderError` also where the status is 200 and the body says that it failed."""
    reply = api.send(request)
    data = reply.data
    if reply.status in request.statuses or (isinstance(data, Mapping) and data.get("success") is True):
        return reply
    errors = data.get("errors") if isinstance(data, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], Mapping) else {}
    said = plain(str(first.get("message") or "no reason"))[:200].rstrip(". ")
    raise ProviderError(
        "provider_error",
        f"Cloudflare answered {reply.status} to {reply.call}, and that it failed: “{said}”.",
        status=reply.status,
        code=plain(str(first.get("code") or ""))[:60],
        next="firedoor tries again by itself.",
    )


def _token(api: Api, credential: Credential, method: str, json: Mapping[str, Any] | None = None) -> Request:
    kind = kind_of(api.provider, credential)
    template, ids = _tokens(kind, credential.scope)
    return Request(
        method,
        f"{template}/{{token}}",
        ids={**ids, "token": credential.id},
        json=json,
        headers=_own(api),
        permission=_permission(kind, method),
        statuses=set() if method == "PUT" else {404},
    )


def _tokens(kind: Kind, scope: str) -> tuple[str, dict[str, str]]:
    """The path of a kind's tokens, and the ids in it."""
    if kind.name == "user_token":
        return USER, {}
    if not scope:
        raise StepError(
            "invalid_arguments",
            "Tokens of a Cloudflare account are asked for by account, and none is said: nothing was sent.",
            next="Give the account's id as `scope`.",
        )
    return ACCOUNT, {"account": scope}


def _permission(kind: Kind, method: str) -> str:
    group = "API Tokens" if kind.name == "user_token" else "Account API Tokens"
    return f"{group} {'Read' if method == 'GET' else 'Edit'}"


def _parts(token: Mapping[str, Any]) -> dict[str, Any]:
    return {part: token[part] for part in PARTS if token.get(part) is not None}


def _found(kind: Kind, token: Mapping[str, Any], scope: str) -> Found:
    credential = Credential(
        provider="cloudflare",
        kind=kind.name,
        id=str(token["id"]),
        scope=scope,
        name=str(token.get("name") or ""),
    )
    status: Any = STATUS.get(str(token.get("status")), "unknown")
    return Found(
        credential=credential,
        status=status,
        created=moment(token.get("issued_on")),
        last_used=moment(token.get("last_used_on")),
        expires=moment(token.get("expires_on")),
    )


def _own(api: Api) -> dict[str, str]:
    return _bearer(api.secret("api_token"))


def _bearer(value: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {value.get_secret_value()}"}
