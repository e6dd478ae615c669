"""What there is to say of plans and incidents, in the same words at every front door. Pure."""

import datetime
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from firedoor.expressions import TEMPLATE
from firedoor.incident import FINAL_STATES, IncidentState, IncidentView, Preview, Progress, Request, StepState, StepView
from firedoor.plan import Campaign, Effect, Plan, PlannedStep, Policy, Verdict
from firedoor.words import clock, duration, plural, seconds_until, span

#: Longer values are cut; `-o json` has them whole.
VALUE_WIDTH = 160
#: Of that, for how many more members a list has: ` and 99,995 more`.
MORE_WIDTH = 16

#: So many targets are named.
NAMED = 8


class Mark(NamedTuple):
    """How a state looks: a sign of one column, and a word. The word alone must do."""

    icon: str
    word: str


STEPS = {
    StepState.PENDING: Mark("○", "pending"),
    StepState.WAITING_APPROVAL: Mark("?", "needs approval"),
    StepState.WAITING_ANSWER: Mark("?", "needs answer"),
    StepState.SLEEPING: Mark("◷", "sleeping"),
    StepState.PAUSED: Mark("‖", "paused"),
    StepState.RUNNING: Mark("▶", "running"),
    StepState.NEEDS_ATTENTION: Mark("!", "NEEDS YOU"),
    StepState.DONE: Mark("✓", "done"),
    StepState.SKIPPED: Mark("-", "skipped"),
    StepState.ABORTED: Mark("✗", "aborted"),
}

INCIDENTS = {
    IncidentState.RUNNING: Mark("▶", "running"),
    IncidentState.WAITING: Mark("?", "waits for people"),
    IncidentState.PAUSED: Mark("‖", "paused"),
    IncidentState.NEEDS_ATTENTION: Mark("!", "NEEDS YOU"),
    IncidentState.COMPLETED: Mark("✓", "completed"),
    IncidentState.ABORTED: Mark("✗", "aborted"),
}

VERDICTS = {
    Verdict.CONTAINED: Mark("✓", "contained"),
    Verdict.NOT_CONTAINED: Mark("✗", "NOT CONTAINED"),
    Verdict.UNKNOWN: Mark("?", "UNKNOWN"),
    Verdict.RESTORED: Mark("✓", "restored"),
    Verdict.NOT_RESTORED: Mark("✗", "NOT RESTORED"),
}

EFFECTS = {
    Effect.READ: Mark("○", "reads"),
    Effect.REVERSIBLE: Mark("●", "changes"),
    Effect.DESTRUCTIVE: Mark("!", "DESTROYS"),
}


#: Nobody takes back what was told, and yet nothing is destroyed by it.
TELLS = Mark("!", "TELLS CUSTOMERS")


def effect(one: Preview) -> Mark:
    """What a change does. That of a campaign, which is counted in messages, is to tell people."""
    return TELLS if "messages" in one.blast else EFFECTS[one.effect]


def said(step: StepView) -> str:
    """What there is to say of a step, in one breath."""
    parts: list[str] = []
    if step.progress and step.progress.total and not (step.summary and step.state in FINAL_STATES):
        parts.append(counts(step.progress))
    if step.failure and step.state is not StepState.DONE:
        again = f" {step.failure.next}" if step.state is StepState.RUNNING else ""
        parts.append(f"{step.failure.reason}: {step.failure.what.splitlines()[0]}{again}")
    elif step.waits_for and step.state not in FINAL_STATES:
        parts.append(f"waits for {step.waits_for}")
    elif step.summary:
        parts += [text for text in (step.summary, answered(step)) if text]
    elif step.state is StepState.RUNNING and step.attempts > 1:
        parts.append(f"attempt {step.attempts}")
    return " · ".join(parts)


def answered(step: StepView) -> str:
    """Who answered a question, and what: `answered by user:ada: healthy no`. Empty for any other step.

    What went into a place of its own is not said: it is a credential, and nobody has to read all that is known of it.
    """
    if step.kind != "ask" or step.state is not StepState.DONE or not step.result:
        return ""
    given = {name: value for name, value in step.result.items() if name != "by" and not isinstance(value, dict)}
    words = ", ".join(f"{name} {word(value)}" for name, value in given.items() if value not in ("", None))
    return f"answered by {step.result.get('by', 'somebody')}{f': {words}' if words else ''}"


