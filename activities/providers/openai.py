"""OpenAI: keys of service accounts, of users, and admin keys.

API: https://platform.openai.com/docs/api-reference/administration. Everything under /organization needs an admin key
with `api.management.read` and `.write` (and `api.usage.read`). A service account is made with one key and deleted with
all of them, so a rotation makes a new account and deletes the old one. OpenAI takes no idempotency key: what a lost
answer made is found by its name.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Reply, Request
from activities.providers import _by_hand
from activities.providers._provider import Api, Made, Reading, Use, kind_of
from activities.providers._reading import MOST_PAGES, endless, fingerprint, moment, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

PROJECTS = "/v1/organization/projects"
KEYS = f"{PROJECTS}/{{project}}/api_keys"
ACCOUNTS = f"{PROJECTS}/{{project}}/service_accounts"
ADMIN_KEYS = "/v1/organization/admin_api_keys"
USAGE = "/v1/organization/usage/completions"
READ, WRITE, READ_USAGE = "api.management.read", "api.management.write", "api.usage.read"
#: OpenAI gives at most this many buckets of an hour in one page.
HOURS = 168
PAGE = 100
#: Else OpenAI hides keys of people who left the project, which work all the same.
ANYBODYS = {"owner_project_access": "any"}


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET /organization/admin_api_keys, or the api_keys of one project or of every active one."""
    if kind.name == "admin_key":
        return [_found(kind, key, "") for key in _pages(api, Request("GET", ADMIN_KEYS, permission=READ))]
    projects = [scope] if scope else [str(one["id"]) for one in _pages(api, Request("GET", PROJECTS, permission=READ))]
    return [
        _found(kind, key, project)
        for project in projects
        for key in _pages(api, Request("GET", KEYS, ids={"project": project}, query=ANYBODYS, permission=READ))
        if (key.get("owner", {}).get("type") == "service_account") == (kind.name == "service_account_key")
    ]


def look(api: Api, credential: Credential) -> Reading:
    """GET …/api_keys/{id}, or …/admin_api_keys/{id}: a key that is not there is dead."""
    reply = api.send(_key(api, credential, "GET", statuses={404}))
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    last_used = moment(reply.data.get("last_used_at"))
    return Reading("live", reply.evidence(f"{credential.label} exists"), last_used=last_used)


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /models, or the list of admin keys for one of them; 401 is dead."""
    admin = kind_of(api.provider, credential).name == "admin_key"
    request = Request(
        "GET",
        ADMIN_KEYS if admin else "/v1/models",
        query={"limit": 1} if admin else {},
        headers=_bearer(value),
        secrets=[value],
        statuses={401, 403},
    )
    # 403: it is known and not allowed this call.
    return tried(api, request, dead={401}, live={200, 403})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """DELETE …/service_accounts/{id} for the key of a service account, else DELETE …/api_keys/{id}."""
    return delete(api, credential)


enable = _by_hand.enable


def delete(api: Api, credential: Credential) -> Evidence:
    """As `revoke`: OpenAI disables nothing. Needs api.management.write. Raises `refused_self` for our own key."""
    kind = kind_of(api.provider, credential)
    if kind.name == "service_account_key":
        return _delete_account(api, credential)
    if kind.name == "admin_key":
        _refuse_own(api, credential)
    try:
        reply = api.send(_key(api, credential, "DELETE", statuses={404}))
    except StepError as error:
        if error.reason == "invalid_arguments":
            error.next = (
                "OpenAI deletes no single key of a service account. If this is one, say kind: service_account_key; "
                "then the whole service account is deleted, with all its keys."
            )
        raise
    return _deleted(reply, f"{credential.label} deleted")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST …/service_accounts {name}, or POST /organization/admin_api_keys {name}. Needs api.management.write."""
    kind = kind_of(api.provider, like)
    if kind.name == "user_key":
        return _by_hand.create(api, like, name)
    admin = kind.name == "admin_key"
    reply = api.send(
        Request(
            "POST",
            ADMIN_KEYS if admin else ACCOUNTS,
            ids={} if admin else {"project": like.scope},
            json={"name": name},
            headers=_admin(api),
            permission=WRITE,
        )
    )
    key = reply.data if admin else reply.data.get("api_key") or {}
    value = key.get("value")
    if not value:
        raise StepError(
            "conflict",
            f"OpenAI made {name} without a key.",
            changed=f"The service account {name} exists and has no key.",
            next="Look at the project's settings: it may allow no keys of service accounts.",
        )
    account = "" if admin else str(reply.data["id"])
    credential = Credential(
        provider="openai",
        kind=kind.name,
        id=str(key["id"]),
        scope=like.scope,
        name=name,
        owner=account,
        fingerprint=fingerprint(SecretStr(value)),
    )
    return Made(credential, SecretStr(value))


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Service accounts, or admin keys, of that name."""
    kind = kind_of(api.provider, like)
    if kind.name == "admin_key":
        return [one.credential for one in inventory(api, kind, "") if one.credential.name == name]
    keys = {found.credential.owner: found.credential for found in inventory(api, kind, like.scope)}
    return [
        keys.get(account["id"], like.model_copy(update={"id": "", "name": name, "owner": account["id"], "where": ""}))
        for account in _accounts(api, like.scope)
        if account.get("name") == name
    ]


def usage(api: Api, credential: Credential, since: datetime.datetime) -> Sequence[Use]:
    """GET /organization/usage/completions by key and model, an hour a bucket. Needs api.usage.read."""
    if kind_of(api.provider, credential).name == "admin_key":
        _by_hand.usage(api, credential, since)
    query = {
        "start_time": int(since.timestamp()),
        "bucket_width": "1h",
        "group_by": ["model"],
        "api_key_ids": [credential.id],
        "limit": HOURS,
    }
    return [use for page in _usage_pages(api, query) for use in _uses(page)]


def _usage_pages(api: Api, query: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    for _ in range(MOST_PAGES):
        request = Request("GET", USAGE, query=query, headers=_admin(api), permission=READ_USAGE)
        page = api.send(request).data
        yield page
        if not page.get("has_more") or not page.get("next_page"):
            return
        query = query | {"page": page["next_page"]}
    raise endless(api, USAGE)


def _uses(page: Mapping[str, Any]) -> Iterator[Use]:
    for bucket in page.get("data", ()):
        start, end = int(bucket["start_time"]), int(bucket["end_time"])
        for result in bucket.get("results", ()):
            yield Use(
                start=datetime.datetime.fromtimestamp(start, datetime.UTC),
                seconds=end - start,
                requests=int(result.get("num_model_requests") or 0),
                tokens=int(result.get("input_tokens") or 0) + int(result.get("output_tokens") or 0),
                model=str(result.get("model") or ""),
            )


def _delete_account(api: Api, credential: Credential) -> Evidence:
    """Delete the service account that owns a key, and so all its keys."""
    account = credential.owner or _owner(api, credential)
    if not account:
        reply = api.send(_key(api, credential, "GET", statuses={404}))
        return reply.evidence(f"{credential.label} does not exist, and neither does a service account that owns it")
    ids = {"project": credential.scope, "account": account}
    template = f"{ACCOUNTS}/{{account}}"
    reply = api.send(Request("DELETE", template, ids=ids, headers=_admin(api), permission=WRITE, statuses={404}))
    return _deleted(reply, f"the service account {account} is deleted, with all its keys")


def _deleted(reply: Reply, says: str) -> Evidence:
    """What the answer to a deletion shows. Raises `provider_error` where its status is 200 and it says no."""
    if reply.status != 404 and reply.data.get("deleted") is not True:
        raise StepError(
            "provider_error",
            f"OpenAI answered {reply.status} to {reply.call}, and not that it is deleted.",
            next="firedoor tries again by itself.",
        )
    return reply.evidence(says)


def _owner(api: Api, credential: Credential) -> str:
    """The id of the service account that owns a key; empty if the key is gone. Raises `conflict` for a user's key."""
    reply = api.send(_key(api, credential, "GET", statuses={404}))
    if reply.status == 404:
        return ""
    owner = reply.data.get("owner", {})
    if owner.get("type") != "service_account":
        user = owner.get("user", {})
        raise StepError(
            "conflict",
            f"The OpenAI key {credential.label} belongs to the user {user.get('email') or user.get('id')}, "
            "not to a service account.",
            next="Say kind: user_key. It can be revoked then; a new one only its owner can create.",
        )
    return str(owner["service_account"]["id"])


