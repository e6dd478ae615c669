"""The format of an entry: its kinds, its fields, its bytes. Version 1.

An entry is one canonical JSON object of at most 65,535 bytes. A writer hands in a `Draft`; the store adds the fields
that only it may set (`STORE_FIELDS`). What is hashed and signed is the exact bytes; nobody writes them anew to verify.

Pure. It does not store, sign or hash.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from firedoor.canonical import NotCanonicalError, canonical_bytes
from firedoor.errors import FiredoorError

VERSION = 1
#: The longest entry that fits C2SP tlog-tiles, whose length field has 16 bits.
MAX_ENTRY = 65_535
#: What the store's own fields may take of it.
ENVELOPE = 400
#: Set by the store, never by a caller.
STORE_FIELDS = frozenset({"v", "log", "id", "seq", "prev", "recorded_at", "clock"})
#: Set through `Draft`, never inside its body.
DRAFT_FIELDS = frozenset({"kind", "incident", "ref"})
_RESERVED = STORE_FIELDS | DRAFT_FIELDS
_VERSION = b"%d" % VERSION
_FROM_STORE = ("clock", "id", "prev", "recorded_at", "seq")


class TimelineError(FiredoorError):
    """The timeline could not be written or read. Nothing of the refused append is in it."""

    reason = "record_failed"


class EntryError(TimelineError):
    """A draft that cannot become an entry, or bytes that are not an entry; the message says why."""

    reason = "invalid_entry"


class Kind(StrEnum):
    """What an entry records: `subject` or `subject.event`."""

    # The incident. Legal clocks start at different ones of these.
    INCIDENT_DETECTED = "incident.detected"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_AWARE = "incident.aware"
    INCIDENT_CLASSIFIED = "incident.classified"
    INCIDENT_MATERIALITY_DECIDED = "incident.materiality_decided"
    INCIDENT_CLOSED = "incident.closed"
    ALERT = "alert"
    # Steps, as the workflow decides about them.
    STEP_STARTED = "step.started"
    STEP_SKIPPED = "step.skipped"
    STEP_NEEDS_ATTENTION = "step.needs_attention"
    STEP_DONE = "step.done"
    STEP_ABORTED = "step.aborted"
    STEP_UNDO_SCHEDULED = "step.undo_scheduled"
    # People.
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL = "approval"
    APPROVAL_REMINDED = "approval.reminded"
    APPROVAL_EXPIRED = "approval.expired"
    APPROVAL_VOID = "approval.void"
    APPROVAL_BREAK_GLASS = "approval.break_glass"
    QUESTION = "question"
    ANSWER = "answer"
    DECISION = "decision"
    NOTE = "note"
    REFUSAL = "refusal"
    # Actions.
    ACTION_INTENT = "action.intent"
    ACTION_OUTCOME = "action.outcome"
    ACTION_RECONCILED = "action.reconciled"
    # Notifications and deadlines.
    NOTIFICATION_INTENT = "notification.intent"
    NOTIFICATION_OUTCOME = "notification.outcome"
    DEADLINE_SET = "deadline.set"
    DEADLINE_MET = "deadline.met"
    DEADLINE_MISSED = "deadline.missed"
    # The record itself.
    EVIDENCE = "evidence"
    CORRECTION = "correction"
    REDACTION = "redaction"
    EXPORT = "export"
    GAP = "gap"
    CONFLICT = "conflict"
    # The log.
    CLOCK_REGRESSED = "clock.regressed"
    CLOCK_UNSYNCED = "clock.unsynced"
    KEY_ROTATED = "key.rotated"
    ANCHOR_RECEIPT = "anchor.receipt"


#: Kinds that promise an entry which refers to them.
INTENTS = frozenset({Kind.ACTION_INTENT, Kind.NOTIFICATION_INTENT})
#: Kinds that keep that promise.
OUTCOMES = frozenset({Kind.ACTION_OUTCOME, Kind.ACTION_RECONCILED, Kind.NOTIFICATION_OUTCOME})


@dataclass(frozen=True, slots=True)
class Draft:
    """What a caller wants recorded.

    `idem` names it for ever: the same `idem` with the same content is one entry. `scope` finds it again
    (`<workflow id>/<run id>/<step>/<round>/<slice>`). `ref` is the id of the entry it answers. `body` is the caller's
    part (actor, cause, action, result, evidence, …): canonical JSON values only, no secrets. `attachments` are blobs of
    evidence, stored in the same transaction and found by their SHA-256, which belongs in `body["evidence"]`.
    """

    kind: Kind
    incident: str
    idem: str
    body: dict[str, Any]
    scope: str = ""
    ref: str = ""
    attachments: tuple[bytes, ...] = ()
    #: Parts of the body that many drafts have in common, as canonical bytes: a slice of 500 targets has one cause.
    shared: Mapping[str, bytes] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """The whole body."""
        return {**self.body, **{key: json.loads(data) for key, data in self.shared.items()}}


class Prepared(NamedTuple):
    """A draft whose bytes are ready but for the fields of the store, which go between `parts`."""

    draft: Draft
    parts: tuple[bytes, bytes, bytes, bytes, bytes, bytes]

    def entry_bytes(self, clock: bytes, id: bytes, prev: bytes, recorded_at: bytes, seq: bytes) -> bytes:
        """The entry, with the store's fields as JSON."""
        one, two, three, four, five, six = self.parts
        return b"".join((one, clock, two, id, three, prev, four, recorded_at, five, seq, six))