def counts(progress: Progress) -> str:
    """`412 of 1,000 · 3 failed`."""
    words = f"{progress.done:,} of {progress.total:,}"
    return f"{words} · {progress.failed:,} failed" if progress.failed else words


def still(asked: Request) -> str:
    """How many more approvals are needed."""
    missing = max(0, asked.needed - len(asked.given))
    return f"{missing} more needed" if missing else "enough"


def of_whom(asked: Request, view: IncidentView) -> str:
    """Who may still approve."""
    given = {one.principal for one in asked.given}
    barred = set() if asked.allow_self else {view.starter.principal}
    names = [source for source in asked.sources if source not in given | barred]
    words = ", ".join(names) or "nobody who has not approved"
    return words if asked.allow_self else f"{words}; not {view.starter.principal}, who started it"


def targets(asked: Request) -> str:
    """`the canary: 5 of 40 targets (a, b, c …)`; empty where there is only one target."""
    if asked.total <= 1 and not asked.part:
        return ""
    many = f"{asked.targets:,} of {asked.total:,}" if asked.targets != asked.total else f"all {asked.total:,}"
    return f"{asked.part or many}{_some(asked.names, asked.targets)}"


def _some(names: Sequence[str], total: int) -> str:
    shown = ", ".join(names[:NAMED])
    if not shown:
        return ""
    more = total - min(NAMED, len(names))
    return f" ({shown}{f' and {more:,} more' if more > 0 else ''})"


def expiry(asked: Request, now: datetime.datetime) -> str:
    """`in 24 m 50 s (19:34:40 UTC)`."""
    left = seconds_until(asked.expires, now)
    return f"in {duration(left)} ({clock(asked.expires, now)} UTC)" if left else "now"


def blast(counts: dict[str, int]) -> str:
    """The blast radius in words, the largest number first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return " · ".join(plural(number, kind) for kind, number in ordered if number)


def changes_nothing(one: Preview) -> bool:
    """Is the world already as the change would make it?"""
    same = all(one.before.get(name) == value for name, value in one.after.items())
    return same and not one.blast and one.inverse is None


def word(value: Any) -> str:
    """A value for a person: yes and no, lists with commas, nothing as a dash; of an object what is not empty."""
    match value:
        case bool():
            text = "yes" if value else "no"
        case None | "" | [] | ():
            text = "-"
        case list() | tuple():
            text = _members([word(member) for member in value])
        case dict():
            given = {name: member for name, member in value.items() if member not in ("", None)}
            text = json.dumps(given, ensure_ascii=False) if given else "-"
        case _:
            text = str(value)
    return textwrap.shorten(text, VALUE_WIDTH, placeholder=" …")


def _members(words: Sequence[str]) -> str:
    """As many as there is room for, and how many more there are."""
    whole = ", ".join(words)
    if len(whole) <= VALUE_WIDTH:
        return whole
    room, shown = VALUE_WIDTH - MORE_WIDTH, 1
    while len(", ".join(words[: shown + 1])) <= room:
        shown += 1
    more = f" and {len(words) - shown:,} more" if shown < len(words) else ""
    return textwrap.shorten(", ".join(words[:shown]), room, placeholder=" …") + more


def does(step: PlannedStep, inputs: Mapping[str, Any]) -> str:
    """What a step of a plan does, before its expressions have values."""
    if step.kind == "ask" and step.ask:
        return f"asks {step.ask.of or 'anybody'}: {legible(step.ask.prompt, inputs)}"
    if step.kind == "wait":
        return f"waits {span(step.wait)}"
    if step.kind == "run" and step.child:
        return f"runs {step.child.name} ({plural(len(step.child.steps), 'steps')})"
    if step.kind == "campaign" and step.campaign:
        return tells(step.campaign)
    if step.kind == "approval":
        return f"waits for approval: {step.approval}"
    return step.action


def tells(campaign: Campaign) -> str:
    """What a campaign sends, and how: `tells customers: keys-exposed, by slack, else email`."""
    version = f" (version {campaign.version})" if campaign.version > 1 else ""
    ways = (" and " if campaign.every else ", else ").join(campaign.channels)
    return f"tells customers: {campaign.notice}{version}, by {ways}"


def follows(campaign: Campaign) -> Iterator[str]:
    """The terms of a campaign: in which waves it goes, until when it follows, when it reminds and gives up."""
    if campaign.canary:
        waves = f"then 1 %, 10 %, all; {span(campaign.settle)} between"
        yield f"canary: {plural(campaign.canary, 'customers')} first, {waves}"
    yield f"halts by itself when more than {campaign.halt} % do not arrive"
    if campaign.until:
        yield f"follows each until {campaign.until}, for {span(campaign.within)} at most"
    if campaign.remind:
        yield f"reminds after {', '.join(span(after) for after in campaign.remind)}"
    if campaign.escalates:
        yield f"escalates what is left after {span(campaign.escalates)}"
    if campaign.quiet:
        yield f"writes to nobody from {campaign.quiet[0]} to {campaign.quiet[1]} of its own time"
    if campaign.corrects:
        yield f"corrects {campaign.corrects}: only those who got that"


def secrets_asked(step: PlannedStep, inputs: Mapping[str, Any]) -> Iterator[str]:
    """What a question asks for that never enters firedoor's own stores, and where it goes."""
    for name, field in step.ask.secrets().items() if step.ask else ():
        yield f"asks for a secret, {name}, which goes to {legible(' and '.join(field.into), inputs)}"


