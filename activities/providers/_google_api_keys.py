"""API keys of Google Cloud, Gemini's among them.

API: https://cloud.google.com/api-keys/docs/reference/rest. Changes are operations, which are asked for until they are
done. The id of a new key is ours to choose, and its value can be read again: creating it a second time gives the same
key. A deleted key exists for 30 more days, and goes on working at some of Google's servers for 8 to 23 minutes
(aikido.dev/blog/google-api-keys-deletion): it counts as dead only when that time is over and Google still refuses it.
"""

import datetime
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import WORDS, Reply, Request, plain
from activities.google_account import address
from activities.providers._google import client, pages, project, reason_of, sent, status_of
from activities.providers._google_usage import key_usage
from activities.providers._provider import Api, Life, Made, Reading, Use, kind_of
from activities.providers._reading import fingerprint, moment, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

HOST = "apikeys"
KEYS = "/v2/projects/{project}/locations/global/keys"
KEY = KEYS + "/{key}"
NAME = re.compile(r"projects/([^/]+)/locations/global/keys/([^/]+)")
#: What a new key takes over, so that a restricted key is not followed by one that may do everything.
CARRIED = ("restrictions", "annotations", "serviceAccountEmail")
#: Google knows the value, and says why this call may not be made with it: a key that works elsewhere.
WORKS = frozenset(
    {
        "API_KEY_SERVICE_BLOCKED",
        "API_KEY_HTTP_REFERRER_BLOCKED",
        "API_KEY_IP_ADDRESS_BLOCKED",
        "API_KEY_ANDROID_APP_BLOCKED",
        "API_KEY_IOS_APP_BLOCKED",
        "SERVICE_DISABLED",
        "BILLING_DISABLED",
    }
)
#: Before each look at an operation. Seconds.
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
LONGEST_ID = 63


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET …/keys of one project, without those that are deleted; a service account has none."""
    if "@" in scope:
        return ()
    where = project(api, scope)
    request = Request("GET", KEYS, ids={"project": where}, permission="apikeys.keys.list")
    return [
        Found(credential=_credential(key, where), status="active", created=moment(key.get("createTime")))
        for key in pages(api, HOST, request, "keys")
    ]


def look(api: Api, credential: Credential) -> Reading:
    """GET …/keys/{key}: one with a deleteTime is deleted, and dead once that was long enough ago."""
    reply = _get(api, credential)
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    if not reply.data.get("deleteTime"):
        return Reading("live", reply.evidence(f"says that {credential.label} exists"))
    deleted = moment(reply.data["deleteTime"])
    life: Life = "unknown" if _lags(deleted, kind_of(api.provider, credential)) else "dead"
    return Reading(life, reply.evidence(f"says that {credential.label} was deleted at {deleted}"))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /v1/models of Gemini with the value in a header; a refusal counts only with what Google says of the key.

    Raises `StepError` where Google refuses the value and firedoor may not ask about it.
    """
    kind = kind_of(api.provider, credential)
    request = Request(
        "GET",
        "/v1/models",
        base=address(client(api), "generativelanguage"),
        query={"pageSize": 1},
        headers={"x-goog-api-key": value.get_secret_value()},
        secrets=[value],
        statuses={400, 401, 403},
    )
    reading = tried(api, request, dead=(), live=(200, 400, 401, 403), refused=_refused, doubtful=_doubtful)
    return _weighed(api, kind, value, reading) if reading.life == "dead" else reading


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """DELETE …/keys/{key}: Google disables none. Where no id is known, it is looked up by the value."""
    if credential.id or value is None:
        return delete(api, credential)
    kind_of(api.provider, credential)
    reply = _lookup(api, value)
    found = NAME.fullmatch(str((reply.data or {}).get("name") or "")) if reply.status == 200 else None
    if found is None:
        return reply.evidence("knows no such key")
    return delete(api, credential.model_copy(update={"scope": found[1], "id": found[2]}))


def enable(api: Api, credential: Credential) -> Evidence:
    """POST …/keys/{key}:undelete, within 30 days."""
    reply = sent(api, HOST, _request(api, credential, "POST", ":undelete", json={}, permission="apikeys.keys.undelete"))
    _finish(api, reply)
    return reply.evidence(f"{credential.label} is undeleted")


