"""Azure OpenAI: an account's two keys, one or the other of which is regenerated; and whether it takes keys at all.

API: https://learn.microsoft.com/rest/api/aiservices/accountmanagement/accounts, and of the account itself the list of
its models. Azure shows both values to whoever may list keys, so that nothing is ever lost with an answer: a key is
regenerated only while it holds the value that is meant (`Credential.fingerprint`), and read back otherwise. Where an
account is, Azure Resource Manager says; a key is sent to no address that is not Azure's.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from activities._http import ProviderError, Reply, Request, is_loopback, plain
from activities.providers import _by_hand
from activities.providers._entra import client, send_as
from activities.providers._provider import Api, Made, Reading, kind_of
from activities.providers._reading import MOST_PAGES, endless, fingerprint, moment, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.providers.azure_openai import PLACE
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

SUBSCRIPTIONS, GROUPS = "/subscriptions", "/subscriptions/{subscription}/resourceGroups/{group}"
PROVIDER = "/providers/Microsoft.CognitiveServices/accounts"
ACCOUNT = f"{GROUPS}{PROVIDER}/{{account}}"
VERSION, SUBSCRIPTION_VERSION, MODELS_VERSION = "2024-10-01", "2022-12-01", "2024-10-21"
KEY_ACCESS = "key_access"
SLOTS = ("Key1", "Key2")
#: How Azure names an account; in which case, differs between its answers.
ID = re.compile(r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/[^/]+/accounts/([^/]+)", re.IGNORECASE)
#: Accounts of other services have no models of OpenAI.
KINDS = frozenset({"OpenAI", "AIServices"})
#: Where Microsoft has accounts of AI services, in its public and its sovereign clouds.
HOSTS = tuple(
    f".{name}.{cloud}"
    for name, clouds in {
        "openai": ("azure.com", "azure.us", "azure.cn"),
        "cognitiveservices": ("azure.com", "azure.us", "azure.cn"),
        "services.ai": ("azure.com", "azure.us", "azure.cn"),
        "api.cognitive": ("microsoft.com", "microsoft.us", "azure.cn"),
    }.items()
    for cloud in clouds
)
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
READ, LIST, REGENERATE, WRITE = (
    f"Microsoft.CognitiveServices/accounts/{action}"
    for action in ("read", "listKeys/action", "regenerateKey/action", "write")
)
#: What Azure says where keys are switched off: of a key, and of the wish to see one.
OFF, OFF_WORD = "AuthenticationTypeDisabled", "disableLocalAuth"

usage = _by_hand.usage


@dataclass(frozen=True, slots=True)
class Account:
    """An account as Azure Resource Manager describes it. `off`: it takes no keys."""

    place: str
    endpoint: str
    off: bool
    created: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Account":
        """From its description. Raises `provider_error` for what is none."""
        match, properties = ID.fullmatch(str(data.get("id"))), data.get("properties") or {}
        if not match:
            raise StepError(
                "provider_error",
                f"Azure describes an account of the strange id {plain(str(data.get('id')))[:120]!r}.",
                next="firedoor tries again by itself.",
            )
        off, created = bool(properties.get("disableLocalAuth")), moment(properties.get("dateCreated"))
        return cls("/".join(match.groups()), str(properties.get("endpoint") or ""), off, created)


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """The accounts of a place, or of all subscriptions that firedoor sees; with fingerprints of one account only."""
    parts = _parts(scope)
    one = "account" in parts
    # As it was asked for: that is how whoever asks names it.
    accounts = [replace(_account(api, scope), place=scope)] if one else _all(api, parts)
    if kind.name == KEY_ACCESS:
        return [_access(account) for account in accounts]
    return [found for account in accounts for found in _slots(api, account, read=one and not account.off)]


def look(api: Api, credential: Credential) -> Reading:
    """Whether the account takes keys; of a key, whether its slot still holds the value of its fingerprint."""
    kind, place = kind_of(api.provider, credential), _place(credential)
    reply = send_as(api, _of(place, "GET", permission=READ, statuses={404}))
    if reply.status == 404:
        return _absent(reply, place)
    account = Account.of(reply.data)
    if account.off:
        return Reading("dead", reply.evidence(f"{place} takes no keys, whatever they are"))
    if kind.name == KEY_ACCESS:
        return Reading("live", reply.evidence(f"{place} takes keys"))
    if not credential.fingerprint:
        says = f"{credential.id} always holds some key; whether it is the one that is meant is not known"
        return Reading("unknown", reply.evidence(says))
    keys, answer = _keys(api, place)
    held = fingerprint(keys[_slot(credential)]) == credential.fingerprint
    says = f"{credential.id} {'holds' if held else 'no longer holds'} the key that is meant"
    return Reading("live" if held else "dead", answer.evidence(says))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET {endpoint}/openai/models with the value: 401 is dead, and so is a 403 that says that keys are off."""
    kind_of(api.provider, credential)
    try:
        account = _account(api, _place(credential))
    except ProviderError as error:
        says = f"it is not known where the account is: {error.reason}"
        return Reading("unknown", Evidence(source="azure_openai:GET accounts", says=says))
    if not is_azure(account.endpoint, client(api).base_url):
        says = f"Azure says that {account.place} is at {plain(account.endpoint)[:80]!r}: the key was not sent there"
        return Reading("unknown", Evidence(source="azure_openai:GET accounts", says=says))
    request = Request(
        "GET",
        "/openai/models",
        base=account.endpoint,
        query={"api-version": MODELS_VERSION},
        headers={"api-key": value.get_secret_value()},
        secrets=[value],
        statuses={401, 403},
    )
    return tried(api, request, dead={401}, live={200, 403}, refused=_says_off, doubtful=_says_nothing)


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """POST …/regenerateKey, if the slot still holds what is meant; PATCH disableLocalAuth for the access itself."""
    if kind_of(api.provider, credential).name == KEY_ACCESS:
        return _switch(api, credential, off=True)
    meant = fingerprint(value) if value else credential.fingerprint
    slot, place = _slot(credential), _place(credential)
    if meant:
        keys, answer = _keys(api, place)
        if fingerprint(keys[slot]) != meant:
            return answer.evidence(f"{credential.id} holds another key already")
    _, answer = _regenerated(api, place, slot)
    return answer.evidence(f"{credential.id} is regenerated")


