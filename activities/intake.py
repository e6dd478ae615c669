"""`python -m activities.intake`: the value of a secret, from a person's hidden prompt straight into its sinks.

One line of JSON comes in (`Question`), one goes out (`Taken`, or `{"error": …}`). The value stands in no argument, no
variable, no file and no entry of the timeline: of it only the fingerprint goes out. As with every action the intent is
durable first, the outcome after it; what a crash left is found by the fingerprint, and finished by the same question.
"""

import contextlib
import hmac
import json
import re
import sys
import traceback
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from activities._attempts import Attempt, Attempts
from activities._clients import Clients
from activities._guard import MAY_CHANGE
from activities._limits import Limits
from activities.providers._provider import Api, ProviderModule, Reading, kind_of
from activities.providers._reading import fingerprint
from activities.sinks._sink import Held, Sink
from firedoor.config import load
from firedoor.errors import FiredoorError, StepError
from firedoor.incident import Evidence, Responder
from firedoor.providers import Verb
from firedoor.providers._provider import ByApi, Kind
from firedoor.steps._step import Credential
from firedoor.timeline.store import Timeline

MOST_BYTES = 65_536
COPY_AGAIN = "Copy it again at the provider's console, whole and alone, and give it once more."
AGAIN = "Give the same value once more: what is stored already is recognised."
HERE = Path(__file__).parent
DEFECTS = (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError)


class Question(BaseModel):
    """What a front door asks: who gives which value, for which step (or target of it), and where it goes.

    `credential` says whose it is and of which kind; its fingerprint is that of the one to be replaced, if it is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    incident: str = Field(min_length=1)
    step: str = Field(min_length=1)
    target: str = ""
    responder: Responder
    credential: Credential
    into: tuple[str, ...] = Field(min_length=1)
    value: SecretStr


class Taken(BaseModel):
    """What came of it: the credential without its value, the places that hold it, `live` or `unknown`, a sentence."""

    credential: Credential
    places: tuple[str, ...]
    verified: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that is to hold the value: the version that it replaces, and the token of all attempts at it."""

    sink: Sink
    expected: str
    token: str


@dataclass(frozen=True, slots=True)
class Judge:
    """The provider, asked for its opinion of a value."""

    module: ProviderModule
    api: Api
    kind: Kind

    def reading(self, credential: Credential, value: SecretStr) -> Reading:
        """`live` or `unknown`. Raises `invalid_arguments` for a value that it refuses, or that can be none of its."""
        title = self.api.provider.title
        found = self._asked(credential, value)
        if found.life == "dead":
            raise StepError(
                "invalid_arguments", f"{title} does not accept this value: it {found.evidence.says}.", next=COPY_AGAIN
            )
        pattern = self.kind.value_pattern
        if found.life == "unknown" and pattern and not re.fullmatch(pattern, value.get_secret_value()):
            what = f"This does not look like any {self.kind.title} of {title}, and {title} could not tell."
            raise StepError("invalid_arguments", what, next=COPY_AGAIN)
        return found

    def _asked(self, credential: Credential, value: SecretStr) -> Reading:
        name = self.api.provider.name
        if not isinstance(self.kind.means(Verb.VERIFY), ByApi):
            return Reading("unknown", Evidence(source=f"{name}:none", says="has no call that tells whether it works"))
        try:
            return self.module.verify(self.api, credential, value)
        except StepError as error:
            # A provider that cannot be asked must not keep a new key from those who wait for it.
            return Reading("unknown", Evidence(source=f"{name}:verify", says=f"could not be asked: {error.what}"))


def take(question: Question, clients: Clients, timeline: Timeline) -> Taken:
    """Store the value in every place, unless the provider refuses it. Raises `StepError`, `TimelineError`.

    The provider is asked first, so that a value which it refuses reaches no consumer.
    """
    value = question.value
    _refuse_malformed(value.get_secret_value())
    module, api = clients.provider(question.credential.provider)
    judge = Judge(module, api, kind_of(api.provider, question.credential))
    sinks = {reference: clients.sink(reference) for reference in question.into}
    attempts = Attempts.of(timeline, question.incident, question.step, question.target)
    held = {reference: sink.look() for reference, sink in sinks.items()}
    new = question.credential.model_copy(
        update={"id": "", "fingerprint": fingerprint(value), "where": next(iter(sinks))}
    )
    if not attempts.knows(new.fingerprint):
        _refuse_old(question, held, new.fingerprint)
    begun = attempts.begun(new.fingerprint, tuple(sinks))
    before = begun.before if begun else {reference: one.version for reference, one in held.items()}
    attempt = attempts.intend(question.responder, new, before)
    with _recorded(attempts, attempt, value):
        reading = judge.reading(new, value)
        with _changing():
            _discard_others(attempts, sinks, new.fingerprint)
            there = [] if begun else [reference for reference, one in held.items() if _same(one.value, value)]
            slots = [
                Slot(sink, before[reference], attempts.token(attempt, reference))
                for reference, sink in sinks.items()
                if reference not in there
            ]
            proof = [Evidence(source=reference, says="holds the value already") for reference in there]
            proof += _store(slots, value)
    says = _without(value, reading.evidence.says)
    proof.append(reading.evidence.model_copy(update={"says": says}))
    title = api.provider.title
    sentence = f"The new value ({new.fingerprint}) is in {' and '.join(sinks)}. {title} {says}."
    taken = Taken(credential=new, places=tuple(sinks), verified=reading.life, sentence=sentence)
    result = taken.model_dump(mode="json", exclude={"sentence"})
    attempts.done(attempt, sentence, result, proof)
    return taken