def delete(api: Api, credential: Credential) -> Evidence:
    """As `revoke`: what was deleted is gone for good after 30 days."""
    request = _request(api, credential, "DELETE", permission="apikeys.keys.delete", statuses={400, 404})
    reply = sent(api, HOST, request)
    if reply.status == 404:
        return reply.evidence(f"{credential.label} does not exist")
    if reply.status == 400:
        now = _get(api, credential)
        if now.status == 404 or now.data.get("deleteTime"):
            return now.evidence(f"{credential.label} was deleted already")
        raise StepError(
            "conflict",
            f"Google does not delete {credential.label} ({status_of(reply.data) or reply.status}).",
            next="Look at it in the console: APIs & Services → Credentials. Then retry the step.",
        )
    _finish(api, reply)
    return reply.evidence(f"{credential.label} is deleted; some of Google's servers take it for 8 to 23 more minutes")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST …/keys?keyId= with the restrictions of the old key, then GET …/keyString. The same again is the same key."""
    where, key = project(api, like.scope), key_id(name)
    credential = Credential(provider=like.provider, kind="api_key", id=key, scope=where, name=name, owner=like.owner)
    request = Request(
        "POST",
        KEYS,
        ids={"project": where},
        query={"keyId": key},
        json={"displayName": name, **_carried(api, like)},
        permission="apikeys.keys.create",
        statuses={409},
    )
    reply = sent(api, HOST, request)
    if reply.status == 409:
        _revive(api, credential)
    else:
        _finish(api, reply)
    read = sent(api, HOST, _request(api, credential, "GET", "/keyString", permission="apikeys.keys.getKeyString"))
    value = SecretStr(str(read.data["keyString"]))
    return Made(credential.model_copy(update={"fingerprint": fingerprint(value)}), value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """The key whose id comes of the name, unless it is deleted."""
    where = project(api, like.scope)
    credential = Credential(provider=like.provider, kind="api_key", id=key_id(name), scope=where, name=name)
    reply = _get(api, credential)
    gone = reply.status == 404 or reply.data.get("deleteTime")
    return [] if gone else [_credential(reply.data, where)]


def usage(api: Api, credential: Credential, since: datetime.datetime) -> Sequence[Use]:
    """Cloud Monitoring's count of requests with the key; it knows keys by another id, which GET …/keys/{key} tells."""
    reply = _get(api, credential)
    if reply.status == 404:
        raise StepError(
            "not_found",
            f"Google does not know the API key {credential.label}, so its use cannot be told apart.",
            next="Look at all use of the project: APIs & Services → Metrics, in the console.",
        )
    return key_usage(api, project(api, credential.scope), str(reply.data["uid"]), since)


def key_id(name: str) -> str:
    """A name as an id that Google takes: RFC 1034, in lower case."""
    letters = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_ID]
    return letters.rstrip("-") if letters[:1].isalpha() else f"k-{letters}"[:LONGEST_ID].rstrip("-")


def _refused(data: Any) -> bool:
    unauthenticated = isinstance(data, Mapping) and status_of(data) == "UNAUTHENTICATED"
    return reason_of(data) == "API_KEY_INVALID" or unauthenticated


def _doubtful(data: Any) -> bool:
    """Whatever is neither a list of models nor a refusal that only a working key gets."""
    listed = isinstance(data, Mapping) and "error" not in data
    return not listed and reason_of(data) not in WORKS


def _weighed(api: Api, kind: Kind, value: SecretStr, refused: Reading) -> Reading:
    """What a refusal is worth, by what Google says of the key: a key that is not everywhere yet gets the same."""
    reply = _lookup(api, value)
    if reply.status == 403:
        says = f"{refused.evidence.says}, and firedoor may not look the key up: it needs apikeys.keys.lookup"
        return Reading("unknown", reply.evidence(says))
    found = NAME.fullmatch(str((reply.data or {}).get("name") or "")) if reply.status == 200 else None
    if found is None:
        return refused
    key = sent(api, HOST, _named(found[1], found[2], "GET", permission="apikeys.keys.get")).data
    deleted = moment(key.get("deleteTime"))
    if not deleted:
        says = "refused the value, although its key exists: that is no proof. Is Gemini's API enabled for its project?"
        return Reading("unknown", refused.evidence.model_copy(update={"says": says}))
    life: Life = "unknown" if _lags(deleted, kind) else "dead"
    says = f"{refused.evidence.says}, whose key was deleted at {deleted}"
    says += "; for half an hour others of its servers may still take it" if life == "unknown" else ""
    return Reading(life, refused.evidence.model_copy(update={"says": says}))


