"""Who somebody in Slack is: by payload, workspace, organisation and group; and how refusals are recorded."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from firedoor.config import Person, Settings
from firedoor.doors import Slack as SlackSettings
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, BOB, BOT, FOREIGN_TEAM, MALLORY, SECURITY, TEAM
from firedoor.errors import RefusedError
from firedoor.incident import Responder
from firedoor.plan import Plan, PlannedStep, Policy
from firedoor.slack.api.client import Slack
from firedoor.slack.inbound.people import People, Visitor, handles_of, visitor
from firedoor.slack.inbound.refusals import MOST, Refusals
from firedoor.slack.store import Store
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer
from tests.slack.api.test_client import client_of

ORG = "E0FIREDOOR"
GATED = Plan(
    name="gated",
    runbook_sha256="0" * 64,
    steps=(PlannedStep(id="go", kind="approval", approval="security"),),
    policies={"security": Policy(sources=("slack:@security", "role:security"))},
)


@dataclass
class Ticking:
    """A clock of its own."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Monotonic seconds."""
        return self.now


@dataclass
class Office:
    """Settings of one's own before one workspace."""

    slack: LocalSlack
    client: Slack
    home: Path
    clock: Ticking = field(default_factory=Ticking)

    def people(self, *identities: str, **ours: Any) -> People:
        """Whom the settings know: alice, by these identities."""
        settings = Settings(
            home=self.home,
            people={"alice": Person(identities=identities)} if identities else {},
            roles={"security": ("user:alice",)},
            groups={"slack:@admins": ("user:alice",)},
            slack=SlackSettings(base_url=self.slack.base_url, **(ours or {"team": TEAM})),
        )
        return People(settings, self.client, clock=self.clock)


@pytest.fixture
async def office(slack: LocalSlack, tmp_path: Path) -> AsyncIterator[Office]:
    """The workspace, and a client of it."""
    with Store.open(tmp_path / "slack.sqlite") as store:
        async with client_of(slack, store, tmp_path) as client:
            yield Office(slack, client, tmp_path)


def test_who_sent_it_stands_in_each_payload() -> None:
    """A command, a press and an event name their person and that person's own workspace."""
    command = {"user_id": "U1", "team_id": "T1", "enterprise_id": "E1"}
    assert visitor(command) == Visitor("U1", "T1", "E1")
    press = {"user": {"id": "U1", "team_id": "T2"}, "team": {"id": "T1"}, "enterprise": {"id": "E1"}}
    assert visitor(press) == Visitor("U1", "T2", certain=False)
    event = {"team_id": "T1", "event": {"user": "U1", "user_team": "T2", "team": "T1", "bot_id": "B1"}}
    assert visitor(event) == Visitor("U1", "T2", bot=True, certain=False)
    assert visitor({"event": {"user": "U1"}, "team_id": "T1"}) == Visitor("U1", "T1", certain=False)
    assert visitor({}).identity() == "slack:?/?"


async def test_a_person_has_roles_and_the_groups_of_slack(office: Office) -> None:
    """Roles come from the settings; of groups only what Slack itself says counts, and only those that matter."""
    people = office.people(f"slack:{TEAM}/{ALICE}")
    known = await people.known(Visitor(ALICE, TEAM), [GATED])
    assert known.responder == Responder(
        principal="user:alice",
        auth="slack",
        roles=("security",),
        identity=f"slack:{TEAM}/{ALICE}",
        groups=("slack:@security",),
    )
    assert known.why() == ""
    assert (await people.known(Visitor(ALICE, TEAM), (), [GATED])).responder.groups == ()
    office.slack.workspace.groups[SECURITY].members.remove(ALICE)
    office.client.groups._members.clear()
    assert (await people.known(Visitor(ALICE, TEAM), [GATED])).responder.groups == ()


async def test_a_group_of_a_runbook_lets_its_members_in(office: Office) -> None:
    """Whoever the settings do not name is known by a group that some runbook names; else they are told why not."""
    people = office.people()
    known = await people.known(Visitor(BOB, TEAM), (), [GATED])
    assert known.responder.principal == f"user:slack:{TEAM}/{BOB}"
    assert known.responder.groups == ("slack:@security",)
    office.slack.act.remove_group(SECURITY)
    office.client.groups._listed = float("-inf")
    with pytest.raises(RefusedError, match=r"does not know you.*@security could not be read"):
        await people.known(Visitor(BOB, TEAM), (), [GATED])


