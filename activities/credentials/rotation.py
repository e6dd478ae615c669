"""`credential.rotate` and `credential.create`: from one credential to the next, through any number of sinks.

What is made and stored, and how an interrupted attempt is continued, is in `succession`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from activities._action import Context, performs
from activities.aws.errors import after
from activities.credentials.meant import Meant, refuse_gap, refuse_more
from activities.credentials.proof import Subject
from activities.credentials.reach import dependents
from activities.credentials.succession import Succession, recorded
from activities.providers._provider import Reading
from activities.providers._reading import fingerprint
from activities.sinks._sink import Sink
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome, Preview
from firedoor.plan import Effect
from firedoor.providers import Verb
from firedoor.providers._provider import ByApi
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Create, Created, Rotate, Rotated

#: What is so when a new one is to follow in a breach, by what the provider says to the old one.
SO_FAR = {
    "dead": "{What} is revoked; its consumers have no working one.",
    "live": "{who} was told to revoke {what}, and still accepts it.",
    "unknown": "{who} was told to revoke {what}; whether it refuses it is not known.",
}

REVOKING = "The revocation of {what} was sent."


@performs(Rotate)
def rotate(step: Rotate, context: Context) -> Iterator[Preview | Outcome]:
    """See `Rotate`: the order depends on the mode, and each part looks before it acts."""
    succession = _succession(step, context)
    old, meant = succession.old, succession.meant
    refuse_gap(step, old, meant)
    if not succession.again:
        old.refuse_stranger()
    yield context.earlier or Preview(
        change=f"{old.label}: replaced by {succession.called}, in {_places(succession.sinks)}"
        + ("; revoked first" if step.mode == "breach" else "; revoked last")
        + (f". {meant.spare} is regenerated for that: whoever uses it now stops at once" if meant.spare else ""),
        before=succession.state(),
        after={"name": succession.called, "sinks": [sink.reference for sink in succession.sinks]},
        effect=Effect.DESTRUCTIVE,
        blast={kind: count * (2 if meant.spare else 1) for kind, count in step.blast.items()},
        dependents=tuple(
            one
            for hit in (old.credential, *((meant.slot,) if meant.slot and meant.spare else ()))
            for one in dependents(context.clients, hit)
        ),
    )
    ended = _breach(step, succession, context) if step.mode == "breach" else _rotation(step, succession, context)
    old, new, reading = ended.old, ended.new, ended.reading
    verdict = old.proved(reading, by_value=old.value is not None)
    places, destroyed = tuple(sink.reference for sink in succession.sinks), ended.destroyed
    result = Rotated(old=meant.told(step.credential), new=new, places=places, destroyed=destroyed, state=reading.life)
    yield Outcome(
        summary=f"{old.label[:1].upper()}{old.label[1:]} is replaced by {new.label} in {_places(succession.sinks)}, "
        f"and the old one: {old.api.provider.title} {reading.evidence.says}.",
        result=result.model_dump(mode="json"),
        verdict=verdict,
        changed=True,
        evidence=(*succession.notes, *ended.proofs),
    )


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the old one ended, and what took its place."""

    old: Subject
    new: Credential
    reading: Reading
    proofs: tuple[Evidence, ...]
    destroyed: tuple[str, ...] = ()


def _breach(step: Rotate, succession: Succession, context: Context) -> _Ended:
    """Revoke the old one, prove it dead, then replace it; versions that hold the leak are destroyed at the end.

    A provider may go on accepting for minutes what was revoked. Consumers do not wait for that without a key: the new
    one is made meanwhile, and the proof comes after it, if the old value can still be read for it then.
    """
    old, sent = _revoked(succession, "")
    if old.kind.lag and _outlives(step, succession):
        told = f"{old.api.provider.title} was told to revoke {old.label}; whether it refuses it is not known."
        new = _replaced(succession, told)
        reading, proofs = _proved(old, context, f"{told.partition(';')[0]}; {_places(succession.sinks)} has a new one.")
    else:
        reading, proofs = _proved(old, context, REVOKING.format(what=old.label) if sent else "")
        words = {"who": old.api.provider.title, "what": old.label, "What": old.label[:1].upper() + old.label[1:]}
        new = _replaced(succession, SO_FAR[reading.life].format_map(words))
    return _Ended(old, new, reading, (*sent, *proofs), succession.destroy_old())


