"""Denies on users and roles: of old sessions, of everything."""

import datetime
import json
from collections.abc import Iterator, Mapping

from activities._action import Context, performs
from activities.aws.accounts import Answer, timestamp
from activities.aws.denied import (
    DENY_ALL,
    OLDER_SESSIONS,
    Denied,
    Document,
    everything_denied,
    find,
    is_own,
    issued_before,
    mark_of,
    older_sessions_denied,
    text_of,
)
from activities.aws.dependents import of_principal
from activities.aws.errors import after
from activities.aws.previews import first_seen
from activities.aws.settling import settle
from firedoor.incident import Inverse, Outcome, Preview
from firedoor.plan import Verdict
from firedoor.steps._step import Step
from firedoor.steps.aws_iam_denies import Denies, DenyPrincipal, DenySessions


@performs(DenySessions)
def deny_sessions(step: DenySessions, context: Context) -> Iterator[Preview | Outcome]:
    """iam:PutUserPolicy or iam:PutRolePolicy with `DateLessThan aws:TokenIssueTime`; on users a deny-all as well."""
    target, now = find(step.principal_arn, context)
    everything = step.everything if step.everything is not None else target.kind == "User"
    # Issue times have whole seconds and "less than" is strict: one second more catches what was issued in this one.
    moment = timestamp(now + datetime.timedelta(seconds=1))
    # The strongest first: what comes after it may fail.
    wanted = {DENY_ALL: everything_denied(mark_of(context))} if everything else {}
    wanted[_free_name(target)] = older_sessions_denied(mark_of(context), moment)
    yield from _deny(step, context, target, wanted)


@performs(DenyPrincipal)
def deny_principal(step: DenyPrincipal, context: Context) -> Iterator[Preview | Outcome]:
    """iam:PutUserPolicy or iam:PutRolePolicy with a deny of everything."""
    target, _ = find(step.principal_arn, context)
    yield from _deny(step, context, target, {DENY_ALL: everything_denied(mark_of(context))})


def _deny(step: Step, context: Context, target: Denied, wanted: dict[str, Document]) -> Iterator[Preview | Outcome]:
    """Preview, put `wanted`, read back until equal."""
    own, _ = target.own_policies()
    quarantine = target.quarantined()
    preview = first_seen(_preview(step, context, target, own, wanted), context.earlier)
    before = preview.before["policies"]
    yield preview
    answers: list[Answer] = []
    for name, document in wanted.items():
        with after(_put_so_far(answers, target)):
            if own.get(name) != document:
                answers.append(target.put(name, document))
    with after(f"The denies were put on {target.principal.label}, but that is not confirmed."):
        settled = settle(
            context.aws.settle_seconds,
            lambda: {name: target.policy(name) for name in wanted},
            lambda found: all(found[name][0] == document for name, document in wanted.items()),
        )
    evidence = tuple(
        answer.evidence(f"{name}: {json.dumps(document, separators=(',', ':'))}")
        for name, (document, answer) in settled.last.items()
        if answer
    )
    yield Outcome(
        summary=_summary(target, wanted, settled.verdict, quarantine),
        result=_result(target, wanted, quarantine).model_dump(mode="json"),
        verdict=settled.verdict,
        changed=bool(answers) or context.earlier is not None,
        before={"policies": before},
        evidence=evidence,
    )


def _preview(
    step: Step, context: Context, target: Denied, own: dict[str, Document], wanted: dict[str, Document]
) -> Preview:
    """What putting `wanted` would change, where `own` stands now."""
    label = target.principal.label
    if context.earlier is None and all(own.get(name) == document for name, document in wanted.items()):
        return Preview(
            change=f"{label} is already denied {_what(wanted)}: nothing to change",
            before={"policies": own},
            effect=step.effect,
        )
    inverse = {
        "principal_arn": target.arn,
        "policies": {name: text_of(document) for name, document in wanted.items()},
        "instead": {name: text_of(document) for name, document in own.items() if name in wanted},
    }
    return Preview(
        change=f"deny {_what(wanted)} to {label}",
        before={"policies": own},
        after={"policies": own | wanted},
        effect=step.effect,
        inverse=Inverse(action=step.undo, arguments=inverse),
        blast=step.blast,
        dependents=of_principal(target, context, everything=DENY_ALL in wanted),
    )


def _free_name(target: Denied) -> str:
    """The name for the deny of old sessions: the first that is free or ours."""
    names = OLDER_SESSIONS[target.principal.kind]
    for name in names[:-1]:
        document, _ = target.policy(name)
        if document is None or is_own(document):
            return name
    return names[-1]


def _summary(target: Denied, wanted: Mapping[str, Document], verdict: Verdict, quarantine: tuple[str, ...]) -> str:
    who = target.principal.label
    if verdict is not Verdict.CONTAINED:
        return f"The denies on {who} do not read back as they were put: something changes them, or AWS is late."
    stamp = _stamp(wanted)
    parts = [f"{who[0].upper()}{who[1:]} is denied {_what(wanted)}."]
    if DENY_ALL not in wanted:
        parts.append(f"Sessions issued from {stamp} on work: whoever may still assume the role gets a new one.")
    if quarantine:
        parts.append(f"AWS's own {', '.join(quarantine)} is attached too; it is not containment and stays.")
    return " ".join(parts)


def _what(wanted: Mapping[str, Document]) -> str:
    everything = "everything" if DENY_ALL in wanted else ""
    stamp = _stamp(wanted)
    return " and ".join(part for part in (everything, f"sessions issued before {stamp}" if stamp else "") if part)


def _result(target: Denied, wanted: Mapping[str, Document], quarantine: tuple[str, ...]) -> Denies:
    return Denies(
        principal_arn=target.arn,
        policies=tuple(sorted(wanted)),
        issued_before=_stamp(wanted),
        everything_denied=DENY_ALL in wanted,
        quarantined=quarantine,
    )


def _stamp(wanted: Mapping[str, Document]) -> str:
    return next(filter(None, map(issued_before, wanted.values())), "")


def _put_so_far(answers: list[Answer], target: Denied) -> str:
    if not answers:
        return ""
    return f"One of two denies was put on {target.principal.label} (request {answers[-1].request_id})."
