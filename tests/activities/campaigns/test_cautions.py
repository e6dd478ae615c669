"""What whoever approves a campaign is told and is free to do all the same."""

from pathlib import Path

from activities.campaigns.cautions import Cautions
from firedoor.config import Settings
from firedoor.customers.model import Dependency
from firedoor.outbox.store import Outbox
from firedoor.plan import Campaign
from tests.campaigning import CAMPAIGN, OPENAI, PREPARED, campaign, recipient

DAY = 86_400
KNOWN = Settings(home=Path("home"), providers={"braintrust": {"api_key": "env:FIREDOOR_SECRET_BRAINTRUST"}})


def test_who_was_told_the_same_lately_is_said(tmp_path: Path) -> None:
    """By another incident, in the same version, within 30 days; not by a campaign that has reached nobody."""
    path = tmp_path / "outbox.sqlite"
    people = [recipient(name, place) for place, name in enumerate(("acme", "beta", "corp"))]
    first = campaign(path, people, id="breach-0.notify", incident="breach-0")
    row = campaign(path, people, approved=False)
    cautions = Cautions(KNOWN, row.spec)
    for one in people:
        cautions.add(one)
    with Outbox.open(path) as outbox:
        assert cautions.sentences(outbox, row, PREPARED) == ()
        outbox.reach(first.id, ["acme", "corp"], "user:ada", "telephoned", PREPARED)
        assert cautions.sentences(outbox, row, PREPARED + DAY) == (
            "2 of these 3 were told this, provider-keys-exposed version 1, by breach-0.notify on 29 November 2026.",
        )
        assert cautions.sentences(outbox, row, PREPARED + 31 * DAY) == ()
        assert cautions.sentences(outbox, first, PREPARED + DAY) == (), f"{CAMPAIGN} has told nobody"


def test_keys_that_nobody_can_see_are_said(tmp_path: Path) -> None:
    """In a store that is not configured here, and without a place or an id; only where `until` waits for them."""
    bare = Dependency(provider="openai", name="PROD")
    people = [recipient("acme"), recipient("beta", 1, (OPENAI, bare))]
    row = campaign(tmp_path / "outbox.sqlite", people, approved=False)
    nowhere = "Of 1 credential neither a place nor an id is known: nobody can see whether it is replaced."
    away = "2 credentials lie at braintrust, which is not configured here: nobody can see whether they are replaced."
    with Outbox.open(tmp_path / "outbox.sqlite") as outbox:
        for settings, until, says in (
            (Settings(home=tmp_path), "customer.remediated", (away, nowhere)),
            (KNOWN, "customer.remediated", (nowhere,)),
            (Settings(home=tmp_path), "customer.acknowledged", ()),
        ):
            cautions = Cautions(settings, Campaign(notice="provider-keys-exposed", until=until))
            for one in people:
                cautions.add(one)
            assert cautions.sentences(outbox, row, PREPARED) == says