def _rotation(step: Rotate, succession: Succession, context: Context) -> _Ended:
    """Replace the old one, give consumers their time, then revoke it and prove it dead."""
    since = None if step.grace and succession.unswitched() else context.since
    new = _replaced(succession, "")
    _wait_for_consumers(step, succession, since)
    so_far = f"The new value is in {_places(succession.sinks)}"
    old, sent = _revoked(succession, f"{so_far}; the old one was not revoked.")
    what = REVOKING.format(what=old.label)
    reading, proofs = _proved(old, context, f"{so_far}. {what}" if sent else f"{so_far}; the old one was not revoked.")
    return _Ended(old, new, reading, (*sent, *proofs))


@performs(Create)
def create(step: Create, context: Context) -> Iterator[Preview | Outcome]:
    """The provider's call, then the sinks: staged, verified, current, read back."""
    succession = _succession(step, context)
    yield context.earlier or Preview(
        change=f"a new {succession.old.api.provider.title} {succession.old.kind.title} {succession.name}, "
        f"into {_places(succession.sinks)}",
        before=succession.state(),
        after={"name": succession.name},
        effect=Effect.REVERSIBLE,
        blast=step.blast,
    )
    new = _replaced(succession, "")
    places = tuple(sink.reference for sink in succession.sinks)
    yield Outcome(
        summary=f"{new.label} was made; its value is in {_places(succession.sinks)}.",
        result=Created(credential=new, places=places).model_dump(mode="json"),
        changed=True,
        evidence=tuple(succession.notes),
    )


def _succession(step: Rotate | Create, context: Context) -> Succession:
    """What is replaced, and where the new value goes. Raises `invalid_arguments` where no place is known."""
    rotates = isinstance(step, Rotate)
    credential = step.credential if isinstance(step, Rotate) else step.like
    references = tuple(dict.fromkeys(step.into or ((credential.where,) if credential.where else ())))
    if not references:
        raise StepError(
            "invalid_arguments",
            f"It is not said where the new value of {credential.label} shall go.",
            next="Give `into`, or the credential's `where`.",
        )
    sinks = tuple(context.clients.sink(one.partition("#")[0] if "#" in one else one) for one in references)
    earlier = context.earlier or context.begun
    before, first, known = recorded(earlier.before) if earlier else ({}, {}, ())
    value = step.value if isinstance(step, Rotate) else ""
    if value in {sink.reference for sink in sinks}:
        # What is there now; after the switch, the version of before.
        credential, value = credential.model_copy(update={"where": value}), ""
    given = _with_old_value(credential, sinks, first)
    seen = {} if earlier else {sink.reference: sink.look() for sink in sinks}
    old = Subject.of(context.clients, given, value, seen)
    if earlier:
        meant = Meant.recorded(old, earlier.before)
    else:
        refuse_more(step, old)
        first = before = {place: held.version for place, held in seen.items()}
        known, meant = _known(old), Meant.of(old, keep=isinstance(step, Rotate) and step.mode == "rotation")
    purpose = f"{'rotate' if rotates else 'create'} {credential.provider} {credential.id} {sorted(first.items())}"
    old, token = replace(old, credential=meant.old), context.lasting_token(purpose)
    succession = Succession(old, sinks, token, before, first, known, meant, earlier is not None)
    return replace(succession, before=succession.rebased()) if earlier and not context.earlier else succession


