"""Which credential is meant, where the step does not say all of it: what the provider would forget, and which slot.

Found before anything is changed, and recorded with the intent: a later attempt would ask a provider that has forgotten
it, or whose slots hold other values by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from activities.credentials.proof import Subject
from activities.providers._reading import fingerprint
from firedoor.errors import StepError
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Create, Found, Rotate

#: What is recorded of a credential; where its value is read differs between attempts.
FACTS = ("provider", "kind", "id", "scope", "name", "owner", "fingerprint")


@dataclass(frozen=True, slots=True)
class Meant:
    """The credential that is replaced; for slots, the one that takes the new value.

    `fingerprint` of both is of what they held before the first attempt: only a slot that still holds it is regenerated.
    """

    old: Credential
    slot: Credential | None = None

    @classmethod
    def of(cls, subject: Subject, *, keep: bool) -> "Meant":
        """Ask the provider. `keep`: the old one must go on working until the new one is in use. Raises `StepError`."""
        if subject.kind.replacement != "slots":
            return cls(_completed(subject))
        found = _slots(subject)
        old = _slot(subject, found)
        now = next(one for one in found if one.id == old.id)
        if not now.fingerprint:
            raise StepError(
                "conflict",
                f"{subject.api.provider.title} does not show what is in {old.id}, because it is switched off: nothing "
                "accepts it, and it cannot be replaced.",
                next="Switch it on first, if anybody still needs it.",
            )
        if subject.value is None:
            # A fingerprint of long ago does not tell what is there now.
            old = old.model_copy(update={"fingerprint": now.fingerprint})
        lives = old.fingerprint == now.fingerprint
        others = [one for one in found if one.id != old.id]
        return cls(old, others[0] if keep and lives and others else old)

    @classmethod
    def recorded(cls, subject: Subject, before: Mapping[str, Any]) -> "Meant":
        """As the first attempt found it."""
        old = restored(subject, before.get("old", {})).credential
        return cls(old, Credential.model_validate(before["slot"]) if before.get("slot") else None)

    def record(self, subject: Subject) -> dict[str, Any]:
        """What goes into the intent: nothing where the step itself says all."""
        if not self.slot and not subject.kind.needs:
            return {}
        return {"old": _facts(self.old), **({"slot": _facts(self.slot)} if self.slot else {})}

    def told(self, credential: Credential) -> Credential:
        """The old one as a result says it: what the step said, and what was found out."""
        return credential.model_copy(update={name: getattr(self.old, name) for name in FACTS})

    @property
    def spare(self) -> str:
        """The slot that is taken beside the old one, whoever uses it now; empty for none."""
        return self.slot.id if self.slot and self.slot.id != self.old.id else ""


def refuse_gap(step: Rotate, old: Subject, meant: Meant) -> None:
    """Raise `conflict` where mode rotation would stop somebody, and the step does not say that this is all right."""
    title, spare = old.api.provider.title, meant.spare
    if step.mode != "rotation" or step.gap:
        return
    if old.kind.replacement == "in_place":
        raise StepError(
            "conflict",
            f"{title} can replace {old.label} only in place: for seconds no value works.",
            next="Say `gap: true` if that is all right, or use mode breach.",
        )
    if spare:
        raise StepError(
            "conflict",
            f"{title} can replace {old.label} without an outage only by regenerating {spare}, and whoever uses {spare} "
            f"now stops at once. {title} does not tell who that is.",
            next=f"Say `gap: true` if nobody uses {spare}. Mode breach leaves it alone: {old.credential.id} itself "
            "gets a new value, and for seconds its consumers have none.",
        )


def refuse_more(step: Rotate | Create, old: Subject) -> None:
    """Raise `conflict` where one more shall be made of what there is a fixed number of."""
    if isinstance(step, Create) and old.kind.replacement == "slots":
        raise StepError(
            "conflict",
            f"{old.api.provider.title} has a fixed number of {old.kind.title}s, and all are there: none can be made "
            "beside them.",
            next="Replace one: `credential.rotate`.",
        )


def pinned(subject: Subject, before: Mapping[str, Any] | None) -> Subject:
    """The subject with the slot that holds its value, now or as the first attempt recorded it; others as they are."""
    if subject.kind.replacement != "slots":
        return subject
    if before is not None:
        return restored(subject, before)
    return replace(subject, credential=_slot(subject, _slots(subject)))


def held(subject: Subject) -> Subject:
    """As `pinned`, where only the id of a slot is known; as it is where firedoor may not see what a slot holds."""
    if subject.value is not None or subject.credential.fingerprint or not subject.credential.id:
        return subject
    try:
        return pinned(subject, None)
    except StepError as error:
        if error.retryable:
            raise
        return subject


def restored(subject: Subject, facts: Mapping[str, Any]) -> Subject:
    """The subject with what was recorded of it."""
    known = {name: str(facts[name]) for name in FACTS if facts.get(name)}
    return replace(subject, credential=subject.credential.model_copy(update=known))


def _facts(credential: Credential) -> dict[str, str]:
    return {name: value for name in FACTS if (value := str(getattr(credential, name)))}


def _completed(subject: Subject) -> Credential:
    """With what a new one cannot be made without. Raises where nobody tells it: nothing is revoked then."""
    credential, title = subject.credential, subject.api.provider.title
    lacking = [name for name in subject.kind.needs if not getattr(credential, name)]
    if not lacking:
        return credential
    listed = subject.module.inventory(subject.api, subject.kind, credential.scope) if credential.id else ()
    found = next((one.credential for one in listed if one.credential.id == credential.id), None)
    told: dict[str, str] = {name: getattr(found, name, "") for name in lacking}
    if all(told.values()):
        return credential.model_copy(update=told)
    missing = " and ".join(f"`{name}`" for name, value in told.items() if not value)
    why = "does not tell" if found else f"lists no {subject.kind.title} {credential.label}, and so does not tell"
    raise StepError(
        "invalid_arguments" if found else "not_found",
        f"{title} {why} {missing}, without which no new one can be made.",
        next=f"Say {missing} of the credential, in the step or in the inventory.",
    )


def _slots(subject: Subject) -> Sequence[Credential]:
    """All slots of the scope that the credential is in, with the fingerprints of what they hold."""
    credential = subject.credential
    scope = credential.scope or credential.id.rpartition("/")[0]
    if not scope:
        raise StepError(
            "invalid_arguments",
            f"It is not said where {subject.label} is: nothing was sent.",
            next=f"Give its id, or as `scope` {subject.kind.scope}.",
        )
    found: Sequence[Found] = subject.module.inventory(subject.api, subject.kind, scope)
    return [one.credential for one in found]


def _slot(subject: Subject, found: Sequence[Credential]) -> Credential:
    """The slot that holds the value, else the one with the id. Raises `conflict` where those are two."""
    credential, title = subject.credential, subject.api.provider.title
    value = fingerprint(subject.value) if subject.value else ""
    sought = value or credential.fingerprint
    holder = next((one for one in found if sought and one.fingerprint == sought), None)
    named = next((one for one in found if one.id == credential.id), None)
    if holder and credential.id and holder.id != credential.id:
        raise StepError(
            "conflict",
            f"The value that is meant is in {holder.id}, not in {credential.id}.",
            next="Correct the id, or say by `value` or `where` which value is meant.",
        )
    if not holder and not named:
        raise StepError(
            "not_found",
            f"{title} has no slot {credential.id}."
            if credential.id
            else f"No slot of {credential.scope} at {title} holds the value that is meant (any more).",
            next=f"It has {', '.join(one.id for one in found) or 'none'}: say which one by its id.",
        )
    told = holder or named or credential
    facts = {"id": told.id, "scope": told.scope, "fingerprint": sought or told.fingerprint}
    return credential.model_copy(update=facts)
