"""Approvals: bound to what was shown, asked again when that changes, escalated, reminded, broken in an emergency."""

import asyncio

import pytest

from firedoor.incident import IncidentState, Request, Responder, StepState
from firedoor.plan import OnError, Policy, Verdict
from tests.workflows import actions
from tests.workflows.conftest import ADA, BOB, STARTER, Site, each, off, plan_of

OPS = Policy(sources=("user:bob",))
NAMES = {"names": [f"s{number}" for number in range(8)]}


async def asked(site: Site, incident: str, step: str = "gate") -> Request:
    """The request that waits now."""
    found = (await site.reaches(incident, step, StepState.WAITING_APPROVAL)).request
    assert found is not None
    return found


async def another(site: Site, incident: str, first: Request) -> Request:
    """The next request of the first step."""
    view = await site.shows(
        incident, lambda view: (request := view.steps[0].request) and request.digest != first.digest
    )
    request = view.steps[0].request
    assert request is not None
    return request


async def test_a_request_shows_what_would_change_and_who_may_approve(site: Site) -> None:
    """Before anything is done: the change, what it touches, how many are needed, who they may be."""
    incident = await site.start(plan_of(off("gate", approval="security")))
    step = await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    request = await asked(site, incident)
    assert (request.policy, request.needed, request.sources) == ("security", 1, ("role:security",))
    assert (request.targets, request.total, request.names) == (1, 1, ("gate",))
    assert [preview.change for preview in step.previews] == ["gate: True → False"]
    assert step.blast == {"switches": 1}
    entry = next(entry for entry in site.entries(incident) if entry.kind == "approval.requested")
    assert (entry.body["digest"], entry.body["changes"]) == (request.digest, ["gate: True → False"])
    assert actions.WORLD.effects == []


async def test_an_approval_names_what_was_shown(site: Site) -> None:
    """Without a digest, or with that of something else, nothing is approved."""
    incident = await site.start(plan_of(off("gate", approval="security")))
    await asked(site, incident)
    await site.refused(incident, "approve", "gate", "An approval must name what it is about")
    await site.refused(incident, "approve", "gate", "is not what waits for approval now", digest="0123456789abcdef")
    assert actions.WORLD.effects == []


async def test_a_world_that_changes_voids_the_approval(site: Site) -> None:
    """What would be done is no longer what was approved: it is asked again and says what changed."""
    incident = await site.start(plan_of(off("gate", approval="security")))
    first = await asked(site, incident)
    actions.WORLD.on["gate"] = False
    await site.approve(incident, "gate")
    request = await another(site, incident, first)
    assert request.changed == "Since it was shown: on True → False."
    await site.refused(incident, "approve", "gate", "Since it was shown: on True → False.", digest=first.digest)
    assert actions.WORLD.effects == []
    assert "approval.void" in site.kinds(incident)

    await site.approve(incident, "gate")
    assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED


async def test_an_approval_that_nobody_gives_is_escalated(site: Site) -> None:
    """The next policy is asked, and what the first one's people saw is not theirs to approve any more."""
    quick = Policy(sources=("role:security",), expires=1, escalate="ops")
    incident = await site.start(plan_of(off("gate", approval="quick"), policies={"quick": quick, "ops": OPS}))
    first = await asked(site, incident)
    request = await another(site, incident, first)
    assert request.policy == "ops"
    assert request.changed == "quick did not answer within 1 s."
    late = {"digest": first.digest}
    await site.refused(incident, "approve", "gate", "user:ada is not in ops: it takes one of user:bob.", **late)
    await site.approve(incident, "gate", who=BOB)
    assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED
    assert "approval.expired" in site.kinds(incident)


async def test_a_runbook_may_say_that_it_goes_on_without_approval(site: Site) -> None:
    """Only with its reason in words, which is recorded and marked for review."""
    alone = Policy(sources=("role:security",), expires=1, proceed="Minutes count more than a second pair of eyes.")
    view = await site.run(plan_of(off("gate", approval="alone"), policies={"alone": alone}))
    assert view.verdict is Verdict.CONTAINED
    assert "Minutes count more than a second pair of eyes." in view.review[0]


async def test_a_late_approval_is_told_why_it_is_refused(site: Site) -> None:
    """After the end of the time, and after a denial, the sentence says so and what to do."""
    quick = Policy(sources=("role:security",), expires=1)
    incident = await site.start(plan_of(off("gate", approval="quick"), policies={"quick": quick}))
    await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    await site.refused(incident, "approve", "gate", "The approval of gate has expired", digest="x")
    await site.refused(incident, "approve", "gate", "Retry the step to ask again.", digest="x")


