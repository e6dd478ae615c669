"""The registry of customers by the API: a scope of its own, pages, one import on all of them, who is affected."""

import asyncio
import logging
from collections.abc import Sequence

import httpx
import pytest

from firedoor.campaign import Channel
from firedoor.config import Settings
from firedoor.customers.model import Contact, Customer, Dependency, Role
from firedoor.customers.registry import Registry
from firedoor.server.site import Site
from firedoor.server.tokens import Scope
from tests.server.asking import Asking

SEES = Scope.CUSTOMERS
KEY = Dependency(provider="openai", name="KEY", id="key_1", store="braintrust:ai_secret/ACME")
SHARED = "security@agency.example"
INVENTORY = """
credentials:
  gateway: {provider: openai, id: key_9, where: ['aws-sm:gateway/openai'], customers: [hooli]}
customers: {hooli: {contact: gavin@hooli.example}}
"""


def customer(id: str, *addresses: str, credentials: Sequence[Dependency] = ()) -> Customer:
    """A customer who is reached by mail."""
    contacts = [Contact(role=Role.SECURITY, channel=Channel.EMAIL, address=one) for one in addresses]
    return Customer(id=id, name=id.title(), contacts=tuple(contacts), credentials=tuple(credentials))


KNOWN = (
    customer("acme", "security@acme.example", SHARED, credentials=[KEY]),
    customer("globex", SHARED),
    customer("initech"),
    customer("umbrella", "security@umbrella.example"),
)


@pytest.fixture
def asking(client: httpx.AsyncClient, settings: Settings) -> Asking:
    """A server that has four customers, and an inventory."""
    with Registry.open(settings.customers_path) as registry:
        registry.replace(KNOWN, source="crm.csv", by="user:ada")
    settings.inventory_path.write_text(INVENTORY)
    return Asking(client, settings)


async def ids(asking: Asking, query: str) -> list[str]:
    """Who is listed."""
    return [one["id"] for one in (await asking.get(f"/customers{query}", SEES))["items"]]


async def test_one_customer(asking: Asking) -> None:
    """With its contacts and credentials; one that is not there is told."""
    found = await asking.get("/customers/acme", SEES)
    assert Customer.model_validate(found) == KNOWN[0]
    error = await asking.refused(400, "GET", "/customers/nobody", SEES)
    assert error["what"] == "There is no customer 'nobody'."


async def test_pages(asking: Asking) -> None:
    """Each says what follows it, the last one nothing; none is left out, none comes twice."""
    found, after = list[str](), ""
    for _ in range(len(KNOWN)):
        page = await asking.get(f"/customers?limit=3&after={after}", SEES)
        found += [one["id"] for one in page["items"]]
        if not (after := page["next"]):
            break
    assert found == [one.id for one in KNOWN]
    whole = await asking.get("/customers?limit=4", SEES)
    assert (len(whole["items"]), whole["next"]) == (4, "")


async def test_an_import_between_two_pages(asking: Asking) -> None:
    """Whoever names the version gets the rest of the same import."""
    with Registry.open(asking.settings.customers_path) as registry:
        registry.replace([*KNOWN[:3], customer("zorg")], source="crm.csv", by="user:ada")
    assert await ids(asking, "?after=initech") == ["zorg"]
    assert await ids(asking, "?after=initech&version=1") == ["umbrella"]
    assert (await asking.get("/customers/umbrella?version=1", SEES))["id"] == "umbrella"
    await asking.refused(400, "GET", "/customers/umbrella", SEES)


async def test_whom_nobody_reaches_and_who_shares_an_address(asking: Asking) -> None:
    """As the command line has them; both together are nobody."""
    assert await ids(asking, "?missing_contact=true") == ["initech"]
    assert await ids(asking, "?same_address=true") == ["acme", "globex"]
    assert await ids(asking, "?same_address=true&after=acme") == ["globex"]
    assert await ids(asking, "?same_address=true&missing_contact=true") == []


async def test_imports(asking: Asking) -> None:
    """The newest first, with who imported what."""
    with Registry.open(asking.settings.customers_path) as registry:
        registry.replace(KNOWN[:3], source="crm2.csv", by="user:grace")
    found = await asking.get("/customers/versions", SEES)
    assert [(one["number"], one["by"], one["source"], one["removed"]) for one in found] == [
        (2, "user:grace", "crm2.csv", 1),
        (1, "user:ada", "crm.csv", 0),
    ]
    assert [one["number"] for one in await asking.get("/customers/versions?before=2", SEES)] == [1]
    assert [one["number"] for one in await asking.get("/customers/versions?limit=1", SEES)] == [2]


