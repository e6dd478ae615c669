"""A campaign in every picture of a plan and of an incident: the terminal, Slack, the graph."""

import json

import pytest

from firedoor.campaign import Flow, Goal, Standing
from firedoor.cli.views.incident import incident
from firedoor.cli.views.plan import compiled, previewed
from firedoor.cli.views.request import brief, request
from firedoor.cli.views.scene import Scene
from firedoor.cli.views.step import step as whole
from firedoor.graph import svg
from firedoor.incident import Failure, IncidentState, IncidentView, Mode, Preview, StepState, StepView
from firedoor.plan import Campaign, Effect, Plan, PlannedStep, Policy
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.picture import Picture
from tests.cli.pictures import ASKED_FOR, NOW, REQUEST, VIEW, drawn
from tests.slack.seen import judged, lines

SPEC = Campaign(
    notice="keys-exposed",
    channels=("slack", "email"),
    canary=10,
    until="customer.remediated",
    remind=(86_400, 172_800),
    escalates=345_600,
    quiet=("22:00", "07:00"),
)
PLAN = Plan(
    name="tell",
    title="Tell the customers",
    runbook_sha256="0" * 64,
    policies={"legal": Policy(sources=("user:lea",))},
    steps=(PlannedStep(id="notify", kind="campaign", title="Tell them", approval="legal", campaign=SPEC),),
)
SHOWN = Preview(
    change="tell 5,000 customers: keys-exposed; by slack 1,000, email 4,000",
    after={"cohort confirmed": 5000, "text": "Hello,\n\nrotate your keys.\n\nAcme"},
    effect=Effect.DESTRUCTIVE,
    blast={"customers": 5000, "messages": 5000},
)
HALTED = Failure(reason="campaign_halted", what="The campaign has halted by itself: 12 % came back.", next="Look.")
NOTIFY = StepView(
    id="notify",
    kind="campaign",
    title="Tell them",
    state=StepState.RUNNING,
    started="2026-11-26T17:00:00Z",
    summary="3,120 of 5,000 customers have rotated (62 %); 4,990 reached",
    previews=(SHOWN,),
    blast=SHOWN.blast,
)


def view(**fields: object) -> IncidentView:
    """An incident with this step, in a state."""
    return VIEW.model_copy(update={"state": IncidentState.RUNNING, "steps": (NOTIFY.model_copy(update=fields),)})


def test_a_plan_says_what_is_sent_how_and_until_when() -> None:
    """The notice, the ways, the waves, the reminders, the escalation, and who has to agree."""
    page = drawn(compiled(PLAN, {}), 120)
    assert "notify  ! tells" in page
    assert "tells customers: keys-exposed, by slack, else email" in page
    assert "canary: 10 customers first, then 1 %, 10 %, all; 1 min between" in page
    assert "follows each until customer.remediated, for 30 d at most" in page
    assert "reminds after 1 d, 2 d" in page
    assert "escalates what is left after 4 d" in page
    assert "writes to nobody from 22:00 to 07:00 of its own time" in page
    assert "1 telling customers" in page


def test_a_plan_that_was_read_shows_the_letter_whole() -> None:
    """Whoever approves it reads all of it, and that it cannot be undone."""
    told = VIEW.model_copy(update={"mode": Mode.PLAN, "steps": (NOTIFY.model_copy(update={"state": StepState.DONE}),)})
    page = drawn(previewed(PLAN, told), 120)
    assert "tell 5,000 customers: keys-exposed" in page
    assert "rotate your keys." in page
    assert "CANNOT BE UNDONE" in page
    assert "customers" in page


def test_the_terminal_shows_how_far_it_is_and_where_to_look() -> None:
    """Percent rotated, and the command that shows the campaign."""
    page = drawn(incident(Scene(view(), NOW)), 120)
    assert "3,120 of 5,000 customers have rotated (62 %)" in page
    assert "firedoor campaign show" in page
    assert "notify" in drawn(whole(Scene(view(), NOW), NOTIFY), 120)


def test_whoever_approves_an_escalation_sees_what_nobody_has_seen() -> None:
    """In the terminal, whole and brief, and in Slack: keys may be disabled that were replaced long ago."""
    unseen = {"Braintrust could not be asked: 401": 3, "": 1}
    caution = Standing(campaign="leak-1.notify", flow=Flow.ENDED, unseen=unseen).blind()
    said = "Of what is left 4 credentials could not be looked at"
    asked = REQUEST.model_copy(update={"caution": caution})
    waits = ASKED_FOR.model_copy(update={"request": asked})
    there = VIEW.model_copy(update={"state": IncidentState.RUNNING, "steps": (waits,)})
    assert f"! {said}" in drawn(request(there, waits, NOW), 200)
    assert f"! {said}" in drawn(brief(there, waits, NOW), 200)
    made = blocks.incident(Picture(there, NOW, plan=PLAN)).blocks
    judged(made)
    assert f"! {said}, and may have been replaced already. Why: Braintrust could not" in "\n".join(lines(made))


