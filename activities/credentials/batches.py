"""`credential.revoke_values`: many leaked values, revoked with few calls, each proved dead by its own next one.

What is looked at first is the list, and what earlier rounds have proved. No value is tried before it is revoked: that
would cost as many calls as the proof, out of limits that are tight. A revocation that is repeated after a crash changes
nothing, so it is sent again, of exactly the values with which it was begun.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from activities._action import Context, performs
from activities._clients import Clients
from activities._http import ProviderError
from activities.aws.errors import after
from activities.credentials.proof import PAUSE
from activities.credentials.reach import dependents_of_any
from activities.providers._provider import Api, BatchModule, ProviderModule, Reading
from activities.providers._reading import fingerprint
from firedoor.canonical import digest_of
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import RevokedValues, RevokeValues
from firedoor.timeline.entry import Kind as EntryKind
from firedoor.words import plural

#: More are several steps: their proofs alone would take longer than a step may.
MOST = 5000
#: As many lines, or fingerprints, stand in a sentence.
NAMED = 10
#: As many fingerprints stand in the intent, in which there is not room for all; a digest stands for the whole list.
SHOWN = 500
#: The statuses with which a provider takes nothing of a batch because of one value in it.
WHOLE = frozenset({400, 413, 422})
#: So often is a batch halved to find it: enough for two among a thousand, and no more calls than GitHub takes an hour.
SPLITS = 20
#: After so many answers in a row that do not tell, the others are not asked: the provider has had enough.
SILENT = 20
#: How the source of a reading ends for which no call was made.
UNASKED = ":none"
#: The proofs of one attempt end after so long, well within the step's time-out. Seconds.
PROVING = 1500.0

#: Fingerprint → value, in the order of the list.
Values = Mapping[str, SecretStr]


@dataclass
class Batch:
    """Values of one kind at one provider; what was sent so far, and which values it did not take."""

    module: ProviderModule
    api: Api
    kind: Kind
    values: Values
    #: Those that were refused in an earlier round: they are neither sent nor tried again.
    proved: frozenset[str]
    evidence: list[Evidence] = field(default_factory=list)
    sent: int = 0
    not_taken: list[str] = field(default_factory=list)
    splits: int = SPLITS

    @property
    def label(self) -> str:
        """What a person calls them."""
        return f"{plural(len(self.values), 'values')} ({self.api.provider.title} {self.kind.title})"

    @property
    def credentials(self) -> list[Credential]:
        """Each as a credential, known by nothing but its fingerprint."""
        return [self.credential(one) for one in self.values]

    def credential(self, mark: str) -> Credential:
        """One of them."""
        return Credential(provider=self.api.provider.name, kind=self.kind.name, fingerprint=mark)

    @property
    def open(self) -> list[str]:
        """The fingerprints of those that are to be revoked and proved."""
        return [mark for mark in self.values if mark not in self.proved]

    def state(self) -> dict[str, object]:
        """What makes it this list and no other."""
        marks = sorted(self.values)
        names = {"provider": self.api.provider.name, "kind": self.kind.name}
        return {**names, "count": len(marks), "list": digest_of(marks), "fingerprints": marks[:SHOWN]}

    def revoke(self) -> None:
        """Send them all. Raises `StepError`, which says how many were taken before."""
        marks = self.open
        for start in range(0, len(marks), self.kind.batch):
            self._send(marks[start : start + self.kind.batch])

    def _send(self, marks: Sequence[str]) -> None:
        """Send some with one call; in halves where the provider takes none of them because of one."""
        if not isinstance(self.module, BatchModule):
            raise TypeError(f"{self.api.provider.name} has batches, and no revoke_values")
        try:
            with after(self.so_far):
                evidence = self.module.revoke_values(self.api, self.kind, [self.values[mark] for mark in marks])
        except ProviderError as error:
            if error.status not in WHOLE:
                raise
            self._halve(marks, error)
            return
        self.evidence.append(evidence)
        self.sent += len(marks)

    def _halve(self, marks: Sequence[str], error: ProviderError) -> None:
        if len(marks) == 1:
            self.not_taken += marks
            return
        if not self.splits:
            raise StepError(
                "invalid_arguments",
                f"{self.api.provider.title} takes no list in which a value is none of its own, and there are too many "
                f"of those in this one to find them by halves. {error.what}",
                changed=self.so_far or "Nothing was changed.",
                next="Let a scanner keep only what it has verified, or give the list in parts. What was taken is dead, "
                "and may be given again.",
            )
        self.splits -= 1
        middle = len(marks) // 2
        self._send(marks[:middle])
        self._send(marks[middle:])

    @property
    def so_far(self) -> str:
        """What was changed when a call fails; empty: nothing yet."""
        return f"{self.api.provider.title} took {self.sent:,} of {self.label} for revocation." if self.sent else ""

    def proofs(self, settle_seconds: float) -> dict[str, Reading]:
        """Each value's own answer; those that were not asked are left out.

        One that is still accepted is asked again within the settle window, where the provider does not mind.
        """
        began = time.monotonic()
        readings: dict[str, Reading] = {}
        pending = self.open
        while True:
            readings |= self._asked(pending, until=began + PROVING)
            pending = [mark for mark in pending if mark in readings and readings[mark].life == "live"]
            if not pending or not self.kind.polled or time.monotonic() - began >= settle_seconds:
                return readings
            time.sleep(min(PAUSE, max(0.01, settle_seconds / 5)))

    def _asked(self, marks: Sequence[str], until: float) -> dict[str, Reading]:
        readings: dict[str, Reading] = {}
        silent = 0
        for mark in marks:
            if silent >= SILENT or time.monotonic() >= until:
                break
            readings[mark] = self._reading(mark)
            if not readings[mark].evidence.source.endswith(UNASKED):
                silent = silent + 1 if readings[mark].life == "unknown" else 0
        return readings

    def _reading(self, mark: str) -> Reading:
        try:
            return self.module.verify(self.api, self.credential(mark), self.values[mark])
        except StepError as error:
            # One that could not be asked (its turn would come too late) must not hide what the others answered.
            source = f"{self.api.provider.name}:verify"
            return Reading("unknown", Evidence(source=source, says=f"could not be asked: {error.reason}"))


@performs(RevokeValues)
def revoke_values(step: RevokeValues, context: Context) -> Iterator[Preview | Outcome]:
    """The provider's revocation of many, then each value's own try."""
    module, api = context.clients.provider(step.provider)
    kind = api.provider.kind(step.kind)
    batch = Batch(module, api, kind, _listed(context.clients, step.values, api, kind), _proved(context))
    if context.earlier:
        _refuse_another_list(batch, context.earlier.before)
    yield context.earlier or Preview(
        change=f"{batch.label}: revoked for good",
        before=batch.state(),
        after={"provider": step.provider, "kind": kind.name, "revoked": len(batch.values)},
        effect=Effect.DESTRUCTIVE,
        blast={"credentials": len(batch.values)},
        dependents=dependents_of_any(context.clients, batch.credentials, "one of them"),
    )
    batch.revoke()
    readings = batch.proofs(context.aws.settle_seconds)
    result = _result(batch, readings)
    yield Outcome(
        summary=_sentence(batch, result),
        result=result.model_dump(mode="json"),
        verdict=_verdict(result),
        changed=batch.sent > 0,
        evidence=(*batch.evidence, *_counted(readings), *_before(batch)),
    )


def _proved(context: Context) -> frozenset[str]:
    """The fingerprints that earlier rounds of this step have proved dead: what is revoked for good stays so.

    Without them the provider's limit would end each round at the same value.
    """
    proved: set[str] = set()
    own = (context.run, context.call.step, context.target.key)
    for stored in context.timeline.entries(incident=context.call.incident) if context.timeline else ():
        cause, key = stored.entry.part("cause"), stored.entry.part("action").get("target_key")
        if stored.entry.kind == EntryKind.ACTION_OUTCOME and (cause.get("run"), cause.get("step"), key) == own:
            proved |= set(_recorded(context, stored.entry.part("result")).get("result", {}).get("dead", ()))
    return frozenset(proved)


def _recorded(context: Context, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """An outcome, which lies beside the timeline where it is large."""
    kept = context.timeline.evidence(result["data_sha256"]) if context.timeline and "data_sha256" in result else None
    return json.loads(kept) if kept else result


def _listed(clients: Clients, references: Sequence[str], api: Api, kind: Kind) -> dict[str, SecretStr]:
    """The values at the references, each once. Raises `StepError` before anything is sent; it shows no value."""
    values: dict[str, SecretStr] = {}
    for reference in references:
        lines = clients.secret(reference).get_secret_value().splitlines()
        found = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
        if strange := [number for number, line in found if not re.fullmatch(kind.value_pattern, line)]:
            raise _strange(reference, strange, f"{api.provider.title} {kind.title}")
        secrets = [SecretStr(line) for _, line in found]
        values |= {fingerprint(secret): secret for secret in secrets}
    if not values:
        raise StepError(
            "not_found",
            f"There is no value in {', '.join(references)}: nothing was sent.",
            next="Put the leaked values there, one a line, and retry.",
        )
    if len(values) > MOST:
        raise StepError(
            "limit_reached",
            f"There are {len(values):,} values, and a step revokes at most {MOST:,}: nothing was sent.",
            next="Give them to several steps, each with a part of the list.",
        )
    return values


def _strange(reference: str, lines: Sequence[int], title: str) -> StepError:
    numbers = ", ".join(f"{number:,}" for number in lines[:NAMED]) + (", …" if len(lines) > NAMED else "")
    one = len(lines) == 1
    return StepError(
        "invalid_arguments",
        f"{'Line' if one else 'Lines'} {numbers} of {reference} {'is' if one else 'are'} no {title}: nothing was sent.",
        next="Keep only whole values of that kind in the list, one a line without quotes or names, and retry. Other "
        "kinds are another step.",
    )


def _refuse_another_list(batch: Batch, before: Mapping[str, object]) -> None:
    """What was begun may be half done: it goes on with the same values, or not at all."""
    if before["list"] != batch.state()["list"]:
        raise StepError(
            "changed_since",
            "The list is not the one with which the revocation was begun: somebody changed it meanwhile.",
            changed=f"Of the list as it was, any number may have been revoked at {batch.api.provider.title}; nothing "
            "of what was added since.",
            next="Look what the list should hold, then retry the step: it revokes and proves what is there then.",
        )


def _result(batch: Batch, readings: Mapping[str, Reading]) -> RevokedValues:
    lives = {mark: readings[mark].life if mark in readings else "unknown" for mark in batch.values}
    lives |= dict.fromkeys(batch.values.keys() & batch.proved, "dead")
    return RevokedValues(
        provider=batch.api.provider.name,
        kind=batch.kind.name,
        count=len(batch.values),
        dead=tuple(mark for mark, life in lives.items() if life == "dead"),
        live=tuple(mark for mark, life in lives.items() if life == "live"),
        unknown=tuple(mark for mark, life in lives.items() if life == "unknown"),
        not_taken=tuple(batch.not_taken),
    )


def _verdict(result: RevokedValues) -> Verdict:
    if result.live:
        return Verdict.NOT_CONTAINED
    return Verdict.UNKNOWN if result.unknown else Verdict.CONTAINED


def _sentence(batch: Batch, result: RevokedValues) -> str:
    """How many of them are what, and which are not dead."""
    title = batch.api.provider.title
    parts = [f"Of {batch.label} {title} refuses {len(result.dead):,}"]
    parts += [f"still accepts {_marks(result.live)}"] * bool(result.live)
    parts += [f"does not tell of {_marks(result.unknown)}"] * bool(result.unknown)
    parts += [f"did not take for revocation {_marks(result.not_taken)}"] * bool(result.not_taken)
    return f"{'; '.join(parts)}."


def _marks(marks: Sequence[str]) -> str:
    more = ", …" if len(marks) > NAMED else ""
    return f"{len(marks):,} ({', '.join(marks[:NAMED])}{more})"


def _before(batch: Batch) -> Iterator[Evidence]:
    if count := len(batch.values) - len(batch.open):
        yield Evidence(source="timeline", says=f"refused in an earlier round of this step: {plural(count, 'values')}")


def _counted(readings: Mapping[str, Reading]) -> Iterator[Evidence]:
    """One piece of evidence for all answers that are alike: the last of them, and how many there were."""
    alike: dict[tuple[str, str], list[Evidence]] = {}
    for reading in readings.values():
        alike.setdefault((reading.evidence.source, reading.evidence.says), []).append(reading.evidence)
    for (_, says), found in alike.items():
        yield found[-1].model_copy(update={"says": f"{says}: {plural(len(found), 'values')}"})