def _refuse_malformed(text: str) -> None:
    why = ""
    if not text:
        why = "There is no value: it is empty."
    elif re.search(r"\s", text):
        why = "There is a space or a line break in the value: it is not a key alone."
    elif len(text.encode()) > MOST_BYTES:
        why = f"The value is larger than {MOST_BYTES} bytes."
    elif not text.isprintable():
        why = "There are characters in the value that cannot be seen: the clipboard held something else."
    if why:
        raise StepError("invalid_arguments", why, next=COPY_AGAIN)


def _refuse_old(question: Question, held: Mapping[str, Held], print_: str) -> None:
    """A value that is the old one is refused: by its fingerprint, or where that is not known because it is there."""
    old = question.credential.fingerprint
    holders = [reference for reference, one in held.items() if _same(one.value, question.value)]
    if old != print_ and (old or not holders):
        return
    where = f"{' and '.join(holders)} holds it now" if holders else "it has the fingerprint of the one to be replaced"
    raise StepError(
        "invalid_arguments",
        f"This is the old value: {where}.",
        next="Create a new one at the provider's console, and give that.",
    )


def _same(one: SecretStr | None, other: SecretStr) -> bool:
    return one is not None and hmac.compare_digest(one.get_secret_value().encode(), other.get_secret_value().encode())


def _discard_others(attempts: Attempts, sinks: Mapping[str, Sink], print_: str) -> None:
    """Take back what an attempt with another value staged before it died: it would stand in the way for ever."""
    for one in attempts.earlier:
        if one.open and one.fingerprint != print_:
            for reference in one.before.keys() & sinks.keys():
                sinks[reference].discard(attempts.token(one, reference))


def _store(slots: Sequence[Slot], value: SecretStr) -> list[Evidence]:
    """Stage it everywhere, then make it current everywhere. Raises `StepError` that says which places hold it."""
    try:
        for slot in slots:
            slot.sink.stage(value, slot.token, slot.expected)
    except StepError:
        _discard(slots)
        raise
    proof: list[Evidence] = []
    for slot in slots:
        try:
            proof.append(slot.sink.promote(value, slot.token, slot.expected))
        except StepError as error:
            done = [one.sink.reference for one in slots[: len(proof)]]
            rest = [one.sink.reference for one in slots[len(proof) :]]
            if not error.retryable:
                _discard(slots[len(proof) :])
            if done:
                error.changed = f"{' and '.join(done)}: holds the new value. {' and '.join(rest)}: not. {error.changed}"
            error.next = f"{error.next} {AGAIN}".strip()
            raise
    return proof


def _discard(slots: Sequence[Slot]) -> None:
    for slot in slots:
        with contextlib.suppress(StepError):
            slot.sink.discard(slot.token)


def _without(value: SecretStr, text: str) -> str:
    return text.replace(value.get_secret_value(), "[secret]")


@contextmanager
def _changing() -> Generator[None]:
    """The intent is durable: changes may be made."""
    token = MAY_CHANGE.set(True)
    try:
        yield
    finally:
        MAY_CHANGE.reset(token)


@contextmanager
def _recorded(attempts: Attempts, attempt: Attempt, value: SecretStr) -> Generator[None]:
    """Record how the attempt failed, if it does. A provider or a sink may repeat the value in what it says."""
    try:
        yield
    except StepError as error:
        error.what, error.changed, error.next = (
            _without(value, text) for text in (error.what, error.changed, error.next)
        )
        summary = " ".join(part for part in (error.what, error.changed) if part)
        attempts.failed(attempt, error.reason, summary, in_doubt=error.retryable)
        raise
    except DEFECTS as error:
        attempts.failed(attempt, "defect", _fault(error), in_doubt=True)
        raise


def answer(line: bytes) -> dict[str, Any]:
    """The answer to a question, as JSON. Nothing of what was asked is in an error."""
    try:
        question = Question.model_validate_json(line)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, one["loc"])) or one["type"] for one in error.errors(include_input=False))
        return _error(
            "invalid_arguments", f"The intake was not asked as it must be: {wrong}.", "Nothing was changed.", ""
        )
    try:
        settings = load()
        clients = Clients(settings, Limits(settings.limits_path, settings.limits, urgent=True))
        with (
            contextlib.closing(clients),
            Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline,
        ):
            return take(question, clients, timeline).model_dump(mode="json")
    except FiredoorError as error:
        return _error(error.reason, error.what, error.changed, error.next)
    except DEFECTS as error:
        return _error("defect", _fault(error), "The value may be stored; the timeline has what was begun.", AGAIN)


def _fault(error: Exception) -> str:
    """Which error it was and where in our own code. Never its text: that could hold anything."""
    ours = [one for one in traceback.extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(HERE)]
    where = f", {Path(ours[-1].filename).relative_to(HERE)}:{ours[-1].lineno}" if ours else ""
    return f"The intake has a fault of its own ({type(error).__name__}{where})."


def _error(reason: str, what: str, changed: str, next: str) -> dict[str, Any]:
    return {"error": {"reason": reason, "what": what, "changed": changed, "next": next}}


def main() -> int:
    """Answer the one question on stdin."""
    found = answer(sys.stdin.buffer.readline())
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
    return int("error" in found)


if __name__ == "__main__":
    sys.exit(main())