def test_a_halted_one_says_what_to_do() -> None:
    """What came back, where to look, and what goes on or stops."""
    halted = view(state=StepState.NEEDS_ATTENTION, failure=HALTED)
    page = drawn(incident(Scene(halted, NOW)), 120)
    assert page.index("12 % came back") < page.index("firedoor campaign show")
    assert "firedoor retry" in page
    assert "firedoor skip" in page


@pytest.mark.parametrize("state", list(StepState))
def test_slack_takes_it_in_every_state(state: StepState) -> None:
    """Blocks that Slack accepts, and the terms of the campaign in those of a plan."""
    shown = view(state=state, failure=HALTED if state is StepState.NEEDS_ATTENTION else None)
    message = blocks.incident(Picture(shown, NOW, plan=PLAN))
    judged(message.blocks)
    judged(blocks.plan(PLAN, {}))
    assert "follows each until customer.remediated" in "\n".join(lines(blocks.plan(PLAN, {})))
    assert "notify" in json.dumps(message.blocks)


@pytest.mark.parametrize("flow", list(Flow))
def test_slack_has_its_tap(flow: Flow) -> None:
    """While it is under way: how far they are, what needs a person, and buttons that say what they do."""
    standing = Standing(
        campaign="leak-1.notify",
        flow=flow,
        customers=5000,
        reached=4990,
        by_hand=3,
        acknowledged=700,
        remediated=3120,
        tasks=7,
        queued=2,
        messages={"in_doubt": 1},
    )
    shown = lines(blocks.incident(Picture(view(standing=standing), NOW, plan=PLAN)).blocks)
    page = "\n".join(shown)
    under_way = flow in {Flow.RUNNING, Flow.PAUSED, Flow.HALTED}
    assert under_way == ("*62 % rotated*: 3,120 of 5,000 customers · 4,990 reached (3 by hand)" in page), page
    assert under_way == ("! *7 customers need a person* · ? *1 message in doubt* · 2 messages wait" in page)
    made = json.dumps(blocks.incident(Picture(view(standing=standing), NOW, plan=PLAN)).blocks)
    assert ("pause_sending" in made) == (flow is Flow.RUNNING)
    assert ("resume_sending" in made) == (flow is Flow.PAUSED)
    assert ("stop_sending" in made) == (flow in {Flow.RUNNING, Flow.PAUSED})
    judged(blocks.incident(Picture(view(standing=standing), NOW, plan=PLAN)).blocks)


def test_who_only_tells_says_whom() -> None:
    """Without an `until` it is of no matter who has rotated."""
    standing = Standing(campaign="leak-1.notify", flow=Flow.RUNNING, customers=443, reached=366, goal=Goal.REACHED)
    assert standing.sentence() == "366 of 443 customers reached"
    page = "\n".join(lines(blocks.incident(Picture(view(standing=standing), NOW, plan=PLAN)).blocks))
    assert "366 of 443 customers reached · 0 acknowledged" in page
    assert "% rotated*" not in page


def test_a_way_that_is_away_is_said() -> None:
    """In the incident's own line, too: "running, 0 reached" alone leaves everybody guessing."""
    standing = Standing(campaign="leak-1.notify", flow=Flow.RUNNING, customers=3, reason="The mail server is away.")
    assert standing.sentence() == "0 of 3 customers have rotated (0 %); 0 reached; running: The mail server is away."


def test_who_waits_for_an_acknowledgement_counts_those() -> None:
    """Who has rotated would be 0 for ever, though all is well."""
    standing = Standing(campaign="leak-1.notify", flow=Flow.RUNNING, customers=300, reached=299, acknowledged=150)
    standing = standing.model_copy(update={"goal": Goal.of("customer.acknowledged")})
    assert standing.sentence() == "150 of 300 customers have acknowledged (50 %); 299 reached"
    page = "\n".join(lines(blocks.incident(Picture(view(standing=standing), NOW, plan=PLAN)).blocks))
    assert "*50 % acknowledged*: 150 of 300 customers · 299 reached" in page
    assert "% rotated*" not in page


def test_the_graph_has_a_box_for_it() -> None:
    """What is sent, and until when."""
    picture = svg(PLAN, VIEW.model_copy(update={"mode": Mode.PLAN, "steps": ()}))
    assert "tells customers: keys-exposed" in picture
    assert "until customer.remediated" in picture