async def test_people_are_reminded_and_told(site: Site) -> None:
    """Each reminder is counted in the request, recorded, and sent to those who may approve."""
    often = Policy(sources=("role:security",), remind=1)
    incident = await site.start(plan_of(off("gate", approval="often"), policies={"often": often}))
    await site.shows(incident, lambda view: (request := view.steps[0].request) and request.reminders)
    await site.approve(incident, "gate")
    await site.engine.result(incident)
    kinds = site.kinds(incident)
    assert "approval.reminded" in kinds
    told = [entry.body for entry in site.entries(incident) if entry.kind == "notification.intent"]
    assert told
    assert kinds.count("notification.outcome") >= len(told)


class TestBreakGlass:
    """One named role goes ahead alone, and everybody sees it."""

    PLAN = plan_of(
        off("gate", approval="both"),
        policies={"both": Policy(sources=("role:security",), count=2, break_glass="commander")},
    )
    COMMANDER = Responder(principal="user:cleo", auth="os", roles=("commander",))

    async def test_the_role_goes_ahead_with_a_reason(self, site: Site) -> None:
        """Marked for review in the incident and in the timeline."""
        incident = await site.start(self.PLAN)
        digest = (await asked(site, incident)).digest
        alone = {"digest": digest, "break_glass": True}
        who = "Only role:commander may break the glass of both."
        await site.refused(incident, "approve", "gate", who, reason="now", **alone)
        await site.refused(incident, "approve", "gate", "needs a reason", who=self.COMMANDER, **alone)
        await site.refused(incident, "approve", "gate", "user:cleo is not in both", who=self.COMMANDER, digest=digest)
        done = await site.decide(incident, "approve", "gate", self.COMMANDER, reason="nobody else is awake", **alone)
        assert "Everyone in both is told" in done
        view = await site.engine.result(incident)
        assert view.verdict is Verdict.CONTAINED
        assert view.review == ("user:cleo broke the glass of both for gate, alone: nobody else is awake",)
        entry = next(entry for entry in site.entries(incident) if entry.kind == "approval.break_glass")
        assert entry.body["review"] is True

    async def test_a_policy_without_glass_has_none_to_break(self, site: Site) -> None:
        """The sentence says what the runbook would have to say."""
        incident = await site.start(plan_of(off("gate", approval="security")))
        digest = (await asked(site, incident)).digest
        sentence = "security has no glass to break: its runbook does not say `break_glass`."
        await site.refused(incident, "approve", "gate", sentence, digest=digest, break_glass=True, reason="now")


async def test_the_same_person_twice_at_once_counts_once(site: Site) -> None:
    """Two doors at the same moment do not make two people."""
    both = Policy(sources=("role:security", "user:bob"), count=2)
    incident = await site.start(plan_of(off("gate", approval="both"), policies={"both": both}))
    await asked(site, incident)
    await asyncio.gather(*(site.approve(incident, "gate") for _ in range(2)), return_exceptions=True)
    request = await asked(site, incident)
    assert [who.principal for who in request.given] == ["user:ada"]
    await site.approve(incident, "gate", who=BOB)
    assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED


async def test_a_group_that_the_front_door_verified_counts(site: Site) -> None:
    """A member of the chat group may approve; nobody else may."""
    chat = Policy(sources=("slack:@security",))
    incident = await site.start(plan_of(off("gate", approval="chat"), policies={"chat": chat}))
    digest = (await asked(site, incident)).digest
    await site.refused(incident, "approve", "gate", "user:ada is not in chat", digest=digest)
    member = Responder(principal="user:ada", auth="slack", groups=("slack:@security",))
    await site.approve(incident, "gate", who=member)
    assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED


