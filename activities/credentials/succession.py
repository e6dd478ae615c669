"""From one credential to the next, through any number of sinks: what a rotation makes, finds again, stores, takes back.

Whatever is interrupted is continued, because every part looks before it acts: the name of the new credential and the
token of its stored value are the same in all attempts, also when a person has a failed step tried again. What an
attempt made whose answer was lost has that name, and its value is in no sink: it is deleted, and another one made. Of
a fixed number of slots none is made and none deleted: what a lost answer regenerated is read back (`meant`).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from activities.credentials.meant import Meant
from activities.credentials.proof import Subject
from activities.providers._provider import by_hand
from activities.providers._reading import fingerprint
from activities.sinks._sink import Sink
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers import Verb
from firedoor.providers._provider import ByApi
from firedoor.steps._step import Credential

SUFFIX = "-fd"


@dataclass(frozen=True, slots=True)
class Succession:
    """The old credential, the sinks, and what names the new one in every attempt. `before` has each sink's version.

    `meant` is what was found out of the old one before anything was changed.

    `again`: an earlier attempt may have made and stored something. Its intent was durable before it acted, so that a
    first attempt need not look: looking means listing, and listing for each of a thousand keys would use up the limits.
    `first` has the versions from before the very first attempt, where the old value is, if a store keeps versions.
    """

    old: Subject
    sinks: tuple[Sink, ...]
    token: str
    before: dict[str, str]
    first: dict[str, str]
    known: tuple[str, ...]
    meant: Meant
    again: bool
    notes: list[Evidence] = field(default_factory=list)

    @property
    def like(self) -> Credential:
        """What the provider is given to make a new one."""
        return self.meant.slot or self.old.credential

    @property
    def called(self) -> str:
        """What a person calls the new one."""
        return self.meant.slot.id if self.meant.slot else self.name

    @property
    def name(self) -> str:
        """The new one's name at the provider: the old one's, with an end that only this rotation gives."""
        base = self.old.credential.name.rpartition(SUFFIX)[0] or self.old.credential.name or "firedoor"
        letters = "".join(one if one.isalnum() or one in "-_" else "-" for one in base)[:40]
        return f"{letters}{SUFFIX}{self.token.replace('-', '')[:10]}"

    @property
    def made_by_api(self) -> bool:
        """Does firedoor make the new one, or a person?"""
        return isinstance(self.old.kind.means(Verb.CREATE), ByApi)

    def state(self) -> dict[str, Any]:
        """The state before, as a preview records it and `recorded` reads it."""
        moved = {"first": self.first} if self.first != self.before else {}
        return {"sinks": self.before, "known": list(self.known), **moved, **self.meant.record(self.old)}

    def new(self) -> tuple[Credential, SecretStr | None]:
        """The new credential: the one that an earlier attempt stored, the one that a person put there, or a new one.

        Without its value where it is in every sink, and none of them shows values.
        """
        if self.again and all(sink.look().token == self.token for sink in self.sinks):
            found = self._made()
            if len(found) == 1:
                return found[0], None
        stored = self._stored() if self.again else None
        if stored is not None:
            return self._identified(stored), stored
        if not self.made_by_api:
            return self._given()
        if self.again and not self.meant.slot and not self.old.kind.repeatable:
            for orphan in self._made():
                self.notes.append(self.old.module.delete(self.old.api, orphan))
        return self._create()

    def store(self, new: Credential, value: SecretStr) -> None:
        """Stage it everywhere, verify it, make it current everywhere. Raises `sink_refused` where one does not hold it.

        While consumers have not seen it, a refusal takes everything back: nothing is left but the old state.
        """
        takers: list[Sink] = []
        try:
            takers += [sink for sink in self.sinks if not self._has(sink, value)] if self._may_have else self.sinks
            for sink in takers:
                sink.stage(value, self.token, self.before[sink.reference])
            self._accepted(new, value)
        except StepError as error:
            if not error.retryable:
                self._take_back(new, error)
            raise
        held: list[str] = [sink.reference for sink in self.sinks if sink not in takers]
        # Those that show values come first: whoever goes on after a crash finds the value there, and makes no other.
        for sink in sorted(takers, key=lambda one: not one.store.readable):
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

    def unswitched(self) -> bool:
        """Does any place still hold what it held, so that consumers get the new value only from now on?"""
        return any(sink.look().version == self.before[sink.reference] for sink in self.sinks)

    def switched_at(self) -> datetime | None:
        """When the last of the sinks got the new value; None where one does not tell."""
        moments = [sink.look().changed for sink in self.sinks]
        return max((one for one in moments if one), default=None) if all(moments) else None

    def rebased(self) -> dict[str, str]:
        """The versions to replace when a person has the step tried again: whoever changed a place, has been looked at.

        What we wrote ourselves replaces what was there before us. What a person stored is the new value itself.
        """
        if not self.made_by_api:
            return self.before
        found = {sink.reference: sink.look() for sink in self.sinks}
        return {
            sink.reference: self.before[sink.reference]
            if found[sink.reference].token == self.token or sink.held(self.token, self.before[sink.reference])
            else found[sink.reference].version
            for sink in self.sinks
        }

    def _made(self) -> Sequence[Credential]:
        return self.old.module.made(self.old.api, self.like, self.name, self.known)

    def _create(self) -> tuple[Credential, SecretStr]:
        made = self.old.module.create(self.old.api, self.like, self.name)
        return made.credential, made.value

    @property
    def _may_have(self) -> bool:
        """May anybody else have the value yet? Not while what made it is this attempt."""
        return self.again or not self.made_by_api

    def _has(self, sink: Sink, value: SecretStr) -> bool:
        """Did a person put the value there already?"""
        held = sink.look()
        theirs = held.version not in {"", self.before[sink.reference]} and held.value == value
        return theirs and sink.held(self.token, self.before[sink.reference]) is None

    def _stored(self) -> SecretStr | None:
        found = (sink.held(self.token, self.before[sink.reference]) for sink in self.sinks)
        return next((value for value in found if value is not None), None)

    def _given(self) -> tuple[Credential, SecretStr | None]:
        """What a person put into the sinks, where no API creates. Raises `needs_person` until they have."""
        value = self._pasted()
        if value is not None:
            return self._anonymous(value), value
        held = [(sink, sink.look()) for sink in self.sinks]
        if all(not sink.store.readable and one.version not in {"", self.before[sink.reference]} for sink, one in held):
            for sink, one in held:
                says = f"{sink.reference} was changed by a person ({one.version}); the value is never shown"
                self.notes.append(Evidence(source=sink.reference, says=says))
            return self._anonymous(None), None
        return self._create()

    def _pasted(self) -> SecretStr | None:
        """A value that a person put into a sink: new, and not the old one."""
        for sink in self.sinks:
            held = sink.look()
            if held.value is None or held.version == self.before[sink.reference]:
                continue
            if self.old.value is None or held.value != self.old.value:
                return held.value
        return None

    def _identified(self, value: SecretStr) -> Credential:
        """The credential of a stored value: the one with our name."""
        found = self._made()
        if len(found) == 1:
            return found[0].model_copy(update={"fingerprint": fingerprint(value)})
        return self._anonymous(value)

    def _anonymous(self, value: SecretStr | None) -> Credential:
        like = self.old.credential
        print_ = fingerprint(value) if value else ""
        return Credential(provider=like.provider, kind=like.kind, scope=like.scope, name=like.name, fingerprint=print_)

    def _accepted(self, new: Credential, value: SecretStr) -> None:
        """The provider must accept the new value before any consumer gets it."""
        by_value = isinstance(self.old.kind.means(Verb.VERIFY), ByApi)
        reading = (
            self.old.module.verify(self.old.api, new, value) if by_value else self.old.module.look(self.old.api, new)
        )
        self.notes.append(reading.evidence)
        if reading.life == "live":
            return
        if reading.life == "dead" and not self.made_by_api:
            self._ask_again(reading.evidence)
        title = self.old.api.provider.title
        raise StepError(
            "not_stable" if reading.life == "unknown" else "busy",
            f"{title} does not accept the new value of {self.called} yet: {reading.evidence.says}.",
            changed="It is stored where consumers do not see it."
            if self.made_by_api
            else "It is where it was put; the old one was not touched since.",
            next="firedoor tries again by itself.",
        )

    def _ask_again(self, evidence: Evidence) -> None:
        """Raise `needs_person`: what a person put there is no value that the provider accepts."""
        try:
            by_hand(self.old.api, self.old.credential, Verb.CREATE)
        except StepError as error:
            error.what = f"{self.old.api.provider.title} refuses the value that was put there: it {evidence.says}."
            error.changed = "The value is where it was put, and consumers who fetch it get it."
            raise

    def _take_back(self, new: Credential, error: StepError) -> None:
        """Nobody has the new value: discard it, and delete what firedoor made."""
        for sink in self.sinks:
            # The sink that refused may be gone; what is staged elsewhere must not stay for that.
            with suppress(StepError):
                sink.discard(self.token)
        if self.meant.slot:
            error.changed = f"{self.called} holds a new value, which no sink has; every sink keeps its value."
        elif self.made_by_api:
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


def recorded(before: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """What `Succession.state` said: the versions to replace, those from before everything, the ids that were known."""
    now = {str(name): str(version) for name, version in before["sinks"].items()}
    first = {str(name): str(version) for name, version in before.get("first", now).items()}
    return now, first, tuple(str(one) for one in before["known"])
