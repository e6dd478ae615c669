"""What our clients send, judged by the providers' official documents: by Prism, which serves them, and by our own judge.

Every verb of every kind of credential is called. Prism answers with the examples of a document, which a module may find
strange and refuse with a sentence: that is no matter here, the requests are.
"""

import datetime
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from pydantic import SecretStr

from activities._guard import MAY_CHANGE
from activities._http import Http, Request
from activities.aws.accounts import Accounts
from activities.providers import MODULES
from activities.providers._provider import Api, ProviderModule
from firedoor.config import Settings
from firedoor.errors import StepError
from firedoor.providers import Provider, Verb, providers
from firedoor.providers._provider import ByApi
from firedoor.steps._step import Credential
from tests.openapi import SPECS, Judge
from tests.shared import needs_shared

pytestmark = [pytest.mark.specs, needs_shared]

#: A list of Prism has further pages forever where the document's example says that there are.
MOST_CALLS = 10
SINCE = datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class Subject:
    """A credential as a provider's document has it, by its kind where they differ."""

    id: str
    scope: str = ""
    owner: str = ""
    name: str = "firedoor-1"
    settings: dict[str, str] = field(default_factory=dict)


#: One line for each provider that has a document.
SUBJECTS = {
    "github": Subject(id=""),
    "slack": Subject(id=""),
    "braintrust": Subject(id="497f6eca-6276-4993-bfeb-53cbbbba6f08", settings={"api_key": "env:KEY"}),
    "mistral": Subject(
        id="497f6eca-6276-4993-bfeb-53cbbbba6f08",
        scope="f47ac10b-58cc-4372-a567-0e02b2c3d479",
        owner="1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
        settings={"admin_key": "env:ADMIN"},
    ),
    "openai": Subject(id="key_abc", scope="proj_abc", owner="svc_acct_abc", settings={"admin_key": "env:ADMIN"}),
    "openrouter": Subject(
        id="0" * 64, scope="0df9e665-d932-5740-b2c7-b52af166bc11", settings={"management_key": "env:MANAGEMENT"}
    ),
}


class EnoughError(Exception):
    """A verb was stopped: it has sent what there is to see."""


@dataclass
class Wire:
    """What went over the wire, and what the judges said."""

    judge: Judge
    beyond: str = ""
    calls: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __call__(self, response: httpx.Response) -> None:
        """Look at an answer and its request."""
        request = response.request
        path = request.url.raw_path.partition(b"?")[0].decode()
        call = f"{request.method} {path}"
        self.calls.append(call)
        if re.fullmatch(self.beyond, path):
            return
        if response.is_error:
            self.faults.append(f"{call}: Prism answers {response.status_code}: {response.read().decode()}")
        violations = json.loads(response.headers.get("sl-violations", "[]"))
        self.faults += [f"{call}: Prism: {one}" for one in violations if one["location"][0] == "request"]
        try:
            self.judge.request(
                request.method, path, request.url.params.multi_items(), dict(request.headers), request.content
            )
        except AssertionError as error:
            self.faults.append(str(error))
        if len(self.calls) >= MOST_CALLS:
            raise EnoughError


VERBS: dict[str, Callable[[ProviderModule, Api, Credential], object]] = {
    "inventory": lambda module, api, one: module.inventory(api, api.provider.kind(one.kind), one.scope),
    "inventory of all": lambda module, api, one: module.inventory(api, api.provider.kind(one.kind), ""),
    "look": lambda module, api, one: module.look(api, one),
    "verify": lambda module, api, one: module.verify(api, one, SecretStr("canary")),
    "revoke": lambda module, api, one: module.revoke(api, one, SecretStr("canary")),
    "revoke without owner": lambda module, api, one: module.revoke(api, one.model_copy(update={"owner": ""}), None),
    "enable": lambda module, api, one: module.enable(api, one),
    "delete": lambda module, api, one: module.delete(api, one),
    "create": lambda module, api, one: module.create(api, one, "firedoor-2"),
    "made": lambda module, api, one: module.made(api, one, "firedoor-2", ()),
    "usage": lambda module, api, one: module.usage(api, one, SINCE),
}

CASES = [
    pytest.param(provider, kind.name, verb, id=f"{provider.name} {kind.name} {verb}")
    for provider in providers().values()
    if provider.name in SPECS
    for kind in provider.kinds
    for verb in VERBS
]


@pytest.fixture
def changing() -> Iterator[None]:
    """Changes may be sent, as while a step is performed."""
    token = MAY_CHANGE.set(True)
    yield
    MAY_CHANGE.reset(token)


def api(provider: Provider, address: str, wire: Wire, settings: Settings) -> Api:
    """What a module is given, with Prism behind it."""
    http = Http(provider.name, provider.title, address)
    http._client.event_hooks = {"response": [wire]}
    given = SUBJECTS[provider.name].settings
    return Api(provider, http, given, lambda reference: SecretStr(f"canary-{reference}"), Accounts(settings.aws))


@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize(("provider", "kind", "verb"), CASES)
def test_what_a_verb_sends_fits_the_document(
    prisms: Callable[[str], str], home_settings: Settings, provider: Provider, kind: str, verb: str
) -> None:
    """Neither Prism nor our judge finds a fault; what the provider's API does for a kind was sent at all."""
    spec, subject = SPECS[provider.name], SUBJECTS[provider.name]
    wire = Wire(Judge.of(spec.document, spec.prefix), spec.beyond)
    client = api(provider, prisms(provider.name), wire, home_settings)
    credential = Credential(
        provider=provider.name, kind=kind, id=subject.id, scope=subject.scope, owner=subject.owner, name=subject.name
    )
    try:
        VERBS[verb](MODULES[provider.name], client, credential)
    except (StepError, EnoughError):
        pass
    finally:
        close(client)
    assert not wire.faults
    if verb in {*Verb} and isinstance(provider.kind(kind).means(Verb(verb)), ByApi):
        assert wire.calls


def close(client: Api) -> None:
    """Every provider that has a document is reached by HTTP."""
    assert client.http is not None
    client.http.close()


def test_every_provider_with_a_document_is_here() -> None:
    """A provider that has a document has its line."""
    assert {name for name in providers() if name in SPECS} == SUBJECTS.keys()


def test_both_judges_can_refuse(prisms: Callable[[str], str], home_settings: Settings) -> None:
    """Prism finds what is missing and mistyped, our judge also what is not declared; neither says yes to everything."""
    spec, provider = SPECS["openai"], providers()["openai"]
    wire = Wire(Judge.of(spec.document, spec.prefix))
    client = api(provider, prisms("openai"), wire, home_settings)
    headers = {"Authorization": "Bearer canary"}
    statuses = {401, 404, 422}
    for request in (
        Request("GET", "/v1/organization/admin_api_keys", statuses=statuses),
        Request("GET", "/v1/organization/nowhere", headers=headers, statuses=statuses),
        Request("GET", "/v1/organization/admin_api_keys", query={"limit": "x"}, headers=headers, statuses=statuses),
        Request("POST", "/v1/organization/admin_api_keys", json={}, headers=headers, statuses=statuses, reads=True),
    ):
        wire.faults.clear()
        client.send(request)
        assert len(wire.faults) == 2, wire.faults
    wire.faults.clear()
    client.send(Request("GET", "/v1/organization/admin_api_keys", query={"page": 2}, headers=headers))
    close(client)
    assert len(wire.faults) == 1
