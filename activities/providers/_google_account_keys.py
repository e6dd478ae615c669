"""Keys of Google's service accounts: the value is the JSON key file, which Google gives once and does not keep.

API: https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys. A key has no name: what a lost
answer made is what the account did not have before. Neither disabling nor deleting a key ends the access tokens that
were got with it: each lives for an hour, or for up to twelve where an organization allows it.
"""

import base64
import datetime
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Reply, Request, plain
from activities.google_account import ADDRESS_ONLY, ServiceAccount, project_of
from activities.providers._google import client, own_key, pages, project, sent, status_of
from activities.providers._google_usage import account_key_usage
from activities.providers._provider import Api, Made, Reading, Use, kind_of
from activities.providers._reading import fingerprint, moment, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

HOST = "iam"
ACCOUNTS = "/v1/projects/{project}/serviceAccounts"
KEYS = ACCOUNTS + "/{account}/keys"
KEY = KEYS + "/{key}"
MOST_KEYS = 10
#: Only keys that people made: Google's own cannot leak.
OURS = {"keyTypes": "USER_MANAGED"}
TOKENS = "access tokens that were got with it go on for an hour or longer: disable the account itself to end them"
#: What Google says of an assertion whose key it does not take. It says `invalid_grant` of a wrong clock as well.
DEAD = ("invalid jwt signature", "account not found", "account is disabled", "account disabled")
#: Google may need a minute until it takes a new key. Before each look; seconds.
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET …/keys of one account; of every account that GET …/serviceAccounts lists, where the scope is a project."""
    accounts = [scope] if "@" in scope else _accounts(api, scope)
    return [_found(key, account) for account in accounts for key in _keys(api, account)]


def look(api: Api, credential: Credential) -> Reading:
    """GET …/keys/{key}: one that is not there, disabled or over is dead. Google itself disables exposed ones."""
    reply = sent(api, HOST, _request(api, credential, "GET", permission="iam.serviceAccountKeys.get", statuses={404}))
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    status = _status(reply.data)
    why = str(reply.data.get("disableReason") or "").removeprefix("SERVICE_ACCOUNT_KEY_DISABLE_REASON_")
    says = f"says that {credential.label} is {status}" + (f" ({plain(why)})" if why else "")
    return Reading("live" if status == "active" else "dead", reply.evidence(says))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """POST /token with what the key signs; the token is dropped. A file of another key tells nothing of this one."""
    kind_of(api.provider, credential)
    account = ServiceAccount.of(value)
    if account is None:
        return _untold("the value is no JSON key file of a service account")
    if credential.id not in {"", account.key_id}:
        return _untold(f"the value is the key file of another key, {plain(account.key_id)[:60]}")
    request = account.exchange(client(api), ADDRESS_ONLY)
    return tried(api, request, dead=(), live=(200, 400, 401), refused=_refused, doubtful=_doubtful)


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """POST …/keys/{key}:disable. Raises `refused_self` for the key that firedoor works with."""
    return _change(api, credential, "POST", ":disable", "iam.serviceAccountKeys.disable")


def enable(api: Api, credential: Credential) -> Evidence:
    """POST …/keys/{key}:enable."""
    return _change(api, credential, "POST", ":enable", "iam.serviceAccountKeys.enable")


def delete(api: Api, credential: Credential) -> Evidence:
    """DELETE …/keys/{key}. Raises `refused_self` for the key that firedoor works with."""
    return _change(api, credential, "DELETE", "", "iam.serviceAccountKeys.delete")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST …/keys, and looks until Google takes the new key: only this answer has its value."""
    kind = kind_of(api.provider, like)
    account = _account(like)
    body = {"privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "keyAlgorithm": "KEY_ALG_RSA_2048"}
    request = Request(
        "POST",
        KEYS,
        ids=_ids(account),
        json=body,
        permission="iam.serviceAccountKeys.create",
        statuses={400},
    )
    reply = sent(api, HOST, request)
    if reply.status == 400:
        raise _refusal(api, account, reply)
    value = SecretStr(base64.b64decode(reply.data["privateKeyData"]).decode())
    new = _credential(kind, reply.data, account).model_copy(update={"fingerprint": fingerprint(value)})
    for pause in PAUSES:
        if verify(api, new, value).life == "live":
            break
        time.sleep(pause)
    return Made(new, value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Keys of the account that did not exist before."""
    account = _account(like)
    found = [_found(key, account).credential for key in _keys(api, account)]
    return [one for one in found if one.id not in known]


def usage(api: Api, credential: Credential, since: datetime.datetime) -> Sequence[Use]:
    """Cloud Monitoring's count of authentications with the key."""
    kind_of(api.provider, credential)
    if not credential.id:
        raise StepError(
            "invalid_arguments",
            f"It is not said which key of {_account(credential)} is meant: nothing was sent.",
            next="Give the credential's id: `credential.inventory` lists the keys of an account.",
        )
    where = project_of(_account(credential))
    return account_key_usage(api, project(api, "" if where == "-" else where), credential.id, since)


def _accounts(api: Api, scope: str) -> Sequence[str]:
    request = Request("GET", ACCOUNTS, ids={"project": project(api, scope)}, permission="iam.serviceAccounts.list")
    return [str(one["email"]) for one in pages(api, HOST, request, "accounts")]


def _keys(api: Api, account: str) -> Sequence[Mapping[str, Any]]:
    """All of them in one answer: an account has ten at most."""
    request = Request("GET", KEYS, ids=_ids(account), query=OURS, permission="iam.serviceAccountKeys.list")
    return (sent(api, HOST, request).data or {}).get("keys") or ()


def _change(api: Api, credential: Credential, method: str, call: str, permission: str) -> Evidence:
    kind_of(api.provider, credential)
    own = own_key(api)
    if own is not None and own.key_id == credential.id and call != ":enable":
        raise StepError(
            "refused_self",
            f"firedoor itself works with the key {credential.id} of {own.email}.",
            next="Give firedoor another key, restart the worker, then retry the step.",
        )
    body: dict[str, str] | None = {} if method == "POST" else None
    reply = sent(api, HOST, _request(api, credential, method, call, json=body, permission=permission, statuses={404}))
    if reply.status == 404:
        return reply.evidence(f"{credential.label} does not exist")
    done = {":disable": f"is disabled; {TOKENS}", ":enable": "is enabled", "": f"is deleted; {TOKENS}"}[call]
    return reply.evidence(f"{credential.label} {done}")


def _refusal(api: Api, account: str, reply: Reply) -> StepError:
    """Google says only that something is not as it must be: how many keys there are tells whether that is it."""
    count = len(_keys(api, account))
    if count >= MOST_KEYS:
        return StepError(
            "limit_reached",
            f"{account} has {count} keys, and Google allows {MOST_KEYS}, disabled ones included.",
            next="Delete one that nobody needs (IAM & Admin → Service accounts → Keys), then retry the step.",
        )
    return StepError(
        "conflict",
        f"Google makes no key for {account} ({status_of(reply.data) or reply.status}).",
        next="An organization's policy may forbid it: iam.disableServiceAccountKeyCreation. Allow it for this project, "
        "or let the consumers use workload identity federation instead of a key.",
    )


def _refused(data: Any) -> bool:
    """Does Google say that it does not take the key?"""
    said = str(data.get("error_description") or "").lower() if isinstance(data, Mapping) else ""
    return any(one in said for one in DEAD)


def _doubtful(data: Any) -> bool:
    return not isinstance(data, Mapping) or not data.get("access_token")


def _untold(says: str) -> Reading:
    return Reading("unknown", Evidence(source="google:none", says=says))


def _request(api: Api, credential: Credential, method: str, call: str = "", **fields: Any) -> Request:
    """A request about one key, whose id looks as it must."""
    kind_of(api.provider, credential)
    return Request(method, KEY + call, ids={**_ids(_account(credential)), "key": credential.id}, **fields)


def _account(credential: Credential) -> str:
    if not credential.scope:
        raise StepError(
            "invalid_arguments",
            f"It is not said whose key {credential.label} is: nothing was sent.",
            next="Give the credential's scope: the address of the service account.",
        )
    return credential.scope


def _ids(account: str) -> dict[str, str]:
    return {"project": project_of(account), "account": account}


def _found(key: Mapping[str, Any], account: str) -> Found:
    status: Any = _status(key)
    created, expires = moment(key.get("validAfterTime")), moment(key.get("validBeforeTime"))
    credential = Credential(provider="google", kind="service_account_key", id=_id(key), scope=account, owner=account)
    return Found(
        credential=credential, status=status, created=created, expires="" if expires.startswith("9999") else expires
    )


def _credential(kind: Kind, key: Mapping[str, Any], account: str) -> Credential:
    return Credential(provider="google", kind=kind.name, id=_id(key), scope=account, owner=account)


def _id(key: Mapping[str, Any]) -> str:
    return str(key["name"]).rpartition("/")[2]


def _status(key: Mapping[str, Any]) -> str:
    """`active`, `inactive` or `expired`."""
    if key.get("disabled"):
        return "inactive"
    expires = moment(key.get("validBeforeTime"))
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "expired" if expires and expires <= now else "active"
