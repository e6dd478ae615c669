"""The faults, and what is expected after each."""

from dataclasses import dataclass, field, replace
from typing import Any

from tests.chaos.faults import Deed, Fault

#: As `firedoor up` starts them.
UP = {"urgent": "urgent", "bulk": "bulk"}
#: Either can take the other's place.
TWO = {"worker": "all", "other worker": "all"}
#: Numbers of targets: none means that the step has no `for_each`.
SINGLE = 0
MANY = 20
RANDOM = 2_000

#: Where a process can be killed, in the order of a step's life; and whether a change is then in doubt.
POINTS = {
    "opened.before": False,
    "opened.checkpoint": False,
    "opened.after": False,
    "intent.before": False,
    "intent.begin": False,
    "intent.entry": False,
    "intent.checkpoint": False,
    "intent.commit": False,
    "intent.after": True,
    "effect.before": True,
    "effect.after": True,
    "outcome.before": True,
    "outcome.begin": True,
    "outcome.entry": True,
    "outcome.checkpoint": True,
    "outcome.commit": True,
    "outcome.after": False,
    "closed.before": False,
    "closed.checkpoint": False,
    "closed.after": False,
}
#: Points inside a transaction, where the writer holds the lock of the store.
INSIDE = tuple(point for point in POINTS if point.partition(".")[2] in {"begin", "entry", "checkpoint", "commit"})
SHORT = frozenset(
    {
        f"worker/effect.after/{SINGLE}",
        f"worker/outcome.checkpoint/{MANY}",
        f"writer/outcome.checkpoint/{MANY}",
        f"server/effect.after/{SINGLE}",
        f"disk/intent.before/{SINGLE}",
        f"clock/intent.after/{MANY}",
        f"worker/outcome.after, last attempt/{MANY}",
        f"network/reply lost: change, once/{SINGLE}",
        f"network/reply garbage: look back, stays/{SINGLE}",
    }
)