class TestForEach:
    """All targets, a canary first, or some by name."""

    async def test_all_at_once(self, site: Site) -> None:
        """One approval for all, which says how many they are and what they touch together."""
        incident = await site.start(plan_of(each("rotate", approval="security")), NAMES)
        request = await asked(site, incident, "rotate")
        assert (request.targets, request.total, request.names[:2]) == (8, 8, ("s0", "s1"))
        step = (await site.view(incident)).steps[0]
        assert step.blast == {"switches": 8}
        await site.approve(incident, "rotate")
        view = await site.engine.result(incident)
        assert view.verdict is Verdict.CONTAINED
        assert sorted(actions.WORLD.effects) == NAMES["names"]

    async def test_a_canary_goes_first(self, site: Site) -> None:
        """The rest is asked for when the canary has been done, and only then."""
        incident = await site.start(plan_of(each("rotate", approval="security", canary=2)), NAMES)
        request = await asked(site, incident, "rotate")
        assert request.part == "the canary: 2 of 8 targets; the rest is asked for afterwards"
        await site.approve(incident, "rotate")
        rest = await another(site, incident, request)
        assert (rest.part, rest.targets) == ("the other 6 of 8 targets", 6)
        assert sorted(actions.WORLD.effects) == ["s0", "s1"]
        await site.approve(incident, "rotate")
        assert (await site.engine.result(incident)).steps[0].summary == "8 of 8 targets done"
        assert len(actions.WORLD.effects) == 8

    async def test_a_canary_that_fails_stops_the_rest(self, site: Site) -> None:
        """It is a person's to judge before anybody is asked for the others."""
        actions.WORLD.failures["s1"] = ["not_found"]
        incident = await site.start(plan_of(each("rotate", approval="security", canary=2)), NAMES)
        await site.approve(incident, "rotate")
        step = await site.reaches(incident, "rotate", StepState.NEEDS_ATTENTION)
        assert step.failure is not None
        assert "1 of 8 targets failed: s1" in step.failure.what
        assert "6 were not started." in step.failure.what
        assert sorted(actions.WORLD.effects) == ["s0", "s1"]

    async def test_some_by_name(self, site: Site) -> None:
        """Only these are touched; the others are asked for again. All who approve must mean the same ones."""
        both = Policy(sources=("role:security", "user:bob"), count=2)
        incident = await site.start(plan_of(each("rotate", approval="both"), policies={"both": both}), NAMES)
        first = await asked(site, incident, "rotate")
        digest = first.digest
        sentence = "rotate has no target nothing to approve."
        await site.refused(incident, "approve", "rotate", sentence, digest=digest, targets=("nothing",))
        chosen = ("s3", "s1")
        done = await site.decide(incident, "approve", "rotate", digest=digest, targets=chosen)
        assert done == "rotate is approved for 2 targets; 1 more needed."
        sentence = "user:ada approved s1, s3: approve the same, or deny."
        await site.refused(incident, "approve", "rotate", sentence, who=BOB, digest=digest)
        await site.decide(incident, "approve", "rotate", who=BOB, digest=digest, targets=chosen)
        rest = await another(site, incident, first)
        assert rest.targets == 6
        assert sorted(actions.WORLD.effects) == ["s1", "s3"]
        await site.decide(incident, "skip", "rotate", reason="the others are not ours")
        view = await site.engine.result(incident)
        assert "2 of 8 targets are done." in view.steps[0].summary
        assert view.verdict is Verdict.UNKNOWN

    async def test_a_target_that_changed_is_asked_for_again(self, site: Site) -> None:
        """The others go on; only the one that is not as it was shown waits for a second look."""
        incident = await site.start(plan_of(each("rotate", approval="security")), NAMES)
        first = await asked(site, incident, "rotate")
        actions.WORLD.on["s5"] = False
        await site.approve(incident, "rotate")
        again = await another(site, incident, first)
        assert again.names == ("s5",)
        assert "s5 is not as it was when the change was approved." in again.changed
        assert len(actions.WORLD.effects) == 7
        await site.approve(incident, "rotate")
        assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED

    async def test_a_target_that_cannot_be_previewed_is_not_touched(self, site: Site) -> None:
        """It counts as failed; the others are asked for without it."""
        actions.WORLD.failures["before s2"] = ["not_found"]
        plan = plan_of(each("rotate", approval="security", on_error=OnError.CONTINUE))
        incident = await site.start(plan, NAMES)
        assert (await asked(site, incident, "rotate")).targets == 7
        await site.approve(incident, "rotate")
        view = await site.shows(incident, lambda view: view.steps[0].failed)
        assert [target.name for target in view.steps[0].failed] == ["s2"]
        assert "s2" not in actions.WORLD.effects


@pytest.mark.parametrize("kind", ["gate", "run"])
async def test_gates_and_runbooks_are_bound_as_well(site: Site, kind: str) -> None:
    """What previews nothing is approved by the name of what it is."""
    child = plan_of(off("inner")).model_copy(update={"name": "child-plan"})
    step = off("gate").model_copy(
        update={
            "id": "go",
            "kind": "approval" if kind == "gate" else "run",
            "approval": "security",
            "child": child if kind == "run" else None,
            "arguments": {},
        }
    )
    incident = await site.start(plan_of(step))
    digest = (await asked(site, incident, "go")).digest
    await site.refused(incident, "approve", "go", "user:eve started this incident", who=STARTER, digest=digest)
    await site.approve(incident, "go", who=ADA)
    assert (await site.engine.result(incident)).state is IncidentState.COMPLETED
