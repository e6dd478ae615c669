"""An incident, a step and a plan as Slack's blocks, within its limits. Pure: the same picture gives the same blocks.

Limits: 50 blocks and about 10,000 characters a message (docs.slack.dev/reference/block-kit/blocks).
"""

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from firedoor.canonical import digest_of
from firedoor.forecast import Touched, dependents, policies_asked, radius, undecided, unread
from firedoor.incident import Evidence, IncidentState, IncidentView, Mode, StepState, StepView
from firedoor.phrases import EFFECTS, blast, does, rules_of, said, secrets_asked, terms, totals, who, word
from firedoor.plan import Effect, Plan, PlannedStep
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.campaigns import campaigns
from firedoor.slack.drawing.clocks import clocks
from firedoor.slack.drawing.fields import Block, cut
from firedoor.slack.drawing.markup import (
    actions,
    bold,
    confirm,
    context,
    fields,
    header,
    moment,
    numbered,
    safe,
    section,
    size,
)
from firedoor.slack.drawing.needs import button, letters, needs, sleepers, told
from firedoor.slack.drawing.picture import Picture, incident_mark, so_far, step_mark
from firedoor.slack.drawing.tasks import steps
from firedoor.words import duration, plural, seconds_between

MOST_BLOCKS = 50
MOST_TEXT = 9000
#: How much is shown, from the most to the least that fits: steps that wait for people, steps at all.
ROOM = ((8, 48), (6, 40), (5, 24), (4, 16), (3, 10), (2, 6), (1, 3))
MOST_INPUTS = 6
MOST_VALUE = 200
#: Of an expression in a list of steps; the runbook has it whole.
MOST_TERM = 60
MOST_FALLBACK = 300
HUNDRED = 100
EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted: the fallback for notifications and screen readers, the blocks, and the digest of both."""

    text: str
    blocks: list[Block]
    digest: str


def incident(picture: Picture, edition: str = "") -> Message:
    """The message of an incident. `edition` makes new ids of blocks; the digest depends neither on it nor on time."""
    still = replace(picture, now=EPOCH, view=_coarse(picture.view))
    digest = digest_of([_fitting(still), picture.modern])
    return Message(_fallback(picture), numbered(_fitting(picture), edition or digest[:12]), digest)


def _coarse(view: IncidentView) -> IncidentView:
    """The view with progress in whole hundredths: mass work must not use up the edits that Slack allows."""
    return view.model_copy(update={"steps": tuple(_rounded(one) for one in view.steps)})


def _rounded(one: StepView) -> StepView:
    progress = one.progress
    if progress is None or progress.total < HUNDRED or progress.done + progress.failed >= progress.total:
        return one
    done = progress.done - progress.done % (progress.total // HUNDRED)
    return one.model_copy(update={"progress": progress.model_copy(update={"done": done})})


def _fitting(picture: Picture) -> list[Block]:
    blocks: list[Block] = []
    for waiting, shown in ROOM:
        asked = [*needs(picture, waiting), *campaigns(picture, waiting), *sleepers(picture, waiting)]
        blocks = [*_head(picture), *asked, *steps(picture, shown), *_foot(picture)]
        if len(blocks) <= MOST_BLOCKS and size(blocks) <= MOST_TEXT:
            break
    return blocks


def _fallback(picture: Picture) -> str:
    """One sentence that says it all, for whoever does not see the blocks."""
    view = picture.view
    mark = incident_mark(view)
    waiting = picture.waiting()
    parts = [f"{mark.word}: {safe(view.title or view.runbook, MOST_VALUE)}", view.severity, so_far(view)]
    parts += [f"{plural(len(waiting), 'steps')} waiting for people"] if waiting else []
    return cut(" · ".join(part for part in parts if part), MOST_FALLBACK)


def _head(picture: Picture) -> Iterator[Block]:
    view = picture.view
    mark = incident_mark(view)
    yield header(f"{mark.icon} {view.title or view.runbook}")
    counts = Counter(step.state for step in view.steps)
    facts = [
        f"*{mark.icon} {mark.word}*",
        safe(view.severity),
        f"{counts[StepState.DONE]} of {plural(len(view.steps), 'steps')} done",
    ]
    # At the end the verdict is the incident's sign and word already.
    facts += [f"*{so_far(view)}*" if so_far(view) not in {"", f"{mark.icon} {mark.word}"} else "", _elapsed(picture)]
    lines = [" · ".join(fact for fact in facts if fact)]
    lines += [safe(view.sentence, MOST_VALUE * 3)] if view.sentence else []
    yield section(*lines)
    yield from fields(_facts(picture))
    if warnings := list(_warnings(view)):
        yield section(*warnings)
    yield from clocks(picture)


def _elapsed(picture: Picture) -> str:
    view = picture.view
    # How long it has run would be wrong a moment later: nothing edits a message of which nothing else changes.
    took = duration(seconds_between(view.started, view.ended, picture.now)) if view.ended else ""
    return f"took {took}" if took else ""


def _facts(picture: Picture) -> Iterator[tuple[str, str]]:
    view = picture.view
    starter = f"{safe(view.starter.principal, MOST_VALUE)} ({safe(view.starter.auth, 75)})"
    yield "Started", f"{moment(view.started, picture.now)} by {starter}"
    yield "Runbook", safe(view.runbook, MOST_VALUE)
    yield "Alert", safe(view.alert, MOST_VALUE)
    yield "Alerts", f"{view.alerts:,}" if view.alerts else ""
    lead = view.commander or view.starter.principal
    yield "Commander", safe(lead, MOST_VALUE) if lead.startswith("user:") else "nobody yet"
    others = [name for name in view.responders if name not in {view.commander, view.starter.principal}]
    yield "Responders", safe(", ".join(others), MOST_VALUE)
    yield "Undoes", safe(view.undoes, MOST_VALUE)
    yield "Undone by", safe(view.undo, MOST_VALUE)
    yield "Part of", safe(picture.parent, MOST_VALUE)
    for name, value in list(_given(view.inputs))[:MOST_INPUTS]:
        yield safe(name, 75), safe(word(value), MOST_VALUE)


def _given(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The inputs that say something."""
    yield from ((name, value) for name, value in inputs.items() if value not in ("", None))