@dataclass(frozen=True, slots=True)
class Case:
    """One fault, and what is expected.

    `workers` are the processes by name, and what each serves. `fault` sits in the first of them that gets there,
    `rules` in the proxy before AWS. `kills` random kills of processes named in `prey`. `reason` is that of the
    failure which a person is shown, empty where the incident ends by itself; then the fault is taken away and the step
    retried. `in_doubt`: an attempt died between intent and outcome. `kinds` have to be in the record.
    """

    family: str
    name: str
    targets: int = SINGLE
    workers: dict[str, str] = field(default_factory=lambda: {"worker": "all"})
    fault: Fault | None = None
    rules: tuple[dict[str, Any], ...] = ()
    prey: tuple[str, ...] = ()
    kills: int = 0
    reason: str = ""
    in_doubt: bool = False
    attempts: int = 4
    own_server: bool = False
    kinds: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its name among all cases."""
        return f"{self.family}/{self.name}/{self.targets}"

    @property
    def order(self) -> int:
        """Where it stands among the cases of its family: along the life of a step."""
        points = list(POINTS)
        return points.index(self.fault.point) if self.fault else len(points)

    @property
    def short(self) -> bool:
        """Is it part of the short form?"""
        return self.id in SHORT


def cases() -> list[Case]:
    """All of them."""
    return [*_kills(), *_disk(), *_clock(), *_network(), *_random()]


def _kills() -> list[Case]:
    found = []
    for point, in_doubt in POINTS.items():
        for targets in (SINGLE, MANY):
            # In a for_each the point is reached in the middle: some targets are done, some are not begun.
            at = MANY // 2 if targets and point.startswith(("intent", "effect", "outcome")) else 1
            worker = Fault(point=point, does="kill worker", at=at)
            found.append(Case("worker", point, targets, fault=worker, in_doubt=in_doubt))
            server = Fault(point=point, does="kill server", at=at)
            found.append(Case("server", point, targets, fault=server, own_server=True))
            if point in INSIDE:
                found.append(Case("writer", point, targets, workers=TWO, fault=worker, in_doubt=in_doubt))
    for point in ("intent.after", "effect.after", "outcome.commit", "outcome.after"):
        both = Fault(point=point, does="kill both")
        found.append(Case("both", point, fault=both, own_server=True, in_doubt=POINTS[point]))
    return found


def _disk() -> list[Case]:
    found = []
    for point, targets, does in (
        ("intent.before", SINGLE, "file too large"),
        ("outcome.before", SINGLE, "file too large"),
        ("intent.before", MANY, "database full"),
        ("outcome.before", MANY, "database full"),
        ("closed.before", SINGLE, "file too large"),
    ):
        deed: Deed = "database full" if does == "database full" else "file too large"
        at = MANY // 2 if targets else 1
        soon = Fault(point=point, does=deed, at=at, failures=2)
        found.append(Case("disk", point, targets, fault=soon))
        if not point.startswith("closed"):
            # It stays full until a person makes room: nothing can be recorded, so nothing goes on.
            stays = Fault(point=point, does=deed, at=at)
            reason = "targets_failed" if targets else "record_failed"
            found.append(Case("disk", f"{point}, stays full", targets, fault=stays, reason=reason))
    return found


def _clock() -> list[Case]:
    found = []
    for point in ("opened.after", "intent.before", "intent.after", "outcome.before"):
        for targets in (SINGLE, MANY):
            back = Fault(point=point, does="clock back", at=MANY // 2 if targets and "opened" not in point else 1)
            found.append(Case("clock", point, targets, fault=back, kinds=("clock.regressed",)))
    return found


#: What the proxy does to a call; what a person is told if it goes on; and whether AWS has acted all the same.
BAD_ANSWERS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "throttled": ({"error": {"code": "Throttling"}}, "throttled", False),
    "500": ({"error": {"code": "ServiceFailure", "status": 500}}, "provider_error", False),
    "503": ({"error": {"code": "ServiceUnavailable", "status": 503}}, "provider_error", False),
    "connection reset": ({"reset": True}, "unreachable", False),
    "reply lost": ({"response": {"abort_bytes": 0}}, "unreachable", True),
    "reply truncated": ({"response": {"truncate_frac": 0.5}}, "unreachable", True),
    "reply garbage": ({"response": {"corrupt_bytes": 64}}, "unreachable", True),
}
READ, CHANGE = {"service": "iam", "operation": "ListAccessKeys"}, {"service": "iam", "operation": "UpdateAccessKey"}
#: A call, and the rules that come before the one that spoils it: the look after is the second of two alike.
CALLS: dict[str, tuple[dict[str, Any], tuple[dict[str, Any], ...]]] = {
    "look": (READ, ()),
    "change": (CHANGE, ()),
    "look back": (READ, ({**READ, "latency": 1, "times": 1},)),
}


def _network() -> list[Case]:
    silence = {**CHANGE, "timeout_ms": 25_000, "times": 1}
    found = [Case("network", "silence: change, once", rules=(silence,))]
    for what, (effect, reason, acted) in BAD_ANSWERS.items():
        for name, (call, before) in CALLS.items():
            rule = {**call, **effect}
            once = (*before, {**rule, "times": 1})
            found += [Case("network", f"{what}: {name}, once", targets, rules=once) for targets in (SINGLE, MANY)]
            # A change that was made is found by the next attempt's look: then the answer to it matters no more.
            told = "" if acted and call is CHANGE else reason
            found.append(Case("network", f"{what}: {name}, stays", rules=(*before, rule), reason=told))
    return found


def _random() -> list[Case]:
    hunts: dict[str, tuple[str, ...]] = {
        "of mass work's worker": ("bulk",),
        "of Temporal's server": ("temporal",),
        "of any process": ("urgent", "bulk", "temporal"),
    }
    found = [
        Case("random", f"{name}, round {number}", RANDOM, UP, prey=prey, kills=4, attempts=10, own_server=True)
        for name, prey in hunts.items()
        for number in (1, 2)
    ]
    often = Case("random", "of mass work's worker, in every attempt", RANDOM, UP, prey=("bulk",), kills=2, attempts=2)
    last = Fault(point="outcome.after", does="kill worker")
    half = last.model_copy(update={"at": MANY // 2})
    return [
        *found,
        replace(often, reason="targets_failed"),
        Case("worker", "outcome.after, last attempt", fault=last, attempts=1, reason="no_answer"),
        Case("worker", "outcome.after, last attempt", MANY, fault=half, attempts=1, reason="targets_failed"),
    ]
