"""`credential.revoke` and `credential.enable`."""

from collections.abc import Iterator

from activities._action import Context, performs
from activities.aws.errors import after
from activities.credentials.meant import pinned
from activities.credentials.proof import Subject
from activities.credentials.reach import dependents
from firedoor.errors import StepError
from firedoor.incident import Evidence, Inverse, Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.providers import Verb
from firedoor.providers._provider import ByApi
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Enable, Life, Revoke, Revoked


@performs(Revoke)
def revoke(step: Revoke, context: Context) -> Iterator[Preview | Outcome]:
    """The provider's revocation, then its own answer to the value or of the id."""
    earlier = context.earlier or context.begun
    recorded = earlier.before["credential"] if earlier else None
    subject, now, _ = pinned(Subject.of(context.clients, step.credential, step.value), recorded).sure()
    if not now.exists and earlier is None:
        raise subject.stranger()
    gone = now.life == "dead" and context.earlier is None
    state = {"credential": _identity(subject.credential), "state": now.life}
    undo = Inverse(action=step.undo, arguments={"credential": _identity(step.credential)})
    yield context.earlier or Preview(
        change=f"{subject.label} is refused already: nothing to change"
        if gone
        else f"{subject.label}: {'disabled' if subject.kind.reversible else 'revoked for good'}",
        before=state,
        after=state | {"state": "dead"},
        effect=Effect.REVERSIBLE if subject.kind.reversible else Effect.DESTRUCTIVE,
        inverse=undo if subject.kind.reversible and not gone else None,
        blast={} if gone else step.blast,
        dependents=() if gone else dependents(context.clients, step.credential),
    )
    evidence = () if gone else (_revoked(subject),)
    with after("" if gone else f"The revocation of {subject.label} was sent."):
        reading, proofs = subject.dead(context.since, context.aws.settle_seconds)
    verdict = subject.proved(reading, by_value=subject.value is not None)
    result = Revoked(credential=step.credential, state=reading.life, disabled=subject.kind.reversible and not gone)
    words = "is refused" if verdict is Verdict.CONTAINED else "was revoked, and that it is refused is not proved"
    yield Outcome(
        summary=f"{subject.label[:1].upper()}{subject.label[1:]} {words}: "
        f"{subject.api.provider.title} {reading.evidence.says}.",
        result=result.model_dump(mode="json"),
        verdict=verdict,
        changed=not gone,
        evidence=(*evidence, *proofs),
    )


@performs(Enable)
def enable(step: Enable, context: Context) -> Iterator[Preview | Outcome]:
    """The provider's call that enables it, then its own answer of the id."""
    subject = Subject.of(context.clients, step.credential)
    reading = subject.module.look(subject.api, step.credential)
    if not reading.exists:
        raise StepError(
            "changed_since",
            f"{subject.api.provider.title} no longer knows {subject.label}: it was deleted since.",
            next="Make a new one: `credential.create`.",
        )
    same = reading.life == "live"
    state = {"credential": _identity(step.credential), "state": reading.life}
    inverse = Inverse(action=step.undo, arguments={"credential": _identity(step.credential)})
    yield context.earlier or Preview(
        change=f"{subject.label} works already: nothing to change" if same else f"{subject.label}: enabled again",
        before=state,
        after=state | {"state": "live"},
        effect=Effect.REVERSIBLE,
        inverse=None if same else inverse,
        blast={} if same else step.blast,
    )
    evidence = () if same else (subject.module.enable(subject.api, step.credential),)
    now = subject.module.look(subject.api, step.credential)
    verdict = {"live": Verdict.RESTORED, "dead": Verdict.NOT_RESTORED}.get(now.life, Verdict.UNKNOWN)
    yield Outcome(
        summary=f"{subject.label} is enabled again: {subject.api.provider.title} {now.evidence.says}.",
        result=Life(credential=step.credential, state=now.life, last_used=now.last_used).model_dump(mode="json"),
        verdict=verdict,
        changed=not same,
        evidence=(*evidence, now.evidence),
    )


def _revoked(subject: Subject) -> Evidence:
    """Revoke it. A person who was asked to do it by hand, and has, made it dead: then there is nothing left to ask."""
    means = subject.kind.means(Verb.REVOKE)
    if isinstance(means, ByApi):
        return subject.module.revoke(subject.api, subject.credential, subject.value)
    reading, _ = subject.read()
    if reading.life == "dead":
        return reading.evidence
    return subject.module.revoke(subject.api, subject.credential, subject.value)


def _identity(credential: Credential) -> dict[str, str]:
    """What names a credential, without what may change between two looks."""
    return {name: value for name, value in credential.model_dump(mode="json").items() if value}