def _warnings(view: IncidentView) -> Iterator[str]:
    if view.mode is Mode.PLAN:
        yield "*PLAN ONLY: nothing is changed*"
    if view.drill:
        yield "*DRILL: on an emulator, not on a real account*"
    if view.paused and view.state is IncidentState.PAUSED:
        yield f"‖ *Paused by {safe(view.paused, MOST_VALUE)}.* No new action starts."
    for sentence in view.review[:MOST_INPUTS]:
        yield f"! *For review:* {safe(sentence, MOST_VALUE * 2)}"


def _foot(picture: Picture) -> Iterator[Block]:
    """The buttons of the whole incident, and its id."""
    view = picture.view
    row = [button("Details", Press("status", view.id)), button("Timeline", Press("timeline", view.id))]
    if not picture.ended:
        steer = button("Resume", Press("resume", view.id), style="primary")
        if view.state is not IncidentState.PAUSED and not view.paused:
            steer = button("Pause", Press("pause", view.id))
            text = "No new action starts until somebody resumes it. What runs now is finished."
            steer["confirm"] = confirm(f"Pause {view.title or view.runbook}?", text, "Pause", "Not now")
        row = [steer, *row, button("Note…", Press("note", view.id))]
        row.append(button("Abort…", Press("abort", view.id), style="danger"))
    yield actions(row)
    hint = "" if picture.ended else " · commands do not work in threads: press a button, or mention the bot"
    yield context(f"{safe(view.id, MOST_VALUE)}{hint}")


def step(picture: Picture, one: StepView) -> list[Block]:
    """All that there is to say of a step: for Details, and for a thread."""
    mark = step_mark(one)
    blocks = [
        section(f"{mark.icon} {bold(one.id)}  {mark.word}{f' · {safe(one.title, MOST_VALUE)}' if one.title else ''}")
    ]
    blocks += fields(_step_facts(picture, one))
    if picture.planned(one) or one.request or one.failure or one.previews:
        lines = [text for text in told(picture, one, whole=True) if text]
        blocks += [section(*lines)] if lines else []
        blocks += letters(one) if one.request else []
    if one.evidence:
        blocks.append(section("*Proof*", *(proof(piece, picture.now) for piece in one.evidence)))
    return numbered(blocks[:MOST_BLOCKS], digest_of(blocks)[:12])


def _step_facts(picture: Picture, one: StepView) -> Iterator[tuple[str, str]]:
    yield "Action", safe(one.action, MOST_VALUE)
    yield "Started", moment(one.started, picture.now)
    yield "Ended", moment(one.ended, picture.now)
    yield "Attempts", str(one.attempts) if one.attempts > 1 else ""
    for name, value in list(one.arguments.items())[:MOST_INPUTS]:
        yield safe(name, 75), safe(word(value), MOST_VALUE)
    yield "Says", safe(said(one), MOST_VALUE * 2)
    yield "Touches", safe(blast(one.blast))
    yield "Undo", "possible" if one.reversible else ""


def proof(one: Evidence, now: datetime.datetime) -> str:
    """One piece of evidence: the call, what it said, when, under which request id."""
    facts = [moment(one.observed_at, now), f"request {safe(one.request_id, 100)}" if one.request_id else ""]
    return f"{bold(one.source)}: {safe(one.says, MOST_VALUE)}{''.join(f' · {fact}' for fact in facts if fact)}"