def _key(api: Api, credential: Credential, method: str, statuses: set[int]) -> Request:
    admin = kind_of(api.provider, credential).name == "admin_key"
    ids = {"key": credential.id} if admin else {"project": credential.scope, "key": credential.id}
    permission = READ if method == "GET" else WRITE
    template = f"{ADMIN_KEYS if admin else KEYS}/{{key}}"
    return Request(method, template, ids=ids, headers=_admin(api), permission=permission, statuses=statuses)


def _refuse_own(api: Api, credential: Credential) -> None:
    """The redacted value of an admin key ends as the value does: firedoor must not cut off its own hand."""
    own = api.secret("admin_key").get_secret_value()
    reply = api.send(_key(api, credential, "GET", statuses={404}))
    redacted = str((reply.data or {}).get("redacted_value", "")) if reply.status != 404 else ""
    if redacted and own.endswith(redacted[-4:]) and own.startswith(redacted.partition("*")[0]):
        raise StepError(
            "refused_self",
            f"firedoor itself works with the OpenAI admin key {credential.label}.",
            next="Give firedoor another admin key, restart the worker, then retry the step.",
        )


def _accounts(api: Api, project: str) -> list[Mapping[str, Any]]:
    return _pages(api, Request("GET", ACCOUNTS, ids={"project": project}, permission=READ))


def _pages(api: Api, request: Request) -> list[Mapping[str, Any]]:
    """A list over all its pages. Needs api.management.read."""
    found: list[Mapping[str, Any]] = []
    after: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        page: Reply = api.send(
            Request(
                "GET",
                request.template,
                ids=request.ids,
                query={"limit": PAGE, **request.query, **after},
                headers=_admin(api),
                permission=request.permission,
            )
        )
        found += page.data["data"]
        if not page.data.get("has_more") or not page.data["data"]:
            return found
        after = {"after": page.data["data"][-1]["id"]}
    raise endless(api, request.template)


def _found(kind: Kind, key: Mapping[str, Any], project: str) -> Found:
    owner = key.get("owner") or {}
    if kind.name == "service_account_key":
        whose = str(owner.get("service_account", {}).get("id", ""))
    else:
        user = owner.get("user", owner)
        whose = str(user.get("email") or user.get("name") or user.get("id") or "")
    credential = Credential(
        provider="openai",
        kind=kind.name,
        id=str(key["id"]),
        scope=project,
        name=str(key.get("name") or ""),
        owner=whose,
    )
    return Found(
        credential=credential,
        status="active",
        created=moment(key.get("created_at")),
        last_used=moment(key.get("last_used_at")),
        expires=moment(key.get("expires_at")),
    )


def _admin(api: Api) -> dict[str, str]:
    return _bearer(api.secret("admin_key"))


def _bearer(value: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {value.get_secret_value()}"}