def _lags(deleted: str, kind: Kind) -> bool:
    """Is it so short a time ago that some of Google's servers may still take the key?"""
    since = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(deleted)
    return since.total_seconds() < kind.lag


def _lookup(api: Api, value: SecretStr) -> Reply:
    """GET /v2/keys:lookupKey, sent as a POST that says it is a GET: a value in an address ends up in logs.

    Google's own client does so with long addresses (googleapiclient/http.py). 400, 403 and 404 are answers.
    """
    return sent(
        api,
        HOST,
        Request(
            "POST",
            "/v2/keys:lookupKey",
            form={"keyString": value.get_secret_value()},
            headers={"X-HTTP-Method-Override": "GET"},
            secrets=[value],
            reads=True,
            permission="apikeys.keys.lookup",
            statuses={400, 403, 404},
        ),
    )


def _carried(api: Api, like: Credential) -> dict[str, Any]:
    """What limits the old key; a deleted one still tells it. Raises where that cannot be read."""
    if not like.id:
        raise StepError(
            "invalid_arguments",
            "It is not said which API key of Google the new one shall be like: it would have no restrictions.",
            next="Give the credential's id: `credential.inventory` lists the keys of a project.",
        )
    reply = _get(api, like)
    if reply.status == 404:
        raise StepError(
            "not_found",
            f"Google does not know the API key {like.label}, so its restrictions cannot be carried over.",
            next="Make a key by hand: APIs & Services → Credentials. Or name a key that the new one shall be like.",
        )
    return {name: reply.data[name] for name in CARRIED if reply.data.get(name)}


def _revive(api: Api, credential: Credential) -> None:
    """What an earlier attempt made is used: undeleted where it was taken back. Nobody has had its value."""
    reply = _get(api, credential)
    if reply.status == 404:
        raise StepError(
            "not_stable",
            f"Google is still making the API key {credential.id}.",
            changed="The key will exist.",
            next="firedoor tries again by itself.",
        )
    if reply.data.get("deleteTime"):
        enable(api, credential)


def _finish(api: Api, reply: Reply) -> None:
    """Look at an operation until it is done. Raises `not_stable` while it is not, `provider_error` where it failed."""
    operation: Mapping[str, Any] = reply.data
    template, ids = "/v2/operations/{operation}", {"operation": str(operation.get("name") or "").rpartition("/")[2]}
    for pause in PAUSES:
        if operation.get("done"):
            break
        time.sleep(pause)
        operation = sent(api, HOST, Request("GET", template, ids=ids)).data
    if failed := operation.get("error"):
        said = plain(str(failed.get("message") or "no reason given"))[:WORDS].rstrip(". ")
        raise StepError(
            "provider_error",
            f"Google took {reply.call} and did not carry it out: “{said}”.",
            next="firedoor tries again by itself.",
        )
    if not operation.get("done"):
        raise StepError(
            "not_stable",
            f"Google took {reply.call} and is not done with it after {sum(PAUSES):.0f} s.",
            changed="It is not known whether Google will carry it out.",
            next="firedoor looks before it tries again.",
        )


def _get(api: Api, credential: Credential) -> Reply:
    return sent(api, HOST, _request(api, credential, "GET", permission="apikeys.keys.get", statuses={404}))


def _request(api: Api, credential: Credential, method: str, call: str = "", **fields: Any) -> Request:
    """A request about one key, whose id looks as it must."""
    kind_of(api.provider, credential)
    return _named(project(api, credential.scope), credential.id, method, call, **fields)


def _named(where: str, key: str, method: str, call: str = "", **fields: Any) -> Request:
    return Request(method, KEY + call, ids={"project": where, "key": key}, **fields)


def _credential(key: Mapping[str, Any], where: str) -> Credential:
    return Credential(
        provider="google",
        kind="api_key",
        id=str(key["name"]).rpartition("/")[2],
        scope=where,
        name=str(key.get("displayName") or ""),
        owner=str(key.get("serviceAccountEmail") or ""),
    )
