"""`credential.rotate` and `credential.create`: from one credential to the next, through any number of sinks.

Whatever is interrupted is continued, because every part looks before it acts: the name of the new credential and the
token of its stored value are the same in all attempts. What an attempt made whose answer was lost has that name, and
its value is in no sink: it is deleted, and another one made.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import SecretStr

from activities._action import Context, performs
from activities.credentials.proof import Subject
from activities.credentials.reach import dependents
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

SUFFIX = "-fd"


@dataclass(frozen=True, slots=True)
class Succession:
    """The old credential, the sinks, and what names the new one in every attempt. `before` has each sink's version.

    `again`: an earlier attempt may have made and stored something. Its intent was durable before it acted, so that a
    first attempt need not look: looking means listing, and listing for each of a thousand keys would use up the limits.
    """

    old: Subject
    sinks: tuple[Sink, ...]
    token: str
    before: dict[str, str]
    known: tuple[str, ...]
    again: bool
    notes: list[Evidence] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The new one's name at the provider: the old one's, with an end that only this rotation gives."""
        base = self.old.credential.name.rpartition(SUFFIX)[0] or self.old.credential.name or "firedoor"
        letters = "".join(one if one.isalnum() or one in "-_" else "-" for one in base)[:40]
        return f"{letters}{SUFFIX}{self.token.replace('-', '')[:10]}"

    def new(self) -> tuple[Credential, SecretStr | None]:
        """The new credential: the one that an earlier attempt stored, the one that a person put there, or a new one.

        Without its value where an earlier attempt wrote it into every sink, and none of them shows values.
        """
        if self.again and all(sink.look().token == self.token for sink in self.sinks):
            found = self.old.module.made(self.old.api, self.old.credential, self.name, self.known)
            if len(found) == 1:
                return found[0], None
        stored = self._stored() if self.again else None
        if stored is not None:
            return self._identified(stored), stored
        pasted = self._pasted()
        if pasted is not None:
            return self._anonymous(pasted), pasted
        module, api, like = self.old.module, self.old.api, self.old.credential
        if self.again and isinstance(self.old.kind.means(Verb.CREATE), ByApi):
            for orphan in module.made(api, like, self.name, self.known):
                self.notes.append(module.delete(api, orphan))
        made = module.create(api, like, self.name)
        return made.credential, made.value

    def store(self, new: Credential, value: SecretStr) -> None:
        """Stage it everywhere, verify it, make it current everywhere. Raises `sink_refused` where one does not hold it.

        While consumers have not seen it, a refusal takes everything back: nothing is left but the old state.
        """
        takers: list[Sink] = []
        try:
            takers += [sink for sink in self.sinks if not self._has(sink, value)]
            for sink in takers:
                sink.stage(value, self.token, self.before[sink.reference])
            self._accepted(new, value)
        except StepError as error:
            if not error.retryable:
                self._take_back(new, error)
            raise
        held: list[str] = [sink.reference for sink in self.sinks if sink not in takers]
        for sink in takers:
            try:
                self.notes.append(sink.promote(value, self.token, self.before[sink.reference]))
            except StepError as error:
                if error.retryable:
                    raise
                if not held:
                    self._take_back(new, error)
                    raise
                raise self._half(held, sink, error) from error
            held.append(sink.reference)

    def destroy_old(self) -> tuple[str, ...]:
        """Destroy the versions that hold the leak, where the store keeps any."""
        destroyed: list[str] = []
        for sink in self.sinks:
            evidence = sink.destroy(sink.look().version)
            if evidence is not None:
                self.notes.append(evidence)
                destroyed.append(sink.reference)
        return tuple(destroyed)

    def switched_at(self) -> datetime | None:
        """When the last of the sinks got the new value, as far as they tell."""
        moments = [held.changed for sink in self.sinks if (held := sink.look()).changed]
        return max(moments, default=None)

    def _has(self, sink: Sink, value: SecretStr) -> bool:
        """Did a person put the value there already?"""
        held = sink.look()
        theirs = held.version not in {"", self.before[sink.reference]} and held.value == value
        return theirs and sink.held(self.token, self.before[sink.reference]) is None

    def _stored(self) -> SecretStr | None:
        found = (sink.held(self.token, self.before[sink.reference]) for sink in self.sinks)
        return next((value for value in found if value is not None), None)

    def _pasted(self) -> SecretStr | None:
        """A value that a person put into a sink, for a provider that cannot create: new, and alive."""
        if isinstance(self.old.kind.means(Verb.CREATE), ByApi):
            return None
        for sink in self.sinks:
            held = sink.look()
            if held.value is None or held.version == self.before[sink.reference]:
                continue
            if self.old.value is None or held.value != self.old.value:
                return held.value
        return None

    def _identified(self, value: SecretStr) -> Credential:
        """The credential of a stored value: the one with our name."""
        found = self.old.module.made(self.old.api, self.old.credential, self.name, self.known)
        if len(found) == 1:
            return found[0].model_copy(update={"fingerprint": fingerprint(value)})
        return self._anonymous(value)

    def _anonymous(self, value: SecretStr) -> Credential:
        like = self.old.credential
        return Credential(
            provider=like.provider, kind=like.kind, scope=like.scope, name=like.name, fingerprint=fingerprint(value)
        )

    def _accepted(self, new: Credential, value: SecretStr) -> None:
        """The provider must accept the new value before any consumer gets it."""
        by_value = isinstance(self.old.kind.means(Verb.VERIFY), ByApi)
        reading = (
            self.old.module.verify(self.old.api, new, value) if by_value else self.old.module.look(self.old.api, new)
        )
        self.notes.append(reading.evidence)
        if reading.life == "live":
            return
        raise StepError(
            "not_stable" if reading.life == "unknown" else "busy",
            f"{self.old.api.provider.title} does not accept the new value of {self.name} yet: {reading.evidence.says}.",
            changed="It is stored where consumers do not see it.",
            next="firedoor tries again by itself.",
        )

    def _take_back(self, new: Credential, error: StepError) -> None:
        """Nobody has the new value: discard it, and delete what firedoor made."""
        for sink in self.sinks:
            # The sink that refused may be gone; what is staged elsewhere must not stay for that.
            with suppress(StepError):
                sink.discard(self.token)
        if isinstance(self.old.kind.means(Verb.CREATE), ByApi):
            error.changed = f"The new credential {new.label} was made, is used nowhere, and may still exist: delete it."
            with suppress(StepError):
                self.old.module.delete(self.old.api, new)
                error.changed = f"The new credential {new.label} was deleted again; every sink keeps its value."

    def _half(self, held: Sequence[str], sink: Sink, error: StepError) -> StepError:
        left = [one.reference for one in self.sinks if one.reference not in held]
        return StepError(
            "sink_refused",
            f"{sink.reference} does not take the new value: {error.what}",
            changed=f"{', '.join(held)} has it; {', '.join(left)} does not. The new credential exists and works.",
            next=f"{error.next} Then retry the step: it goes on with the same new value.",
        )