async def test_apps_and_strangers_are_nobody(office: Office) -> None:
    """An app, another workspace, an unknown member, and a firedoor that does not know whose Slack it is."""
    people = office.people(f"slack:{TEAM}/{ALICE}")
    for who, why in (
        (Visitor("", TEAM), "came from an app"),
        (Visitor(BOT, TEAM, bot=True), "came from an app"),
        (Visitor(MALLORY, FOREIGN_TEAM), "another workspace"),
        (Visitor(ALICE, FOREIGN_TEAM), "another workspace"),
        (Visitor(BOB, TEAM), "does not know you"),
    ):
        with pytest.raises(RefusedError, match=why):
            await people.known(who)
    with pytest.raises(RefusedError, match="has not been told whose Slack this is"):
        await office.people(f"slack:{TEAM}/{ALICE}", start={}).known(Visitor(ALICE, TEAM))


async def test_an_organisation_has_many_workspaces(office: Office) -> None:
    """In an organisation whoever belongs to it is ours; where the payload cannot tell, Slack is asked, once a minute."""
    office.slack.workspace.teams[TEAM].enterprise_id = ORG
    people = office.people(f"slack:{ORG}/{ALICE}", enterprise=ORG)
    typed = await people.known(Visitor(ALICE, TEAM, ORG))
    pressed = await people.known(Visitor(ALICE, "T0OTHER", certain=False))
    assert typed.responder == pressed.responder
    assert typed.responder.identity == f"slack:{ORG}/{ALICE}"
    asked = [one for one in office.slack.log if one.path.endswith("users.info")]
    await people.known(Visitor(ALICE, "T0OTHER", certain=False))
    assert len([one for one in office.slack.log if one.path.endswith("users.info")]) == len(asked) == 1
    with pytest.raises(RefusedError, match="another workspace"):
        await people.known(Visitor(MALLORY, FOREIGN_TEAM, certain=False))
    with pytest.raises(RefusedError, match="another workspace"):
        await people.known(Visitor(ALICE, TEAM, "E0OTHER"))
    office.clock.now += 61
    office.slack.faults.unavailable("users.info")
    with pytest.raises(RefusedError, match="could not be found out"):
        await people.known(Visitor(ALICE, "T0OTHER", certain=False))


async def test_a_workspace_of_an_organisation_may_name_people_either_way(office: Office) -> None:
    """With both settings an identity by the workspace and one by the organisation lead to the same person."""
    for identity in (f"slack:{TEAM}/{ALICE}", f"slack:{ORG}/{ALICE}"):
        people = office.people(identity, team=TEAM, enterprise=ORG)
        known = await people.known(Visitor(ALICE, TEAM))
        assert known.responder.principal == "user:alice"
        assert known.responder.identity == identity


def test_the_groups_that_matter_are_those_of_the_plan_and_its_children() -> None:
    """A runbook that runs another one asks for the groups of both."""
    child = GATED.model_copy(update={"policies": {"x": Policy(sources=("slack:@admins", "user:ada"))}})
    parent = GATED.model_copy(update={"steps": (PlannedStep(id="run", kind="run", child=child),)})
    assert handles_of(parent) == {"slack:@security", "slack:@admins"}


ADA = Responder(principal="user:ada", auth="slack", identity="slack:T/U")


async def test_refusals_do_not_flood_the_timeline(office: Office) -> None:
    """The same refusal is one entry a minute, all people together have a limit, and what was left out is counted."""
    timeline = Timeline.open(office.home / "t.sqlite", office.home / "t.key", "test/log")
    async with Writer(timeline) as writer:
        refusals = Refusals(writer, clock=office.clock)
        for _ in range(5):
            await refusals.record(ADA, "approve", "no", incident="i", step="s")
        await refusals.record(ADA, "deny", "no", incident="i", step="s")
        office.clock.now += 61
        for number in range(MOST + 20):
            someone = ADA.model_copy(update={"identity": f"slack:T/U{number}"})
            await refusals.record(someone, "start", "no")
    entries = [one.entry for one in timeline.entries(incident="i")]
    assert [one.body["verb"] for one in entries] == ["approve", "deny"]
    assert [one.body.get("more") for one in entries] == [None, 4]
    assert entries[0].body["say"] == "Refused approve to user:ada: no"
    assert len(timeline.entries(incident="")) == MOST
    timeline.close()


async def test_a_refusal_that_cannot_be_recorded_is_in_the_log(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """The person is told all the same: recording raises nothing."""
    timeline = Timeline.open(office.home / "t.sqlite", office.home / "t.key", "test/log")
    writer = Writer(timeline)
    await writer.close()
    await Refusals(writer).record(ADA, "approve", "no")
    assert "could not be recorded" in caplog.text
    timeline.close()
