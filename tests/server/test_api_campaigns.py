"""Campaigns by the API: what is shown of them, and steering, which needs no Temporal."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from firedoor.campaign import Found, MessageState
from firedoor.config import Person, Settings
from firedoor.outbox import claims
from firedoor.outbox.store import Outbox
from firedoor.recipient import Measure
from firedoor.server import news
from firedoor.server.api import document
from firedoor.server.app import create_app
from firedoor.server.mailroom import Mailroom
from firedoor.server.site import Site, open_site
from firedoor.server.tokens import Scope, Tokens
from tests.campaigning import ANTHROPIC, CAMPAIGN, DIGEST, OPENAI, PREPARED, campaign, recipient

NOWHERE = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_CONFIG_FILE": "/dev/null"}


@dataclass(frozen=True)
class Api:
    """The API of a server that has told three customers."""

    client: httpx.AsyncClient
    site: Site
    outbox: Outbox

    def token(self, *scopes: Scope) -> dict[str, str]:
        """The header of a new token of Ada's."""
        tokens, name = Tokens(self.site.settings.tokens_path), "-".join(scopes)
        _, value = tokens.create(name, "user:ada", scopes, timedelta(days=1))
        return {"authorization": f"Bearer {value.get_secret_value()}"}

    async def call(self, method: str, path: str, who: dict[str, str], status: int = 200, **rest: Any) -> Any:
        """What a call answers."""
        answer = await self.client.request(method, f"/api/v1/campaigns{path}", headers=who, **rest)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """Temporal is nowhere."""
    settings = Settings(home=tmp_path / "home", people={"ada": Person(identities=("os:ada",))})
    settings = settings.model_copy(update={"temporal_environment": NOWHERE})
    people = [
        recipient("done", 0, (OPENAI,)),
        recipient("slow", 1, (OPENAI, ANTHROPIC), cohort="possible", exposure="possible"),
        recipient("lost", 2, task="There is no contact of this customer."),
    ]
    campaign(settings.outbox_path, people, shared={"sister": "slow"})
    async with open_site(settings) as site:
        transport = httpx.ASGITransport(create_app(site), client=("192.0.2.9", 1))
        with Outbox.open(settings.outbox_path) as outbox:
            outbox.measured(CAMPAIGN, {"done": [Measure(0, Found.CHANGED, "", PREPARED, PREPARED, PREPARED)]}, PREPARED)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                yield Api(client, site, outbox)


async def test_where_a_campaign_stands(api: Api) -> None:
    """In a list in a sentence; by itself with cohorts, providers, who is slow, and what needs a person."""
    reader = api.token(Scope.READ)
    [line] = await api.call("GET", "", reader)
    assert (line["id"], line["flow"], line["customers"], line["remediated"]) == (CAMPAIGN, "running", 3, 1)
    assert line["says"].startswith("1 of 3 customers have rotated (33 %)")
    whole = await api.call("GET", "/notify", reader)
    assert whole["digest"] == DIGEST
    assert whole["cohorts"]["possible"] == {"total": 1, "reached": 0, "acknowledged": 0, "remediated": 0}
    assert whole["providers"]["openai"]["remediated"] == 1
    assert whole["messages"] == {"queued": 3}
    assert [one["customer"] for one in whole["slowest"]] == ["slow", "lost"]
    assert whole["slowest"][0]["credentials"] == 2
    assert [(one["customer"], one["task"][:20]) for one in whole["needs_person"]] == [("lost", "There is no contact ")]
    assert (await api.call("GET", f"/{CAMPAIGN}?limit=1", reader))["slowest"][1:] == []


async def test_steering_needs_no_temporal(api: Api) -> None:
    """The store has it when the call answers, which says who could not be told; a stop is for good and needs a reason."""
    decider = api.token(Scope.DECIDE)
    paused = await api.call("POST", f"/{CAMPAIGN}/pause", decider, json={"reason": "wrong logo"})
    assert paused["flow"] == "paused"
    assert "Temporal does not answer" in " ".join(paused["behind"])
    row = api.outbox.campaign(CAMPAIGN)
    assert (row.flow, row.flow_by, row.flow_reason) == ("paused", "user:ada", "wrong logo")
    assert (await api.call("POST", f"/{CAMPAIGN}/resume", decider, json={}))["flow"] == "running"
    await api.call("POST", f"/{CAMPAIGN}/stop", decider, 400, json={})
    stopped = await api.call("POST", f"/{CAMPAIGN}/stop", decider, json={"reason": "sent to the wrong list"})
    assert stopped["flow"] == "stopped"
    # No sender was there that could have marked them.
    assert api.outbox.standing(CAMPAIGN, PREPARED).messages == {"unsent": 3}
    refused = await api.call("POST", f"/{CAMPAIGN}/resume", decider, 409, json={})
    assert refused["error"]["reason"] == "refused"