def plan(plan: Plan, inputs: Mapping[str, Any], forecast: IncidentView | None = None) -> list[Block]:
    """What would run: each step, its effect and for whom it waits; with `forecast` what it would change, and how much.

    `forecast` is what a plan run found (`firedoor.engine.read`).
    """
    later = undecided(plan, forecast) if forecast else frozenset[str]()
    found = {one.id: one for one in forecast.steps} if forecast else {}
    blocks: list[Block] = []
    for most in (60, 40, 25, 15, 8):
        lines = [_outline(one, inputs, found.get(one.id), later=one.id in later) for one in plan.steps[:most]]
        if len(plan.steps) > most:
            lines.append(
                f"… and {plural(len(plan.steps) - most, 'steps')} more, in the same order as the runbook has them"
            )
        rows = [section(*lines[start : start + 10]) for start in range(0, len(lines), 10)]
        blocks = [*_plan_head(plan, inputs), *rows, *_agreement(plan), *_radius(plan, forecast)]
        if len(blocks) <= MOST_BLOCKS and size(blocks) <= MOST_TEXT:
            break
    return numbered(blocks, digest_of(blocks)[:12])


def _plan_head(plan: Plan, inputs: Mapping[str, Any]) -> Iterator[Block]:
    yield header(plan.title or plan.name)
    yield section(f"{safe(plan.name)} · {plan.severity} · {plan.mode}", bold(totals(plan)))
    yield from fields((safe(name, 75), safe(word(value), MOST_VALUE)) for name, value in list(_given(inputs))[:20])


def _outline(one: PlannedStep, inputs: Mapping[str, Any], found: StepView | None, *, later: bool) -> str:
    """A step of a plan in one line. What will not run destroys nothing, and waits for nobody."""
    if found and found.state is StepState.SKIPPED and not later:
        title = safe(one.title or does(one, inputs), MOST_VALUE)
        return f"{bold(one.id, 80)}  - skipped · {title} · {safe(said(found), MOST_VALUE)}"
    mark = EFFECTS[one.effect]
    parts = [f"{mark.icon} {mark.word}" if one.kind == "uses" else ""]
    parts += [safe(one.title or does(one, inputs), MOST_VALUE), *(safe(text, MOST_TERM) for text in terms(one))]
    parts += [safe(text, MOST_VALUE) for text in secrets_asked(one, inputs)]
    parts += [f"*waits for approval: {safe(one.approval)}*" if one.approval else ""]
    parts += [_foreseen(one, inputs, found, later=later)] if found else []
    return f"{bold(one.id, 80)}  {' · '.join(part for part in parts if part)}"


def _foreseen(one: PlannedStep, inputs: Mapping[str, Any], found: StepView, *, later: bool) -> str:
    """What a plan run found of a step."""
    if found.failure:
        return f"! not read: {safe(found.failure.what, MOST_VALUE)}"
    if later:
        return "decided when it runs"
    if found.previews:
        more = max(len(found.previews), found.progress.total if found.progress else 0) - 1
        first = found.previews[0]
        final = "" if first.inverse or first.effect is Effect.READ else ", *CANNOT BE UNDONE*"
        missing = f", ! permission missing: {safe(', '.join(first.missing), 100)}" if first.missing else ""
        return f"{safe(first.change, MOST_VALUE)}{f' and {more:,} more' if more > 0 else ''}{final}{missing}"
    if one.kind == "uses":
        return safe(said(found), MOST_VALUE)
    # What it waits for is said already; what it asks or runs is, where it has no title.
    return safe(does(one, inputs), MOST_VALUE) if one.title and one.kind != "approval" else ""


def _agreement(plan: Plan) -> Iterator[Block]:
    """Who has to agree to what."""
    lines = []
    for name, named in policies_asked(plan):
        policy = plan.policies[name]
        rules = "; ".join([who(policy), *rules_of(policy)])
        steps_named = f" · for {safe(', '.join(named), MOST_VALUE)}" if named else ""
        lines.append(f"{bold(name)}: {safe(rules, MOST_VALUE * 2)}{steps_named}")
    if lines:
        yield section("*Who must agree*", *lines)


def _radius(plan: Plan, forecast: IncidentView | None) -> Iterator[Block]:
    if forecast is None:
        return
    lines = [f"*Blast radius*  {safe(_counts(radius(forecast))) or 'nothing that could be counted'}"]
    if known := dependents(forecast):
        lines.append(f"depends on it: {safe(_counts(known))}, as far as is known now")
    if missed := unread(forecast):
        lines.append(f"! The plan is incomplete; these could not be read: {safe(', '.join(missed), MOST_VALUE)}")
    yield section(*lines, "Nothing was changed: this is a plan.")


def _counts(every: tuple[Touched, ...]) -> str:
    return " · ".join(f"{'≥ ' if one.least else ''}{plural(one.count, one.kind)}" for one in every)