async def test_who_is_affected(asking: Asking) -> None:
    """By places and ids, in pages whose counts are those of all; what nobody is known of, and who is in no registry."""
    question = {"names": ["braintrust:", "key_9", "key_lost"], "confirmed": ["aws-sm:gateway/openai"]}
    path = "/customers/affected?limit=1"
    first = (await asking.answer("POST", path, [SEES], json=question)).json()
    assert [(one["customer"], one["exposure"]) for one in first["items"]] == [("acme", "possible")]
    assert first["counts"] == {"confirmed": 1, "likely": 0, "possible": 1}
    assert (first["unknown"], first["unregistered"], first["version"]) == (["key_lost"], ["hooli"], 1)
    rest = (await asking.answer("POST", f"{path}&after={first['next']}", [SEES], json=question)).json()
    assert ([one["customer"] for one in rest["items"]], rest["next"]) == (["hooli"], "")
    only = (await asking.answer("POST", path, [SEES], json={**question, "provider": "anthropic"})).json()
    assert only["items"] == []


async def test_long_looks_wait_for_each_other_alone(asking: Asking, site: Site) -> None:
    """Whoever asks who is affected, however often, keeps nobody from a page, and no token from being judged."""
    async with site.whole:
        question = {"names": ["braintrust:"]}
        waiting = asyncio.create_task(asking.answer("POST", "/customers/affected", [SEES], json=question))
        shared = asyncio.create_task(asking.answer("GET", "/customers?same_address=true", [SEES]))
        assert await ids(asking, "?limit=1") == ["acme"]
        assert not waiting.done()
        assert not shared.done()
    assert [one.status_code for one in await asyncio.gather(waiting, shared)] == [200, 200]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/customers?limit=0", "query.limit"),
        ("/customers?limit=1001", "query.limit"),
        ("/customers?version=99999999999999999999", "query.version"),
        ("/customers?after=" + "x" * 201, "query.after"),
        ("/customers?missing_contacts=true", "query.missing_contacts"),
        ("/customers/acme?version=-1", "query.version"),
        ("/customers/versions?before=99999999999999999999", "query.before"),
        ("/customers/%00", "There is no customer"),
    ],
)
async def test_what_does_not_fit(asking: Asking, path: str, says: str) -> None:
    """Also a slip in the name of a filter, which would list everybody."""
    assert says in (await asking.refused(400, "GET", path, SEES))["what"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "It is not said what was exposed."),
        ({"names": ["x"] * 1001}, "body.names"),
        ({"names": ["x" * 2049]}, "body.names.0"),
        ({"names": [""]}, "body.names.0"),
        ({"place": ["braintrust:"]}, "body.place"),
    ],
)
async def test_a_question_that_does_not_fit(asking: Asking, body: object, says: str) -> None:
    """Refused, with what is wrong."""
    assert says in (await asking.refused(400, "POST", "/customers/affected", SEES, json=body))["what"]


@pytest.mark.parametrize("path", ["/customers", "/customers/acme", "/customers/versions", "/inventory/customers"])
async def test_addresses_need_a_scope_of_their_own(asking: Asking, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """All others together do not do; and whoever has it stands in the log with what they saw."""
    caplog.set_level(logging.INFO, "firedoor.server")
    others = [one for one in Scope if one is not SEES]
    error = await asking.refused(403, "GET", path, *others)
    assert "lacks the scope customers" in error["what"]
    assert "sees customers" not in caplog.text
    assert "@" in str(await asking.get(path, SEES)) or path.endswith("versions")
    assert f" sees customers: GET /api/v1{path}" in caplog.text


async def test_a_server_without_customers_says_so(client: httpx.AsyncClient, settings: Settings) -> None:
    """A sentence, and no file is made."""
    asking = Asking(client, settings)
    for path in ("/customers", "/customers/acme", "/customers/versions"):
        assert (await asking.refused(400, "GET", path, SEES))["what"] == "There are no customers yet."
    await asking.refused(400, "POST", "/customers/affected", SEES, json={"names": ["braintrust:"]})
    assert not settings.customers_path.exists()


async def test_a_question_needs_the_scope_as_well(asking: Asking) -> None:
    """Who is affected is told to nobody else."""
    await asking.refused(403, "POST", "/customers/affected", Scope.READ, json={"names": ["braintrust:"]})