async def test_who_was_told_another_way(api: Api) -> None:
    """Counts as reached, and nobody has to see to it; unknown ones are refused with the nearest, all or none."""
    reader, decider = api.token(Scope.READ), api.token(Scope.DECIDE)
    said = {"customers": ["lost", "lost"], "reason": "telephoned Ada, their CISO"}
    done = await api.call("POST", "/notify/reached", decider, json=said)
    assert (done["reached"], done["campaign"]) == (1, CAMPAIGN)
    assert (await api.call("POST", "/notify/reached", decider, json=said))["reached"] == 0
    whole = await api.call("GET", "/notify", reader)
    assert (whole["reached"], whole["by_hand"], whole["tasks"], whole["needs_person"]) == (1, 1, 0, [])
    wrong = {"customers": ["slow", "lots"], "reason": "x"}
    refused = await api.call("POST", "/notify/reached", decider, 400, json=wrong)
    assert "has no customer 'lots' (did you mean lost?)" in refused["error"]["what"]
    for broken in ({"customers": [], "reason": "x"}, {"customers": ["slow"], "reason": " "}, {"customers": ["slow"]}):
        await api.call("POST", "/notify/reached", decider, 400, json=broken)
    await api.call("POST", "/notify/reached", reader, 403, json=said)
    assert api.outbox.standing(CAMPAIGN, 0).by_hand == 1


async def test_what_was_lost_is_tried_again(api: Api) -> None:
    """Nothing was lost here, so nothing is queued; what is in doubt is asked for by its own word."""
    again = await api.call("POST", f"/{CAMPAIGN}/retry-failed", api.token(Scope.DECIDE), json={"doubtful": True})
    assert (again["retried"], again["queued"]) == (0, 3)


async def test_addresses_need_a_scope_of_their_own(api: Api) -> None:
    """A reader sees what became of a message; where it went only whoever may see how customers are reached."""
    reader, confidant = api.token(Scope.READ), api.token(Scope.READ, Scope.CUSTOMERS)
    [first, *_] = [one.id for one in api.outbox.messages(CAMPAIGN)]
    api.site.mailroom.publisher.intend(CAMPAIGN, [first])
    api.outbox.change(claims.settle, [], [[first]], time.time())
    api.outbox.change(claims.settle, [claims.Outcome(first, MessageState.IN_DOUBT)], [], time.time())
    for path, field in (("/notify/customers/done", "messages"), ("/notify", "doubts")):
        [seen] = (await api.call("GET", path, reader))[field]
        [whole] = (await api.call("GET", path, confidant))[field]
        assert (seen["id"], seen["address"], "@" in whole["address"]) == (whole["id"], "", True)


async def test_who_may_not(api: Api) -> None:
    """Looking is no steering; a verb that is none, a body that does not fit, a campaign that is not there."""
    reader, decider = api.token(Scope.READ), api.token(Scope.DECIDE)
    error = await api.call("POST", f"/{CAMPAIGN}/stop", reader, 403, json={})
    assert "lacks the scope decide" in error["error"]["what"]
    await api.call("GET", "", decider, 403)
    await api.call("GET", "", {}, 401)
    await api.call("POST", f"/{CAMPAIGN}/erase", decider, 400, json={})
    await api.call("POST", f"/{CAMPAIGN}/stop", decider, 400, json={"who": "mallory"})
    missing = await api.call("GET", "/none", reader, 400)
    assert "There is no campaign 'none'" in missing["error"]["what"]
    assert api.outbox.campaign(CAMPAIGN).flow == "running"


async def test_a_server_without_campaigns_says_so(site: Site) -> None:
    """A sentence, and no file is made."""
    tokens = Tokens(site.settings.tokens_path)
    _, value = tokens.create("x", "system:x", (Scope.READ,), timedelta(days=1))
    transport = httpx.ASGITransport(create_app(site))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = await client.get("/api/v1/campaigns", headers={"authorization": f"Bearer {value.get_secret_value()}"})
    assert answer.status_code == 400
    assert answer.json()["error"]["what"] == "There are no campaigns yet."
    assert not site.settings.outbox_path.exists()


