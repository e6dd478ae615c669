"""What waits for a person: what would happen, who may agree, how many are missing, and the buttons for it. Pure."""

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from firedoor.incident import FailedTarget, IncidentView, Preview, Request, Responder, StepState, StepView
from firedoor.phrases import STEPS, VERDICTS, blast, changes_nothing, effect, of_whom, still, targets, word
from firedoor.plan import PROVED, Effect
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.fields import Block, plain
from firedoor.slack.drawing.markup import actions, bold, confirm, fitted, joined, line, moment, safe, section, sections
from firedoor.slack.drawing.picture import Picture
from firedoor.words import full_stop, plural

#: So many changes, values of one change, and targets that failed are shown; Details has more values.
MOST_CHANGES, MOST_VALUES, MOST_FAILED = 3, 12, 3
#: Values of one change in Details and in the thread, and characters of the letters that would be sent.
ALL_VALUES, MOST_LETTERS = 40, 5500
MOST_LINE = 300
#: Characters of a confirm dialog, and of what it says of the change.
MOST_CONFIRM, MOST_CHANGE = 300, 160
MOST_LABEL = 75


def needs(picture: Picture, most: int) -> list[Block]:
    """A paragraph and a row of buttons for each of the first steps that wait; how many more there are."""
    waiting = picture.waiting()
    blocks: list[Block] = []
    for step in waiting[:most]:
        blocks += need(picture, step)
    if len(waiting) > most:
        names = ", ".join(step.id for step in waiting[most:])
        blocks.append(
            section(f"… and {plural(len(waiting) - most, 'steps')} more wait for you: {safe(names, MOST_LINE)}")
        )
    return blocks


def need(picture: Picture, step: StepView, *, whole: bool = False) -> list[Block]:
    """One step that waits for a person; `whole` with every value, and every word that would be sent."""
    mark = STEPS[step.state]
    head = f"{mark.icon} {bold(step.id)}  {mark.word}{f' · {safe(step.title, MOST_LINE)}' if step.title else ''}"
    more = letters(step) if whole else []
    return [section(head, *told(picture, step, whole=whole)), *more, actions(buttons(picture.view, step))]


def sleepers(picture: Picture, most: int) -> list[Block]:
    """The steps that wait for a time, each with the button that does not."""
    found = [] if picture.ended else [step for step in picture.view.steps if step.state is StepState.SLEEPING]
    mark = STEPS[StepState.SLEEPING]
    shown: list[Block] = []
    for step in found[:most]:
        until = f" until {moment(step.until, picture.now)}" if step.until else ""
        title = f" · {safe(step.title, MOST_LINE)}" if step.title else ""
        line = section(f"{mark.icon} {bold(step.id)}  {mark.word}{until}{title}")
        shown.append(line | {"accessory": button("Skip…", Press("skip", picture.view.id, step.id))})
    return shown


def letters(step: StepView) -> list[Block]:
    """What would be sent, word by word: the values of several lines, which whoever approves has to read."""
    lines = [
        line
        for preview in step.previews[:MOST_CHANGES]
        for name, text in preview.after.items()
        if _is_letter(text)
        for line in (bold(name), *map(safe, text.splitlines()))
    ]
    return sections(fitted(lines, MOST_LETTERS).split("\n")) if lines else []