@performs(Rotate)
def rotate(step: Rotate, context: Context) -> Iterator[Preview | Outcome]:
    """See `Rotate`: the order depends on the mode, and each part looks before it acts."""
    succession = _succession(step.credential, step.into, step.value, context, "rotate")
    old = succession.old
    _refuse_gap(step, old)
    yield context.earlier or Preview(
        change=f"{old.label}: replaced by {succession.name}, in {_places(succession.sinks)}"
        + ("; revoked first" if step.mode == "breach" else "; revoked last"),
        before={"sinks": succession.before, "known": list(succession.known)},
        after={"name": succession.name, "sinks": [sink.reference for sink in succession.sinks]},
        effect=Effect.DESTRUCTIVE,
        blast=step.blast,
        dependents=dependents(context.clients, step.credential),
    )
    proofs: tuple[Evidence, ...] = ()
    if step.mode == "breach":
        reading, proofs = _revoked(old, context)
        new = _replaced(succession, f"{old.label} is revoked; its consumers have no working one.")
        destroyed = succession.destroy_old()
    else:
        new = _replaced(succession, "")
        _wait_for_consumers(step, succession)
        reading, proofs = _revoked(old, context)
        destroyed = ()
    verdict = old.proved(reading, by_value=old.value is not None)
    places = tuple(sink.reference for sink in succession.sinks)
    result = Rotated(old=step.credential, new=new, places=places, destroyed=destroyed, state=reading.life)
    yield Outcome(
        summary=f"{old.label[:1].upper()}{old.label[1:]} is replaced by {new.label} in {_places(succession.sinks)}, "
        f"and the old one: {old.api.provider.title} {reading.evidence.says}.",
        result=result.model_dump(mode="json"),
        verdict=verdict,
        changed=True,
        evidence=(*succession.notes, *proofs),
    )