def enable(api: Api, credential: Credential) -> Evidence:
    """PATCH disableLocalAuth false. Raises `conflict` for a key: its old value is gone."""
    if kind_of(api.provider, credential).name != KEY_ACCESS:
        return _by_hand.enable(api, credential)
    return _switch(api, credential, off=False)


def delete(api: Api, credential: Credential) -> Evidence:
    """As `revoke`: there are always two keys, and none can be deleted."""
    return revoke(api, credential, None)


def create(api: Api, like: Credential, name: str) -> Made:
    """The new value of a slot: regenerated if it still holds what `like` says, else read back."""
    if kind_of(api.provider, like).name == KEY_ACCESS:
        return _by_hand.create(api, like, name)
    slot, place = _slot(like), _place(like)
    keys, _ = _keys(api, place)
    if like.fingerprint in ("", fingerprint(keys[slot])):
        keys, _ = _regenerated(api, place, slot)
    return Made(_credential(place, slot, fingerprint(keys[slot])), keys[slot])


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """The slot, if it holds another value than `like` says."""
    if kind_of(api.provider, like).name == KEY_ACCESS or not like.fingerprint:
        return ()
    slot, place = _slot(like), _place(like)
    held = fingerprint(_keys(api, place)[0][slot])
    return [_credential(place, slot, held)] if held != like.fingerprint else []


def _switch(api: Api, credential: Credential, *, off: bool) -> Evidence:
    place, words = _place(credential), "takes no keys" if off else "takes keys"
    now = send_as(api, _of(place, "GET", permission=READ, statuses={404} if off else ()))
    if now.status == 404:
        return _absent(now, place).evidence
    if Account.of(now.data).off == off:
        return now.evidence(f"{place} {words} already")
    body = {"properties": {"disableLocalAuth": off}}
    return send_as(api, _of(place, "PATCH", json=body, permission=WRITE)).evidence(f"{place} {words} from now on")


def _regenerated(api: Api, place: str, slot: str) -> tuple[dict[str, SecretStr], Reply]:
    body = {"keyName": slot}
    return _answered(place, send_as(api, _of(place, "POST", "/regenerateKey", json=body, permission=REGENERATE)))


def _keys(api: Api, place: str) -> tuple[dict[str, SecretStr], Reply]:
    """What both slots hold. Raises `conflict` where the account takes no keys: Azure does not show them then."""
    request = _of(place, "POST", "/listKeys", permission=LIST, statuses={400}, reads=True)
    reply = send_as(api, request)
    if reply.status == 400:
        off = OFF_WORD in str(reply.data)
        raise StepError(
            "conflict" if off else "invalid_arguments",
            f"Azure does not show the keys of {place}"
            + (": access by keys is switched off there, so both are refused." if off else ", and says that it cannot."),
            next="Switch it on first, if anybody still needs a key: credential.enable with kind key_access.",
        )
    return _answered(place, reply)


def _answered(place: str, reply: Reply) -> tuple[dict[str, SecretStr], Reply]:
    data = reply.data if isinstance(reply.data, Mapping) else {}
    keys = {slot: SecretStr(str(data.get(slot.lower()) or "")) for slot in SLOTS}
    if not all(key.get_secret_value() for key in keys.values()):
        raise StepError(
            "provider_error",
            f"Azure answered {reply.call} for {place} without the keys.",
            changed="It is not known whether a key was regenerated; firedoor looks before it tries again.",
            next="firedoor tries again by itself.",
        )
    return keys, reply


def _account(api: Api, place: str) -> Account:
    return Account.of(send_as(api, _of(place, "GET", permission=READ)).data)