def prepare(draft: Draft, log: str) -> Prepared:
    """Write a draft as canonical JSON for the log `log`. Raises `EntryError` with what does not fit.

    It runs twice for each of 10,000 targets, hence the caches: what many entries share is written once.
    """
    if not (_RESERVED.isdisjoint(draft.body) and _RESERVED.isdisjoint(draft.shared)):
        taken = (draft.body.keys() | draft.shared.keys()) & _RESERVED
        raise _refused(draft, f"its body sets {', '.join(sorted(taken))}, which the timeline sets itself")
    if not draft.idem:
        raise _refused(draft, "it has no idem, the name under which it is recorded once")
    try:
        members = {"v": _VERSION, "log": _text(log), "kind": _text(draft.kind.value), "incident": _text(draft.incident)}
        members |= draft.shared
        if draft.ref:
            members["ref"] = canonical_bytes(draft.ref)
        for key, value in draft.body.items():
            members[key] = canonical_bytes(value)
        parts = _around_the_store(members)
    except NotCanonicalError as error:
        raise _refused(draft, f"it holds what canonical JSON cannot: {error}") from None
    size = sum(map(len, parts))
    if size + ENVELOPE > MAX_ENTRY:
        raise _refused(draft, f"it has {size:,} bytes and an entry at most {MAX_ENTRY - ENVELOPE:,}; attach the rest")
    return Prepared(draft, parts)


def _around_the_store(members: dict[str, bytes]) -> tuple[bytes, bytes, bytes, bytes, bytes, bytes]:
    """The members in order of their keys, cut where a field of the store goes: `{…,"clock":` … `}`."""
    one, two, three, four, five, six = [
        b"".join([piece for before, key in own for piece in (before, members[key])]) + end
        for own, end in _layout(tuple(members))
    ]
    return one, two, three, four, five, six


@lru_cache(maxsize=256)
def _layout(keys: tuple[str, ...]) -> tuple[tuple[tuple[tuple[bytes, str], ...], bytes], ...]:
    """Six pieces, each the members in it, with the bytes before each, and the bytes at its end."""
    pieces: list[tuple[tuple[tuple[bytes, str], ...], bytes]] = []
    own: list[tuple[bytes, str]] = []
    before = b"{"
    for key in sorted((*keys, *_FROM_STORE)):
        before += canonical_bytes({key: 0})[1:-2]
        if key in _FROM_STORE:
            pieces.append((tuple(own), before))
            own = []
        else:
            own.append((before, key))
        before = b","
    return (*pieces, (tuple(own), b"}"))


@lru_cache(maxsize=1024)
def _text(value: str) -> bytes:
    return canonical_bytes(value)


def _refused(draft: Draft, why: str) -> EntryError:
    return EntryError(
        f"The timeline refuses a {draft.kind} of {draft.incident or 'the log'}: {why}.",
        changed="Nothing was recorded.",
        next="This is a mistake in the step or front door that wrote it. Report it with this message.",
    )


@dataclass(frozen=True)
class Entry:
    """One entry as it was read. `data` is its exact bytes; `body` the caller's part.

    `kind` is text: a later version may know more kinds.
    """

    data: bytes
    log: str
    id: str
    kind: str
    incident: str
    seq: int
    prev: str
    ref: str
    recorded_at: str
    clock: Mapping[str, Any]
    fields: Mapping[str, Any] = field(repr=False)

    @cached_property
    def body(self) -> dict[str, Any]:
        """The caller's part: actor, cause, action, result, evidence, …"""
        return {key: value for key, value in self.fields.items() if key not in _RESERVED}

    def part(self, name: str) -> Mapping[str, Any]:
        """A part of the body that is an object, or an empty one."""
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}

    @classmethod
    def parse(cls, data: bytes) -> "Entry":
        """Read an entry. Raises `EntryError` for anything that two readers could read in two ways."""
        if len(data) > MAX_ENTRY:
            raise EntryError(f"An entry of {len(data):,} bytes: at most {MAX_ENTRY:,} are allowed.")
        try:
            value = parse_json(data)
        except ValueError as error:
            raise EntryError(f"An entry that is not JSON: {error}.") from None
        if not isinstance(value, dict):
            raise EntryError("An entry that is not an object.")
        try:
            return cls._of(data, value)
        except KeyError as error:
            raise EntryError(f"An entry without {error.args[0]!r}.") from None

    @classmethod
    def _of(cls, data: bytes, value: dict[str, Any]) -> "Entry":
        if value["v"] != VERSION:
            raise EntryError(f"An entry of version {value['v']!r}: this firedoor reads version {VERSION}.")
        texts = {name: value[name] for name in ("log", "id", "kind", "incident", "prev", "recorded_at")}
        texts["ref"] = value.get("ref", "")
        wrong = [name for name, text in texts.items() if not isinstance(text, str)]
        if type(value["seq"]) is not int or value["seq"] < 0:
            wrong.append("seq")
        if not isinstance(value["clock"], dict):
            wrong.append("clock")
        if wrong:
            raise EntryError(f"An entry with a wrong type of {', '.join(wrong)}.")
        return cls(data, seq=value["seq"], clock=value["clock"], fields=value, **texts)


def parse_json(data: bytes) -> Any:
    """Strict JSON: UTF-8, no duplicate keys, no floats, no NaN. Raises `ValueError`."""
    try:
        return json.loads(data.decode(), object_pairs_hook=_object, parse_float=_no_float, parse_constant=_no_float)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"the key {twice[0]!r} stands twice in one object")
    return value


def _no_float(text: str) -> Any:
    raise ValueError(f"the number {text} is not an integer")