@performs(Create)
def create(step: Create, context: Context) -> Iterator[Preview | Outcome]:
    """The provider's call, then the sinks: staged, verified, current, read back."""
    succession = _succession(step.like, step.into, "", context, "create")
    yield context.earlier or Preview(
        change=f"a new {succession.old.api.provider.title} {succession.old.kind.title} {succession.name}, "
        f"into {_places(succession.sinks)}",
        before={"sinks": succession.before, "known": list(succession.known)},
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


def _succession(credential: Credential, into: Sequence[str], value: str, context: Context, purpose: str) -> Succession:
    """What is replaced, and where the new value goes. Raises `invalid_arguments` where no place is known."""
    references = tuple(dict.fromkeys(into or ((credential.where,) if credential.where else ())))
    if not references:
        raise StepError(
            "invalid_arguments",
            f"It is not said where the new value of {credential.label} shall go.",
            next="Give `into`, or the credential's `where`.",
        )
    sinks = tuple(context.clients.sink(one.partition("#")[0] if "#" in one else one) for one in references)
    if context.earlier:
        before = {str(name): str(version) for name, version in context.earlier.before["sinks"].items()}
        known = tuple(str(one) for one in context.earlier.before["known"])
    else:
        before, known = {}, ()
    old = Subject.of(context.clients, _with_old_value(credential, sinks, before), value)
    if not context.earlier:
        before = {sink.reference: sink.look().version for sink in sinks}
        known = _known(old)
    token = context.lasting_token(f"{purpose} {credential.provider} {credential.id} {sorted(before.items())}")
    return Succession(old, sinks, token, before, known, context.earlier is not None)


def _with_old_value(credential: Credential, sinks: Sequence[Sink], before: dict[str, str]) -> Credential:
    """The credential, with the reference to its old value: the version of before, once the place holds another."""
    for sink in sinks:
        version = before.get(sink.reference, "")
        plain = credential.where.partition("#")[0] in {"", sink.reference}
        if sink.store.versions and sink.store.readable and plain and version:
            name, _, options = sink.reference.partition("?")
            where = f"{name}#{version}" + (f"?{options}" if options else "")
            return credential.model_copy(update={"where": where})
        if plain and version and sink.look().version != version:
            # It keeps one value, and that is the new one already: by its id only the old one can be asked about.
            return credential.model_copy(update={"where": ""})
    if not credential.where and sinks and sinks[0].store.readable:
        return credential.model_copy(update={"where": sinks[0].reference})
    return credential


def _known(old: Subject) -> tuple[str, ...]:
    """Ids that exist already, for providers whose credentials have no names: a new one is told apart by them."""
    if old.kind.named or not isinstance(old.kind.means(Verb.INVENTORY), ByApi):
        return ()
    return tuple(sorted(one.credential.id for one in old.module.inventory(old.api, old.kind, old.credential.scope)))


def _replaced(succession: Succession, so_far: str) -> Credential:
    """Make (or find) the new one and store it. What failed says what is done already."""
    with _after(so_far):
        new, value = succession.new()
        if value is not None:
            succession.store(new, value)
    first = succession.sinks[0].reference
    return new.model_copy(update={"where": first, "fingerprint": fingerprint(value) if value else ""})


@contextmanager
def _after(so_far: str) -> Generator[None]:
    """Make an error that says that nothing was changed say what is done already."""
    try:
        yield
    except StepError as error:
        if so_far:
            rest = "" if error.changed == "Nothing was changed." else error.changed
            error.changed = f"{so_far} {rest}".strip()
        raise


def _revoked(old: Subject, context: Context) -> tuple[Reading, tuple[Evidence, ...]]:
    """Revoke the old one if it is not dead yet, and read until it is."""
    now, _ = old.read()
    sent: tuple[Evidence, ...] = ()
    if now.life != "dead":
        sent = (old.module.revoke(old.api, old.credential, old.value),)
    reading, proofs = old.dead(context.since, context.aws.settle_seconds)
    return reading, (*sent, *proofs)


def _wait_for_consumers(step: Rotate, succession: Succession) -> None:
    """Raise `not_yet` until consumers have had their time to fetch the new value."""
    switched = succession.switched_at()
    passed = (datetime.now(UTC) - switched).total_seconds() if switched else step.grace
    if passed < step.grace:
        raise StepError(
            "not_yet",
            f"Consumers have {step.grace} s to fetch the new value of {succession.old.label}; {passed:.0f} s are over.",
            changed="The new value is in every sink; the old one still works.",
            next="firedoor goes on by itself.",
        )


def _refuse_gap(step: Rotate, old: Subject) -> None:
    if step.mode == "rotation" and old.kind.replacement == "in_place" and not step.gap:
        raise StepError(
            "conflict",
            f"{old.api.provider.title} can replace {old.label} only in place: for seconds no value works.",
            next="Say `gap: true` if that is all right, or use mode breach.",
        )


def _places(sinks: Sequence[Sink]) -> str:
    return ", ".join(sink.reference for sink in sinks)