def test_the_document_describes_every_call() -> None:
    """With the scope that each needs."""
    paths = {path: calls for path, calls in document()["paths"].items() if "/campaigns" in path}
    assert {(path.removeprefix("/api/v1"), method) for path, calls in paths.items() for method in calls} == {
        ("/campaigns", "get"),
        ("/campaigns/{campaign}", "get"),
        ("/campaigns/{campaign}/customers/{customer}", "get"),
        ("/campaigns/{campaign}/reached", "post"),
        ("/campaigns/{campaign}/retry-failed", "post"),
        ("/campaigns/{campaign}/{verb}", "post"),
    }


async def test_figures_of_campaigns_that_have_not_ended(api: Api) -> None:
    """Messages by state and customers by how far they are; once it has ended they are gone."""
    figures = (await api.client.get("/metrics")).text
    assert f'firedoor_campaign_messages{{campaign="{CAMPAIGN}",state="queued"}} 3.0' in figures
    assert f'firedoor_campaign_customers{{campaign="{CAMPAIGN}",who="remediated"}} 1.0' in figures
    await api.call("POST", f"/{CAMPAIGN}/stop", api.token(Scope.DECIDE), json={"reason": "wrong list"})
    assert CAMPAIGN not in (await api.client.get("/metrics")).text


async def test_news_are_told_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """An acknowledgement gets into the timeline without Temporal, and nobody's name with it; many are told together."""
    room, ids = api.site.mailroom, [one.id for one in api.outbox.messages(CAMPAIGN)]
    room.publisher.intend(CAMPAIGN, ids)
    assert api.outbox.change(claims.settle, [], [ids], time.time()) == [ids]
    left = [claims.Outcome(one, MessageState.SENT, f"id-{one}") for one in ids]
    api.outbox.change(claims.settle, left, [], time.time())
    for customer in ("done", "slow", "done"):
        api.outbox.acknowledge(CAMPAIGN, customer, "security", time.time())
        api.site.heard(CAMPAIGN)
    for _ in range(2):
        await api.site.news.tell(room, api.site.sparing)
    assert caplog.text.count(f"{CAMPAIGN}: Temporal does not answer") == 1
    entries = [stored.entry for stored in room.publisher.timeline.entries(incident=CAMPAIGN.rpartition(".")[0])]
    assert [one for one in entries if b"acknowledged" in one.data]
    assert not [one for one in entries if b".example" in one.data or b"slow" in one.data]
    assert news.PAUSE < 60


async def test_a_timeline_that_cannot_be_written_costs_no_news(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and told by whoever comes next."""
    api.site.settings.timeline_path.write_bytes(b"canary" * 1000)
    api.outbox.acknowledge(CAMPAIGN, "slow", "security", PREPARED)
    api.site.heard(CAMPAIGN)
    await api.site.news.tell(api.site.mailroom, api.site.sparing)
    assert "the timeline learns of it later" in caplog.text
    assert api.outbox.recipient(CAMPAIGN, "slow").acknowledged


async def test_what_nobody_told_the_timeline_is_made_up_for(api: Api) -> None:
    """An event that a killed server had stored, with no sender at work, is told by the next one, and only once."""
    room, now = api.site.mailroom, time.time()
    while room.publisher.tell(CAMPAIGN):
        pass
    timeline, incident = room.publisher.timeline, CAMPAIGN.rpartition(".")[0]
    told = len(timeline.entries(incident=incident))
    api.outbox.acknowledge(CAMPAIGN, "slow", "security", now)
    await api.site.news.catch_up(room, api.site.sparing)
    assert len(timeline.entries(incident=incident)) == told, "its own sender would have done it"
    later = Mailroom(api.site.settings, lambda: now + news.LATE)
    for _ in range(2):
        await api.site.news.catch_up(later, api.site.sparing)
        said = [one.entry.body["say"] for one in timeline.entries(incident=incident)[told:]]
        assert said == ["1 unsent.", "1 customer acknowledged the notice."]
    later.close()


async def test_one_customer_and_its_messages(api: Api) -> None:
    """Under its own name, also where it is told in the message of another."""
    reader = api.token(Scope.READ)
    slow = await api.call("GET", "/notify/customers/slow", reader)
    assert (slow["customer"], slow["told_with"], slow["others"], slow["remediated"]) == ("slow", "", ["sister"], None)
    assert [(one["contact"], one["state"]) for one in slow["messages"]] == [("security", "queued")]
    sister = await api.call("GET", "/notify/customers/sister", reader)
    assert (sister["customer"], sister["told_with"], sister["messages"]) == ("sister", "slow", slow["messages"])
    nobody = await api.call("GET", "/notify/customers/slwo", reader, 400)
    assert "did you mean slow" in nobody["error"]["what"]
    assert (await api.call("GET", "/notify/customers/slow", api.token(Scope.START), 403))["error"]