def _with_old_value(credential: Credential, sinks: Sequence[Sink], before: dict[str, str]) -> Credential:
    """The credential, with the reference to its old value: the version of before, once the place holds another."""
    for sink in sinks:
        version = before.get(sink.reference, "")
        plain = credential.where.partition("#")[0] in {"", sink.reference}
        if sink.store.versions and sink.store.readable and plain and version:
            name, _, options = sink.reference.partition("?")
            where = f"{name}#{version}" + (f"?{options}" if options else "")
            return credential.model_copy(update={"where": where})
        if plain and sink.reference in before and sink.look().version != version:
            # It keeps one value (or had none), and that is the new one already: only by its id can the old one be asked
            # about.
            return credential.model_copy(update={"where": ""})
    if not credential.where and sinks and sinks[0].store.readable:
        return credential.model_copy(update={"where": sinks[0].reference})
    return credential


def _known(old: Subject) -> tuple[str, ...]:
    """Ids that exist already, for providers whose credentials have no names: a new one is told apart by them."""
    told = old.kind.named or old.kind.replacement == "slots"
    if told or not isinstance(old.kind.means(Verb.INVENTORY), ByApi):
        return ()
    return tuple(sorted(one.credential.id for one in old.module.inventory(old.api, old.kind, old.credential.scope)))


def _replaced(succession: Succession, so_far: str) -> Credential:
    """Make (or find) the new one and store it. What failed says what is done already."""
    with after(so_far):
        new, value = succession.new()
        if value is not None:
            succession.store(new, value)
    first = succession.sinks[0].reference
    return new.model_copy(update={"where": first, "fingerprint": fingerprint(value) if value else ""})


def _revoked(succession: Succession, so_far: str) -> tuple[Subject, tuple[Evidence, ...]]:
    """Revoke the old one if it is not dead yet; returns whom to ask about it from then on, and what was answered."""
    old = succession.old
    if _forgotten(old):
        return old, ()
    with after(so_far):
        old, now, _ = old.sure()
        return old, () if now.life == "dead" else (old.module.revoke(old.api, old.credential, old.value),)


def _proved(old: Subject, context: Context, so_far: str) -> tuple[Reading, tuple[Evidence, ...]]:
    """Read until it is dead. What failed says what is done already."""
    if _forgotten(old):
        says = "cannot be asked about it any more: its value is in no place, and its id is not known"
        return Reading("unknown", Evidence(source=f"{old.api.provider.name}:none", says=says)), ()
    with after(so_far):
        return old.dead(context.since, context.aws.settle_seconds)


def _forgotten(old: Subject) -> bool:
    """Is nothing left by which the provider could be asked? A first attempt refuses that (`refuse_stranger`)."""
    return old.value is None and not old.credential.id


def _outlives(step: Rotate, succession: Succession) -> bool:
    """Can the old value still be read when every place has the new one: from elsewhere, or as an earlier version?"""
    old = succession.old
    if old.value is None or old.kind.replacement in {"in_place", "slots"}:
        return False
    where = _bare(step.value or old.credential.where)
    return all(
        sink.store.versions and sink.store.readable for sink in succession.sinks if where in {"", _bare(sink.reference)}
    )


def _bare(reference: str) -> str:
    """A reference without version and options."""
    return reference.partition("?")[0].partition("#")[0]


def _wait_for_consumers(step: Rotate, succession: Succession, since: datetime | None) -> None:
    """Raise `not_yet` until consumers have had their time to fetch the new value.

    `since`: when an earlier attempt began that switched every place, for those that do not tell when they changed.
    """
    if not step.grace:
        return
    switched = succession.switched_at() or since
    passed = (datetime.now(UTC) - switched).total_seconds() if switched else 0.0
    if passed < step.grace:
        raise StepError(
            "not_yet",
            f"Consumers have {step.grace} s to fetch the new value of {succession.old.label}; {passed:.0f} s are over.",
            changed="The new value is in every sink; the old one still works.",
            next="firedoor goes on by itself.",
        )


def _places(sinks: Sequence[Sink]) -> str:
    return ", ".join(sink.reference for sink in sinks)