def _all(api: Api, parts: Mapping[str, str]) -> list[Account]:
    """The accounts of a group, of a subscription, or of every subscription that firedoor may see."""
    if not parts:
        subscriptions = _pages(api, Request("GET", SUBSCRIPTIONS, query={"api-version": SUBSCRIPTION_VERSION}))
        return [one for found in subscriptions for one in _all(api, {"subscription": str(found["subscriptionId"])})]
    template = (GROUPS if "group" in parts else f"{SUBSCRIPTIONS}/{{subscription}}") + PROVIDER
    asked = Request("GET", template, ids=parts, query={"api-version": VERSION}, permission=READ)
    return [Account.of(one) for one in _pages(api, asked) if one.get("kind") in KINDS]


def _pages(api: Api, asked: Request) -> Iterator[Mapping[str, Any]]:
    """A list over all its pages. Of the address of the next one only the query is used: it can lead nowhere else."""
    query = dict(asked.query)
    for _ in range(MOST_PAGES):
        page = send_as(
            api, Request("GET", asked.template, ids=asked.ids, query=query, permission=asked.permission)
        ).data
        yield from page.get("value") or ()
        if not page.get("nextLink"):
            return
        query |= {name: values[-1] for name, values in parse_qs(urlsplit(str(page["nextLink"])).query).items()}
    raise endless(api, asked.template)


def _slots(api: Api, account: Account, *, read: bool) -> Iterator[Found]:
    keys = _keys(api, account.place)[0] if read else {}
    for slot in SLOTS:
        credential = _credential(account.place, slot, fingerprint(keys[slot]) if read else "")
        yield Found(credential=credential, status="inactive" if account.off else "active")


def _access(account: Account) -> Found:
    credential = Credential(provider="azure_openai", kind=KEY_ACCESS, id=account.place)
    return Found(credential=credential, status="inactive" if account.off else "active", created=account.created)


def _credential(place: str, slot: str, held: str) -> Credential:
    return Credential(provider="azure_openai", kind="account_key", id=f"{place}/{slot}", scope=place, fingerprint=held)


def _of(place: str, method: str, action: str = "", **more: Any) -> Request:
    """A call about one account."""
    query = {"api-version": VERSION}
    return Request(method, f"{ACCOUNT}{action}", ids=_parts(place), query=query, **more)


def _place(credential: Credential) -> str:
    """SUBSCRIPTION/GROUP/ACCOUNT of a credential. Raises `invalid_arguments` without one, or where it says two."""
    named = credential.id if credential.kind == KEY_ACCESS else credential.id.rpartition("/")[0]
    place = named or credential.scope
    if not place or (credential.scope and credential.scope.casefold() != place.casefold()):
        what = (
            f"{plain(credential.id)[:120]} is not in {plain(credential.scope)[:120]}" if place else "no account is said"
        )
        raise StepError(
            "invalid_arguments",
            f"Keys of Azure OpenAI are asked for by account, and {what}: nothing was sent.",
            next="Give the credential's id: SUBSCRIPTION/RESOURCE_GROUP/ACCOUNT/Key1, or …/Key2.",
        )
    return place


def _slot(credential: Credential) -> str:
    slot = credential.id.rpartition("/")[2]
    if slot not in SLOTS:
        raise StepError(
            "invalid_arguments",
            f"It is not said which of the two keys of {_place(credential)} is meant: nothing was sent.",
            next="Give the credential's id: it ends with /Key1 or /Key2.",
        )
    return slot


def _parts(place: str) -> dict[str, str]:
    """The parts of a place, each of which looks as it must. Raises `invalid_arguments`."""
    match = re.fullmatch(PLACE, place)
    if place and not match:
        raise StepError(
            "invalid_arguments",
            f"{plain(place)[:120]!r} is no place in Azure: nothing was sent.",
            next="It is written as SUBSCRIPTION, SUBSCRIPTION/RESOURCE_GROUP, or SUBSCRIPTION/RESOURCE_GROUP/ACCOUNT.",
        )
    return {name: text for name, text in match.groupdict().items() if text} if match else {}


def _absent(reply: Reply, place: str) -> Reading:
    """What is not there has no keys. That a subscription or a group is not seen says nothing of what is in it."""
    error = reply.data.get("error") if isinstance(reply.data, Mapping) else None
    code = str(error.get("code") or "") if isinstance(error, Mapping) else ""
    if code == "ResourceNotFound":
        return Reading("dead", reply.evidence(f"{place} does not exist"), exists=False)
    return Reading("unknown", reply.evidence(f"firedoor does not see {place}: {plain(code)[:60] or '404'}"))


def is_azure(endpoint: str, base_url: str) -> bool:
    """Is an endpoint one of Azure's? One on this machine only where Resource Manager, at `base_url`, is so as well."""
    if is_loopback(base_url):
        return is_loopback(endpoint)
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    return parts.scheme == "https" and HOST.fullmatch(host) is not None and host.endswith(HOSTS)


def _says_off(data: Any) -> bool:
    error = data.get("error") if isinstance(data, Mapping) else None
    return isinstance(error, Mapping) and error.get("code") == OFF


def _says_nothing(data: Any) -> bool:
    """Anything but a list of models: a firewall's 403, for one."""
    return not (isinstance(data, Mapping) and isinstance(data.get("data"), list))
