"""What the timeline knows of a secret that a person pasted for a step, and what one more attempt adds to it.

It is to `activities.intake` what `_ledger` is to actions: the intent is durable before anything is stored, and what a
crash left open is told apart by the fingerprint of the value. The value itself never gets here.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from activities._action import NAMESPACE
from firedoor.errors import FiredoorError, StepError
from firedoor.incident import Evidence, Responder
from firedoor.steps._step import Credential
from firedoor.timeline.entry import Draft, Entry, Kind
from firedoor.timeline.store import Timeline

ACTION = "credential.intake"
#: How an attempt ended of which it is not known what it stored.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the id of its intent, the value's fingerprint, and each place with its version from before."""

    id: str
    fingerprint: str
    before: Mapping[str, str]
    #: Empty while nothing says how it ended.
    status: str = ""

    @property
    def open(self) -> bool:
        """May it have stored something that nobody has recorded?"""
        return self.status in ("", UNKNOWN)


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts for one step, or one target of it, in the newest run of an incident."""

    timeline: Timeline
    incident: str
    step: str
    target: str
    run: str
    drill: bool
    earlier: tuple[Attempt, ...] = ()

    @classmethod
    def of(cls, timeline: Timeline, incident: str, step: str, target: str) -> Self:
        """Read them. Raises `not_found` where this timeline does not have the incident: it is another machine's."""
        entries = [stored.entry for stored in timeline.entries(incident=incident)]
        opened = [entry for entry in entries if entry.kind == Kind.INCIDENT_OPENED]
        if not opened:
            raise StepError(
                "not_found",
                f"The timeline here ({timeline.path}) has no incident {incident}.",
                next="Run it where the worker runs, with the worker's FIREDOOR_HOME.",
            )
        run = str(opened[-1].part("cause").get("run", ""))
        none = cls(timeline, incident, step, target, run, drill=opened[-1].fields.get("drill") is True)
        own = [entry for entry in entries if none.owns(entry)]
        ends = {entry.ref: str(entry.part("result")["status"]) for entry in own if entry.ref}
        found = tuple(_attempt(entry, ends) for entry in own if entry.kind == Kind.ACTION_INTENT)
        return cls(timeline, incident, step, target, run, none.drill, found)

    def owns(self, entry: Entry) -> bool:
        """Is it an entry of these attempts?"""
        action, cause = entry.part("action"), entry.part("cause")
        wanted = (ACTION, self._key, self.run, self.step)
        return (action.get("name"), action.get("target_key"), cause.get("run"), cause.get("step")) == wanted

    def knows(self, fingerprint: str) -> bool:
        """Was this value given here before? Then a place that holds it holds no old one."""
        return any(one.fingerprint == fingerprint for one in self.earlier)

    def begun(self, fingerprint: str, places: Sequence[str]) -> Attempt | None:
        """The last attempt at this value in these places, if it is still open: its `before` is that of the first."""
        wanted = (fingerprint, set(places))
        found = [one for one in self.earlier if (one.fingerprint, set(one.before)) == wanted]
        return found[-1] if found and found[-1].open else None

    def token(self, attempt: Attempt, place: str) -> str:
        """A UUID that is the same in every attempt to store this value over that version of a place."""
        parts = (self.incident, self.run, self.step, self.target, attempt.fingerprint, place, attempt.before[place])
        return str(uuid.uuid5(NAMESPACE, "\n".join(parts)))

    def intend(self, who: Responder, credential: Credential, before: Mapping[str, str]) -> Attempt:
        """Make the intent durable. Raises `TimelineError`; then nothing was begun."""
        places = " and ".join(before)
        body = {
            "actor": _human(who),
            "change": f"{places} → the value that {who.principal} gave ({credential.fingerprint})",
            "params": {"credential": credential.model_dump(mode="json"), "into": list(before)},
            "preview": {"before": dict(before)},
        }
        return Attempt(self._append(Kind.ACTION_INTENT, body), credential.fingerprint, dict(before))

    def done(self, attempt: Attempt, summary: str, result: Mapping[str, Any], evidence: Sequence[Evidence]) -> None:
        """Record that every place holds the value. Raises `record_failed`, which says so."""
        body = {
            "result": {"status": "ok", "summary": summary, "result": dict(result), "changed": True},
            "evidence": [one.model_dump(mode="json", exclude_defaults=True) for one in evidence],
        }
        seen = f"The attempt that began this died. It was finished by another: {summary}"
        again = {"result": {"status": "ok", "summary": seen}}
        try:
            self._append(Kind.ACTION_OUTCOME, body, ref=attempt.id)
            for one in self.earlier:
                if not one.status and one.fingerprint == attempt.fingerprint:
                    self._append(Kind.ACTION_RECONCILED, again, ref=one.id)
        except FiredoorError as error:
            raise StepError(
                "record_failed",
                f"The outcome could not be recorded: {error.what}",
                changed=f"The new value is stored: {' and '.join(attempt.before)}.",
                next=error.next,
            ) from error

    def failed(self, attempt: Attempt, reason: str, summary: str, *, in_doubt: bool) -> None:
        """Record a failure; `in_doubt` where something may have been stored all the same."""
        status = UNKNOWN if in_doubt else "failed"
        body = {"result": {"status": status, "reason": reason, "summary": summary}}
        self._append(Kind.ACTION_OUTCOME, body, ref=attempt.id)

    def _append(self, kind: Kind, body: dict[str, Any], ref: str = "") -> str:
        action = {
            "name": ACTION,
            "target": self.target or self.step,
            "target_key": self._key,
            "mode": "drill" if self.drill else "live",
        }
        # Round 0 stands before all rounds of the step itself.
        cause = {"wf": self.incident, "run": self.run, "step": self.step, "round": 0}
        whole = {"actor": {"kind": "system", "id": ACTION}, **body, "action": action, "cause": cause}
        idem = f"intake/{self.incident}/{self.run}/{uuid.uuid4()}"
        [receipt] = self.timeline.append([Draft(kind, self.incident, idem, whole, ref=ref)])
        return receipt.id

    @property
    def _key(self) -> str:
        return f"intake/{self.target}"


def _attempt(entry: Entry, ends: Mapping[str, str]) -> Attempt:
    credential = entry.part("params")["credential"]
    return Attempt(entry.id, credential["fingerprint"], entry.part("preview")["before"], ends.get(entry.id, ""))


def _human(who: Responder) -> dict[str, Any]:
    kind = "human" if who.principal.startswith("user:") else "system"
    identity = {"identity": who.identity} if who.identity else {}
    return {"kind": kind, "id": who.principal, "auth": who.auth, **identity}
