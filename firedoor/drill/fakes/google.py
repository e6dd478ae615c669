"""A fake of Google: API keys with operations that take their time, keys of service accounts, use by the hour.

Judged by Google's discovery documents in the tests, but for `/token` and `/v1/models`. Deleted API keys are kept for 30
days, and go on working as often as `lag` says.
"""

import base64
import datetime
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Planted, Said
from firedoor.drill.fakes._google import FIREDOOR, GATEWAY, PROJECT, AccountKey, FakeOfGoogle, no, page, stamp
from firedoor.steps._step import Credential

KEYS = "/v2/projects/{project}/locations/global/keys"
ACCOUNTS = "/v1/projects/{project}/serviceAccounts"
NUMBER = "123456789012"
GEMINI = "generativelanguage.googleapis.com"
KEY_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
SETTABLE = frozenset({"displayName", "restrictions", "annotations", "serviceAccountEmail"})
MOST_ACCOUNT_KEYS = 10
#: The real ones are larger.
PAGE = 2


@dataclass
class ApiKey:
    """An API key with its value, and what it may do. `left`: how many more times it is accepted once it is deleted."""

    id: str
    value: str
    said: dict[str, Any] = field(default_factory=dict)
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    deleted: datetime.datetime | None = None
    left: int = 0


@dataclass
class Operation:
    """What is done after `left` looks; `ended` is how, if not with success."""

    response: Mapping[str, Any]
    left: int
    ended: dict[str, Any] = field(default_factory=dict)


