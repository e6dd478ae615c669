"""A fake of Azure: Entra's token endpoint, Resource Manager's accounts of AI services, and the accounts themselves.

In one server: the account NAME is at `/at/NAME`. It knows tokens that end, permissions, pages, and that whoever
switches keys off is obeyed only after a while.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
APPLICATION = "5b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9"
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
GROUP = "rg-ai"
#: The real one gives more; small pages make a client follow links.
PAGE = 2
SLOTS = ("key1", "key2")
TYPE = "Microsoft.CognitiveServices/accounts"
ACCOUNTS = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{TYPE}"


@dataclass
class Account:
    """An account with its two keys. `endpoint` is where it says that it is, if that is not here."""

    name: str
    group: str = GROUP
    kind: str = "OpenAI"
    endpoint: str = ""
    off: bool = False
    keys: dict[str, str] = field(default_factory=lambda: {slot: canary("") for slot in SLOTS})
    #: How many more calls with a key it lets in although keys are off.
    left: int = 0

    @property
    def place(self) -> str:
        """SUBSCRIPTION/GROUP/ACCOUNT."""
        return f"{SUBSCRIPTION}/{self.group}/{self.name}"


class FakeAzureOpenAI(Fake):
    """One tenant, one subscription; more accounts as they are planted. `lag`: calls until an account obeys."""

    name: ClassVar[str] = "azure_openai"

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[str, Account] = {}
        self.client_secret = canary("")
        self.tokens: set[str] = set()
        self.refused: set[str] = set()
        self.lag = 0
        self._slots = self._in_turn()
        one = f"{ACCOUNTS}/{{account}}"
        self.route("POST", "/{tenant}/oauth2/v2.0/token", self._token)
        self.route("GET", "/subscriptions", self._subscriptions)
        self.route("GET", f"/subscriptions/{{subscription}}/providers/{TYPE}", self._list)
        self.route("GET", ACCOUNTS, self._list)
        self.route("GET", one, self._get)
        self.route("PATCH", one, self._patch)
        self.route("POST", f"{one}/listKeys", self._keys)
        self.route("POST", f"{one}/regenerateKey", self._regenerate)
        self.route("GET", "/at/{account}/openai/models", self._models)

    @property
    def secrets(self) -> dict[str, str]:
        """The application that firedoor acts as."""
        return {
            "tenant": TENANT,
            "client_id": APPLICATION,
            "client_secret": self.client_secret,
            "login_url": self.url,
        }

    def plant(self, name: str, **more: Any) -> Account:
        """An account that is there before the incident."""
        with self.lock:
            account = Account(name, **more)
            self.accounts[name.casefold()] = account
            return account

    def plant_credential(self, kind: str, name: str) -> Planted:
        """The next of the two keys of one account; or all access by keys to an account of that name."""
        if kind == "key_access":
            account = self.plant(name)
            return Planted(Credential(provider=self.name, kind=kind, id=account.place), account.keys["key1"])
        slot = next(self._slots)
        account = self.accounts.get("gateway") or self.plant("gateway")
        number = f"{account.place}/{slot.capitalize()}"
        return Planted(Credential(provider=self.name, kind=kind, id=number, scope=account.place), account.keys[slot])

    def alive(self, kind: str) -> set[str]:
        """The keys that their accounts accept now."""
        taking = (one for one in self.accounts.values() if not one.off or one.left)
        return {key for account in taking for key in account.keys.values()}

    def denied(self, asked: Asked) -> Said | None:
        """Resource Manager wants a token that it gave, a version, and the permission for what is asked."""
        if not asked.path.startswith("/subscriptions"):
            return None
        if asked.bearer() not in self.tokens:
            return _error(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now.")
        if not asked.one("api-version"):
            return _error(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
        action = asked.path.rpartition("/")[2] if asked.method == "POST" else asked.method
        if action in self.refused:
            return _error(403, "AuthorizationFailed", f"The client does not have authorization to perform {action}.")
        return None

    def _token(self, asked: Asked) -> Said:
        form = dict(parse_qsl(asked.body.decode()))
        wanted = (asked.ids["tenant"], form.get("client_id"), form.get("grant_type"), form.get("scope"))
        if wanted != (TENANT, APPLICATION, "client_credentials", f"{self.url}/.default"):
            return _refusal(400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.")
        if form.get("client_secret") != self.client_secret:
            return _refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        token = canary("eyJ0eXAi.")
        self.tokens.add(token)
        return Said(data={"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})

    def _subscriptions(self, _: Asked) -> Said:
        return Said(data={"value": [{"id": f"/subscriptions/{SUBSCRIPTION}", "subscriptionId": SUBSCRIPTION}]})

    def _list(self, asked: Asked) -> Said:
        if asked.ids["subscription"] != SUBSCRIPTION:
            return _error(404, "SubscriptionNotFound", "The subscription could not be found.")
        group = asked.ids.get("group", "").casefold()
        found = [self._shown(one) for one in self.accounts.values() if group in ("", one.group.casefold())]
        begin = int(asked.one("$skiptoken", "0"))
        more = begin + PAGE < len(found)
        # Wherever it leads: who follows it must not send the token there.
        link = f"http://127.0.0.1:1/elsewhere?api-version={asked.one('api-version')}&%24skiptoken={begin + PAGE}"
        return Said(data={"value": found[begin : begin + PAGE]} | ({"nextLink": link} if more else {}))

    def _get(self, asked: Asked) -> Said:
        account = self._of(asked)
        return Said(data=self._shown(account)) if isinstance(account, Account) else account

    def _patch(self, asked: Asked) -> Said:
        account = self._of(asked)
        if isinstance(account, Said):
            return account
        account.off = bool(asked.json()["properties"]["disableLocalAuth"])
        account.left = self.lag if account.off else 0
        return Said(202, self._shown(account))

    def _keys(self, asked: Asked) -> Said:
        account = self._of(asked)
        if isinstance(account, Said):
            return account
        if account.off:
            return _error(400, "BadRequest", "Failed to list key. disableLocalAuth is set to be true")
        return Said(data=dict(account.keys))

    def _regenerate(self, asked: Asked) -> Said:
        account, slot = self._of(asked), str(asked.json().get("keyName")).lower()
        if isinstance(account, Said):
            return account
        if account.off or slot not in SLOTS:
            return _error(400, "BadRequest", "Failed to regenerate key.")
        account.keys[slot] = canary("")
        return Said(data=dict(account.keys))

    def _models(self, asked: Asked) -> Said:
        account = self.accounts.get(asked.ids["account"].casefold())
        if account is None or asked.headers.get("api-key") not in account.keys.values():
            return _error(401, "401", "Access denied due to invalid subscription key or wrong API endpoint.")
        if account.off and not account.left:
            return _error(403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource.")
        account.left -= 1 if account.off else 0
        return Said(data={"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]})

    def _of(self, asked: Asked) -> Account | Said:
        """The account that a path means, or why there is none; names are the same in any case."""
        account = self.accounts.get(asked.ids["account"].casefold())
        if asked.ids["subscription"].casefold() != SUBSCRIPTION:
            return _error(404, "SubscriptionNotFound", "The subscription could not be found.")
        if account is None or account.group.casefold() != asked.ids["group"].casefold():
            return _error(404, "ResourceNotFound", "The Resource was not found.")
        return account

    def _shown(self, account: Account) -> dict[str, Any]:
        place = ACCOUNTS.format(subscription=SUBSCRIPTION, group=account.group)
        return {
            "id": f"{place}/{account.name}",
            "name": account.name,
            "type": TYPE,
            "kind": account.kind,
            "location": "westeurope",
            "etag": f'"{secrets.token_hex(8)}"',
            "properties": {
                "endpoint": account.endpoint or f"{self.url}/at/{account.name}/",
                "provisioningState": "Succeeded",
                "dateCreated": "2026-03-01T09:00:00.1234567Z",
                "disableLocalAuth": account.off,
            },
        }

    @staticmethod
    def _in_turn() -> Iterator[str]:
        while True:
            yield from SLOTS


def _error(status: int, code: str, message: str) -> Said:
    return Said(status, {"error": {"code": code, "message": message}})


def _refusal(status: int, code: str, message: str) -> Said:
    said = f"{message}\r\nTrace ID: {secrets.token_hex(8)}\r\nTimestamp: 2026-11-24 08:00:00Z"
    return Said(status, {"error": code, "error_description": said})