def legible(template: str, inputs: Mapping[str, Any]) -> str:
    """A text before its expressions have values: inputs have theirs, and the rest is named behind an ellipsis."""

    def value(match: re.Match[str]) -> str:
        source = match.group(1).strip()
        root, _, name = source.partition(".")
        return word(inputs[name]) if root == "inputs" and name in inputs else f"… [{source}]"

    return TEMPLATE.sub(value, template).strip()


def terms(step: PlannedStep) -> Iterator[str]:
    """The terms that the runbook sets: when, on how many at a time, for how long."""
    if step.campaign:
        yield from follows(step.campaign)
    if step.loop:
        yield f"once for each of {step.loop.items}"
        if step.loop.canary:
            yield f"canary: {plural(step.loop.canary, 'targets')} first, the rest after people have looked"
    if step.condition:
        yield f"only if {step.condition}"
    if step.temporary:
        yield f"temporary: takes itself back after {span(step.temporary)}"
    if step.always:
        yield "always: runs at the end, however it ends"


def totals(plan: Plan) -> str:
    """`9 steps: 4 reading · 3 changing what can be undone · 2 destroying`."""
    counts = Counter(step.effect for step in plan.steps if step.kind == "uses")
    parts = [
        f"{counts[Effect.READ]} reading",
        f"{counts[Effect.REVERSIBLE]} changing what can be undone",
        f"{counts[Effect.DESTRUCTIVE]} destroying",
    ]
    if campaigns := sum(1 for step in plan.steps if step.kind == "campaign"):
        parts.append(f"{campaigns} telling customers")
    return f"{plural(len(plan.steps), 'steps')}: {' · '.join(parts)}"


def who(policy: Policy) -> str:
    """Who may approve, how many must, and for how long they can."""
    words = f"{policy.count} of " if policy.count > 1 else "one of " if len(policy.sources) > 1 else ""
    words += ", ".join(policy.sources)
    if policy.expires:
        words += f", within {span(policy.expires)}"
    return words + ("; the starter may approve" if policy.allow_self else "; not the starter")


def rules_of(policy: Policy) -> Iterator[str]:
    """The other rules of a policy, each as a line."""
    if policy.expires and policy.escalate:
        yield f"without an answer in time {policy.escalate} is asked"
    elif policy.expires and policy.proceed:
        yield f"without an answer in time it GOES ON: {policy.proceed}"
    elif policy.expires:
        yield "without an answer in time it counts as denied"
    if policy.remind:
        yield f"reminded every {span(policy.remind)}"
    if policy.break_glass:
        yield f"in an emergency one of {policy.break_glass} may go ahead alone, with a reason; everybody is told"


def unproved(view: IncidentView) -> str:
    """An unknown verdict before the end: it only means that the proof is still to come."""
    return f"{'restoration' if view.undoes else 'containment'} not proved yet"