class FakeGoogle(FakeOfGoogle):
    """One project.

    `lag` is how many more calls a deleted API key gets through, `slow` how often an operation is asked for before it is
    done. Deletions are dated `deleted_ago` seconds ago, so that nobody has to wait for half an hour.
    """

    name: ClassVar[str] = "google"

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, ApiKey] = {}
        self.operations: dict[str, Operation] = {}
        self.series: list[dict[str, Any]] = []
        self.lag = 0
        self.slow = 1
        self.deleted_ago = 3600.0
        #: How operations end from now on, if not with success.
        self.fails: dict[str, Any] = {}
        #: Is Gemini's API enabled in the project?
        self.gemini = True
        #: How often Google refuses a new key of a service account before it takes it.
        self.early = 0
        #: May firedoor look a key up by its value?
        self.may_look_up = True
        #: Does an organization's policy forbid keys of service accounts?
        self.no_new_keys = False
        self.route("GET", KEYS, self._list)
        self.route("POST", KEYS, self._create)
        self.route("GET", KEYS + "/{key}", self._get)
        self.route("DELETE", KEYS + "/{key}", self._delete)
        self.route("GET", KEYS + "/{key}/keyString", self._key_string)
        self.route("POST", KEYS + "/{key}:undelete", self._undelete)
        self.route("POST", "/v2/keys:lookupKey", self._lookup)
        self.route("GET", "/v2/operations/{operation}", self._operation)
        self.route("GET", "/v1/models", self._models)
        self.route("GET", ACCOUNTS, self._list_accounts)
        self.route("GET", ACCOUNTS + "/{account}/keys", self._list_account_keys)
        self.route("POST", ACCOUNTS + "/{account}/keys", self._create_account_key)
        self.route("POST", ACCOUNTS + "/{account}/keys/{key}:disable", self._switch)
        self.route("POST", ACCOUNTS + "/{account}/keys/{key}:enable", self._switch)
        self.route("GET", ACCOUNTS + "/{account}/keys/{key}", self._get_account_key)
        self.route("DELETE", ACCOUNTS + "/{account}/keys/{key}", self._delete_account_key)
        self.route("GET", "/v3/projects/{project}/timeSeries", self._time_series)

    def plant(self, name: str, key: str = "", **said: Any) -> ApiKey:
        """An API key; `said` is what it may do."""
        value = f"AIzacanary{secrets.token_hex(15)[:29]}"
        made = ApiKey(key or str(uuid.uuid4()), value, {"displayName": name, **said})
        with self.lock:
            self.keys[made.id] = made
        return made

    def plant_credential(self, kind: str, name: str) -> Planted:
        """An API key, or a key of the gateway's service account."""
        if kind == "service_account_key":
            key = self.plant_key(GATEWAY)
            return Planted(Credential(provider=self.name, kind=kind, id=key.id, scope=GATEWAY, name=name), key.file)
        made = self.plant(name)
        return Planted(Credential(provider=self.name, kind=kind, id=made.id, scope=PROJECT, name=name), made.value)

    def alive(self, kind: str) -> set[str]:
        """What Google accepts now."""
        if kind == "service_account_key":
            known = [*self.account_keys.values(), *self.deleted_account_keys]
            gone = {one.id for one in self.deleted_account_keys}
            return {
                one.file
                for one in known
                if one.account != FIREDOOR and (one.left or not (one.disabled or one.id in gone))
            }
        return {key.value for key in self.keys.values() if not key.deleted or key.left}

    def _list(self, asked: Asked) -> Said:
        if asked.ids["project"] not in {PROJECT, NUMBER}:
            return no(403, "PERMISSION_DENIED", "Permission denied on resource project.")
        deleted = asked.one("showDeleted") == "true"
        return page(asked, [_shown(one) for one in self.keys.values() if deleted or not one.deleted], "keys", PAGE)

    def _create(self, asked: Asked) -> Said:
        wanted, number = asked.json(), asked.one("keyId")
        if not KEY_ID.fullmatch(number) or len(wanted.get("displayName", "")) > 63 or wanted.keys() - SETTABLE:
            return no(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
        if number in self.keys:
            return no(409, "ALREADY_EXISTS", "The key already exists.")
        made = self.plant(wanted.get("displayName", ""), number)
        made.said = wanted
        return self._started(_shown(made))

    def _get(self, asked: Asked) -> Said:
        key = self.keys.get(asked.ids["key"])
        return Said(data=_shown(key)) if key else _absent()

    def _key_string(self, asked: Asked) -> Said:
        key = self.keys.get(asked.ids["key"])
        return Said(data={"keyString": key.value}) if key and not key.deleted else _absent()

    def _delete(self, asked: Asked) -> Said:
        key = self.keys.get(asked.ids["key"])
        if key is None:
            return _absent()
        if key.deleted:
            return no(400, "FAILED_PRECONDITION", "The key is already deleted.")
        key.deleted = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=self.deleted_ago)
        key.left = self.lag
        return self._started(_shown(key))

    def _undelete(self, asked: Asked) -> Said:
        key = self.keys.get(asked.ids["key"])
        if key is None:
            return _absent()
        if not key.deleted:
            return no(400, "FAILED_PRECONDITION", "The key is not deleted.")
        key.deleted = None
        return self._started(_shown(key))

    def _lookup(self, asked: Asked) -> Said:
        if asked.headers.get("x-http-method-override") != "GET" or asked.query:
            return no(404, "NOT_FOUND", "Method not found.")
        if not self.may_look_up:
            return no(403, "PERMISSION_DENIED", "Permission 'apikeys.keys.lookup' denied.")
        value = asked.body.decode().removeprefix("keyString=")
        key = next((one for one in self.keys.values() if one.value == value), None)
        if key is None:
            return _absent()
        parent = f"projects/{NUMBER}/locations/global"
        return Said(data={"parent": parent, "name": f"{parent}/keys/{key.id}"})

    def _started(self, response: Mapping[str, Any]) -> Said:
        """An operation that will have been done after `slow` looks."""
        number = f"akmf.p7-{NUMBER}-{uuid.uuid4()}"
        self.operations[number] = Operation(response, self.slow, self.fails)
        return Said(data={"name": f"operations/{number}", "metadata": {"@type": "type.googleapis.com/fake"}})

    def _operation(self, asked: Asked) -> Said:
        operation = self.operations.get(asked.ids["operation"])
        if operation is None:
            return _absent()
        operation.left -= 1
        response = {"@type": "type.googleapis.com/google.api.apikeys.v2.Key", **operation.response}
        done = {} if operation.left > 0 else operation.ended or {"done": True, "response": response}
        return Said(data={"name": f"operations/{asked.ids['operation']}"} | done)

    def _models(self, asked: Asked) -> Said:
        value = asked.headers.get("x-goog-api-key", "")
        key = next((one for one in self.keys.values() if one.value == value), None)
        if key and key.deleted and key.left:
            key.left -= 1
        elif key is None or key.deleted or not self.gemini:
            return no(400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key.", "API_KEY_INVALID")
        restrictions = key.said.get("restrictions") or {}
        targets = [one["service"] for one in restrictions.get("apiTargets") or ()]
        if targets and GEMINI not in targets:
            return no(403, "PERMISSION_DENIED", "Requests to this API are blocked.", "API_KEY_SERVICE_BLOCKED")
        if restrictions.get("serverKeyRestrictions"):
            return no(403, "PERMISSION_DENIED", "The IP address violates this.", "API_KEY_IP_ADDRESS_BLOCKED")
        return Said(data={"models": [{"name": "models/gemini-fake"}]})

    def _list_accounts(self, asked: Asked) -> Said:
        found: list[Mapping[str, Any]] = [
            {"name": f"projects/{PROJECT}/serviceAccounts/{one}", "email": one, "projectId": PROJECT}
            for one in self.accounts
        ]
        return page(asked, found, "accounts", 1)

    def _list_account_keys(self, asked: Asked) -> Said:
        if asked.ids["account"] not in self.accounts or asked.one("keyTypes") != "USER_MANAGED":
            return _absent()
        found = [_account_key(one) for one in self._keys_of(asked.ids["account"])]
        return Said(data={"keys": found} if found else {})

    def _create_account_key(self, asked: Asked) -> Said:
        account = asked.ids["account"]
        if account not in self.accounts:
            return _absent()
        if self.no_new_keys or len(self._keys_of(account)) >= MOST_ACCOUNT_KEYS:
            return no(400, "FAILED_PRECONDITION", "Precondition check failed.")
        key = self.plant_key(account)
        key.early = self.early
        data = {"privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "privateKeyData": _base64(key.file)}
        return Said(data=_account_key(key) | data)

    def _get_account_key(self, asked: Asked) -> Said:
        key = self._account_key(asked)
        return Said(data=_account_key(key)) if key else _absent()

    def _switch(self, asked: Asked) -> Said:
        key = self._account_key(asked)
        if key is None:
            return _absent()
        key.disabled = asked.path.endswith(":disable")
        return Said(data={})

    def _delete_account_key(self, asked: Asked) -> Said:
        key = self._account_key(asked)
        if key is None:
            return _absent()
        self.deleted_account_keys.append(self.account_keys.pop(key.id))
        return Said(data={})

    def _keys_of(self, account: str) -> list[AccountKey]:
        return [one for one in self.account_keys.values() if one.account == account]

    def _account_key(self, asked: Asked) -> AccountKey | None:
        key = self.account_keys.get(asked.ids["key"])
        return key if key and key.account == asked.ids["account"] else None

    def _time_series(self, asked: Asked) -> Said:
        """What was counted of the credential that the filter names."""
        if asked.ids["project"] != PROJECT:
            return no(403, "PERMISSION_DENIED", "Permission monitoring.timeSeries.list denied.")
        labels = re.findall(r'(resource|metric)\.labels\.(\w+)="([^"]+)"', asked.one("filter"))
        found: list[Mapping[str, Any]] = [
            one
            for one in self.series
            if all(one[part]["labels"].get(name) == value for part, name, value in labels)
            and f'metric.type="{one["metric"]["type"]}"' in asked.one("filter")
        ]
        return page(asked, found, "timeSeries", PAGE)


def _shown(key: ApiKey) -> dict[str, Any]:
    created = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
    shown = {
        "name": f"projects/{NUMBER}/locations/global/keys/{key.id}",
        "uid": key.uid,
        "createTime": stamp(created),
        "etag": 'W/"fake=="',
        **key.said,
    }
    return shown | ({"deleteTime": stamp(key.deleted)} if key.deleted else {})


def _account_key(key: AccountKey) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": f"projects/{PROJECT}/serviceAccounts/{key.account}/keys/{key.id}",
        "validAfterTime": "2026-11-01T00:00:00Z",
        "validBeforeTime": "9999-12-31T23:59:59Z",
        "keyAlgorithm": "KEY_ALG_RSA_2048",
        "keyOrigin": "GOOGLE_PROVIDED",
        "keyType": "USER_MANAGED",
    }
    reason = f"SERVICE_ACCOUNT_KEY_DISABLE_REASON_{key.reason or 'USER_INITIATED'}"
    return shown | ({"disabled": True, "disableReason": reason} if key.disabled else {})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _absent() -> Said:
    return no(404, "NOT_FOUND", "Requested entity was not found.")