def _is_letter(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and "\n" in value


def told(picture: Picture, step: StepView, *, whole: bool = False) -> list[str]:
    """Lines of mrkdwn: why it waits, and what an answer would bring about; `whole` for whom `letters` stand below."""
    match step.state:
        case StepState.WAITING_APPROVAL:
            return [*_changes(step, whole=whole), *_asked(picture, step)]
        case StepState.WAITING_ANSWER:
            return [safe(step.summary, MOST_LINE * 2), f"waits for {safe(step.waits_for or 'a person', MOST_LINE)}"]
        case _:
            return [*_failure(step), *(_failed(one) for one in step.failed[:MOST_FAILED]), *_more_failed(step)]


def _failure(step: StepView) -> Iterator[str]:
    if found := step.failure:
        yield f"{bold(found.reason)}: {safe(found.what, MOST_LINE * 2)}"
        for text in (found.changed, found.next):
            yield from (safe(one, MOST_LINE) for one in text.split("\n") if one)
    elif step.verdict and step.verdict not in PROVED:
        yield f"{bold(VERDICTS[step.verdict].word)}. {safe(step.summary, MOST_LINE)}"


def _failed(one: FailedTarget) -> str:
    return f"✗ {bold(one.name)}: {safe(f'{one.failure.reason}: {one.failure.what}', MOST_LINE)}"


def _more_failed(step: StepView) -> Iterator[str]:
    total = max(len(step.failed), step.progress.failed if step.progress else 0)
    if total > MOST_FAILED:
        yield f"… and {plural(total - MOST_FAILED, 'targets')} more"


def _changes(step: StepView, *, whole: bool) -> Iterator[str]:
    """What would change, as people are asked to agree to it."""
    asked = step.request
    if asked and asked.changed:
        yield f"! *Asked again:* {safe(asked.changed, MOST_LINE)}"
    if asked and asked.caution:
        yield f"! {safe(asked.caution, MOST_LINE * 2)}"
    if step.action and not step.previews:
        arguments = ", ".join(f"{name} {word(value)}" for name, value in step.arguments.items())
        yield safe(f"{step.action} {arguments}", MOST_LINE)
    for preview in step.previews[:MOST_CHANGES]:
        yield f"{bold(preview.change, MOST_LINE)}{_undo(preview)}"
        yield from _values(preview, whole=whole)
        if preview.missing:
            yield f"    ! permission missing: {safe(', '.join(preview.missing), MOST_LINE)}"
    total = max(len(step.previews), asked.targets if asked else 0)
    if total > MOST_CHANGES and step.previews:
        yield f"… and {total - min(MOST_CHANGES, len(step.previews)):,} more like these"
    if step.blast:
        yield f"touches *{safe(blast(step.blast))}*"


def _values(preview: Preview, *, whole: bool) -> Iterator[str]:
    """The values of one change. What does not fit is said: nobody is to approve what they believe to have seen."""
    before, after, most = preview.before, preview.after, MOST_VALUES
    if whole:
        after, most = {name: value for name, value in after.items() if not _is_letter(value)}, ALL_VALUES
    found = differences(before, after)
    yield from (f"    {safe(one, MOST_LINE)}" for one in found[:most])
    if len(found) > most:
        yield f"    … and {plural(len(found) - most, 'values')} more: Details"


def _undo(one: Preview) -> str:
    if changes_nothing(one) or one.effect is Effect.READ:
        return ""
    mark = effect(one)
    what = f"  {mark.icon} {mark.word}" if one.effect is Effect.DESTRUCTIVE else ""
    return f"{what}  {'can be undone' if one.inverse else '*CANNOT BE UNDONE*'}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Each value by its name: `status Active → Inactive`, or the one that is there."""
    lines = []
    for name in dict.fromkeys([*before, *after]):
        if name not in after or (name in before and before[name] == after[name]):
            lines.append(f"{name} {word(before[name])}")
        else:
            lines.append(f"{name} {word(before[name]) if name in before else ''} → {word(after[name])}")
    return lines


def _asked(picture: Picture, step: StepView) -> Iterator[str]:
    asked = step.request
    if asked is None:
        yield f"waits for {safe(step.waits_for or 'a person', MOST_LINE)}"
        return
    if words := targets(asked):
        yield f"targets: {safe(words, MOST_LINE)}"
    given = f" ({safe(', '.join(_name(one) for one in asked.given), MOST_LINE)})" if asked.given else ""
    yield f"{bold(asked.policy)}: {len(asked.given)} of {asked.needed} given{given}; {still(asked)}"
    yield f"may approve: {safe(of_whom(asked, picture.view), MOST_LINE)}"
    yield from _times(asked, picture.now)
    if asked.break_glass:
        yield f"in an emergency {safe(asked.break_glass)} may go ahead alone, at the command line, with a reason"


def _name(one: Responder) -> str:
    return f"{one.principal} by {one.auth}"


def _times(asked: Request, now: datetime.datetime) -> Iterator[str]:
    parts = [f"asked {moment(asked.asked, now)}"] if asked.asked else []
    parts += [f"reminded {plural(asked.reminders, 'times')}"] if asked.reminders else []
    parts += [f"expires {moment(asked.expires, now)}"] if asked.expires else []
    if parts:
        yield " · ".join(parts)


def buttons(view: IncidentView, step: StepView) -> list[Block]:
    """The buttons that answer a step which waits for a person."""
    match step.state:
        case StepState.WAITING_APPROVAL:
            digest = step.request.digest if step.request else ""
            approve = button("Approve", Press("approve", view.id, step.id, digest), style="primary")
            approve["confirm"] = confirmation(view, step)
            return [
                approve,
                button("Deny…", Press("deny", view.id, step.id, digest), style="danger"),
                _details(view, step),
            ]
        case StepState.WAITING_ANSWER:
            return [button("Answer…", Press("answer", view.id, step.id), style="primary"), _details(view, step)]
        case _:
            retry = button("Retry", Press("retry", view.id, step.id), style="primary")
            retry["confirm"] = _asks("Try again?", step, "It is tried again, with what is the case now.", "Retry")
            skip = button("Skip…", Press("skip", view.id, step.id), style="danger")
            return [retry, skip, _details(view, step)]


def _details(view: IncidentView, step: StepView) -> Block:
    return button("Details", Press("details", view.id, step.id))


def button(label: str, press: Press, *, style: str = "") -> Block:
    """A button that presses so."""
    shown: Block = {
        "type": "button",
        "text": plain(label, MOST_LABEL),
        "action_id": press.action_id,
        "value": press.value(),
    }
    return shown | {"style": style} if style else shown


def confirmation(view: IncidentView, step: StepView) -> Block:
    """What an approval brings about, once more: the change first, then whether it can be undone, then the counts."""
    final = any(one.inverse is None and not changes_nothing(one) for one in step.previews)
    asked = step.request
    parts = [
        line(_change(step), MOST_CHANGE),
        "CANNOT BE UNDONE." if final else "",
        f"Touches {blast(step.blast)}." if step.blast else "",
        f"Targets: {_counted(asked)}." if asked and _counted(asked) else "",
        f"{still(asked)} before yours." if asked and asked.needed > 1 else "",
        line(full_stop(f"Incident: {view.title or view.runbook}"), MOST_CHANGE // 2),
    ]
    text = joined([part for part in parts if part], MOST_CONFIRM)
    return confirm(f"Approve {step.id}?", text, "Approve", "Not now", danger=final)


def _counted(asked: Request) -> str:
    return asked.part or (f"{asked.targets:,} of {asked.total:,}" if asked.total > 1 else "")


def _change(step: StepView) -> str:
    """What happens, in one sentence."""
    if step.previews:
        first = step.previews[0]
        # A dialog has no room for what is no plain value; the message has it.
        values = [one for one in differences(first.before, first.after) if "→" in one and "{" not in one]
        more = len(step.previews) - 1
        return f"{first.change}{f' ({values[0]})' if values else ''}{f' and {more:,} more' if more else ''}."
    named = ", ".join(json.dumps(value) if isinstance(value, dict) else str(value) for value in step.arguments.values())
    return full_stop(" ".join(part for part in (step.title or step.action or step.id, named) if part))


def _asks(title: str, step: StepView, text: str, yes: str) -> Block:
    what = step.title or step.action
    about: Sequence[str] = [full_stop(f"{step.id}{f': {line(what, MOST_CHANGE)}' if what else ''}"), text]
    return confirm(title, joined(about, MOST_CONFIRM), yes, "Not now")
