"""What is odd in the use of a credential, against its own days before. Pure: no clock, no network.

Each rule compares with what the credential itself did, and says so with figures: a person has to be able to disagree.
The thresholds are ours: three times its own worst hour is far beyond a busy day, and small counts prove nothing.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from activities.providers._provider import Use
from firedoor.steps.credentials import Flag

HOUR = 3600
#: A spike is so many times the busiest hour (or window) of before, and at least so many requests (tokens) above it.
TIMES = 3
ABOVE = {"requests": 50, "tokens": 50_000}
#: Hours of the day mean something only to a credential that has a rhythm: it was used on so many days, and slept.
RHYTHM_DAYS, AWAKE = 4, 16
#: Requests (tokens) at hours in which it always slept.
AT_ODD_HOURS = {"requests": 10, "tokens": 10_000}
#: Malformed: this part of all requests, at least so many, and so many times its part of before.
FAILED_PART, FAILED_LEAST = 0.05, 20

Oddity = Literal["spike", "new_model", "new_region", "new_address", "odd_hours", "malformed"]
#: What a provider may tell or not: the word for people, the flag, and how it is read.
NEW: tuple[tuple[str, Oddity, Callable[[Use], str]], ...] = (
    ("model", "new_model", lambda use: use.model),
    ("region", "new_region", lambda use: use.region),
    ("address", "new_address", lambda use: use.address),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The uses in a window, and those of the days before it."""

    window: Sequence[Use]
    before: Sequence[Use]
    since: datetime.datetime
    until: datetime.datetime
    days: int

    @classmethod
    def of(cls, uses: Sequence[Use], since: datetime.datetime, until: datetime.datetime, days: int) -> "Comparison":
        """Divide what a provider tells. An hour in which the window begins belongs to the window."""
        window = [use for use in uses if _end(use) > since and use.start < until]
        begin = since - datetime.timedelta(days=days)
        before = [use for use in uses if begin < _end(use) <= since]
        return cls(window, before, since, until, days)

    @property
    def counted(self) -> Literal["requests", "tokens"]:
        """What volume is counted in: some providers tell only tokens."""
        uses = (*self.window, *self.before)
        return "tokens" if any(use.tokens for use in uses) and not any(use.requests for use in uses) else "requests"

    @property
    def volume(self) -> int:
        """Requests (or tokens) in the window."""
        return self._sum(self.window)

    @property
    def usual(self) -> int:
        """Requests (or tokens) that a window as long had, on the average of the days before."""
        part = (self.until - self.since) / datetime.timedelta(days=self.days)
        return round(self._sum(self.before) * part)

    @property
    def hourly(self) -> bool:
        """Does the provider tell the hour?"""
        return all(use.seconds <= HOUR for use in (*self.window, *self.before))

    def flags(self) -> tuple[Flag, ...]:
        """Everything that a person should look at, the gravest first."""
        return (*self._spikes(), *self._unfamiliar(), *self._odd_hours(), *self._malformed())

    def blind(self) -> tuple[str, ...]:
        """What the provider does not tell, so that no flag can come of it."""
        uses = (*self.window, *self.before)
        told = [word for word, _, of in NEW if any(of(use) for use in uses)]
        lacking = [f"{word}s" if word != "address" else "addresses" for word, _, _ in NEW if word not in told]
        if self.counted == "tokens":
            lacking.append("requests: volume is counted in tokens")
        if uses and not self.hourly:
            lacking.append("hours of the day")
        if not any(use.failed for use in uses):
            lacking.append("failed requests")
        if not self.before:
            lacking.append(f"use in the {self.days} days before: there is nothing to compare with")
        return tuple(lacking)

    def _spikes(self) -> Iterator[Flag]:
        now, then = self._buckets(self.window), self._buckets(self.before)
        unit, above = self.counted, ABOVE[self.counted]
        if not now:
            return
        start, most = max(now.items(), key=lambda one: (one[1], one[0]))
        worst = max(then.values(), default=0)
        bucket, days = "hour" if self.hourly else "day", self.days
        if most > TIMES * worst and most - worst >= above:
            had = f"its busiest {bucket} of the {days} days before had {worst:,}" if then else "it was not used before"
            yield Flag(kind="spike", says=f"{most:,} {unit} in one {bucket}; {had}.", since=_stamp(start))
        elif self.volume > TIMES * self.usual and self.volume - self.usual >= above:
            says = f"{self.volume:,} {unit}; a window as long usually has {self.usual:,}."
            yield Flag(kind="spike", says=says, since=_stamp(min(now)))

    def _unfamiliar(self) -> Iterator[Flag]:
        for word, kind, of in NEW:
            known = {of(use) for use in self.before}
            if self.before and known == {""}:
                continue
            link = "from the" if word == "address" else "of the"
            for name in sorted({of(use) for use in self.window} - known - {""}):
                first = min(use.start for use in self.window if of(use) == name)
                count = self._sum([use for use in self.window if of(use) == name])
                before = f"never used in the {self.days} days before"
                says = f"{count:,} {self.counted} {link} {word} {name}, which it {before}."
                yield Flag(kind=kind, says=says, since=_stamp(first))

    def _odd_hours(self) -> Iterator[Flag]:
        days = {use.start.date() for use in self.before if self._of(use)}
        awake = {use.start.hour for use in self.before if self._of(use)}
        if not self.hourly or len(days) < RHYTHM_DAYS or len(awake) > AWAKE:
            return
        odd = [use for use in self.window if self._of(use) and use.start.hour not in awake]
        count = self._sum(odd)
        if count >= AT_ODD_HOURS[self.counted]:
            hours = _spans({use.start.hour for use in odd})
            says = f"{count:,} {self.counted} at {hours} UTC, when it slept on all days before."
            yield Flag(kind="odd_hours", says=says, since=_stamp(min(use.start for use in odd)))

    def _malformed(self) -> Iterator[Flag]:
        failed, before = sum(use.failed for use in self.window), sum(use.failed for use in self.before)
        requests = sum(use.requests for use in self.window)
        part = failed / requests if requests else 0.0
        usual = before / total if (total := sum(use.requests for use in self.before)) else 0.0
        if failed >= FAILED_LEAST and part >= max(FAILED_PART, TIMES * usual):
            says = f"{failed:,} of {requests:,} requests were refused as malformed or not allowed"
            says += f" ({part:.0%}; usually {usual:.0%})."
            since = min(use.start for use in self.window if use.failed)
            yield Flag(kind="malformed", says=says, since=_stamp(since))

    def _of(self, use: Use) -> int:
        return use.requests if self.counted == "requests" else use.tokens

    def _sum(self, uses: Sequence[Use]) -> int:
        return sum(self._of(use) for use in uses)

    def _buckets(self, uses: Sequence[Use]) -> dict[datetime.datetime, int]:
        """The volume by bucket: one has several uses, by model and so on."""
        counted: Counter[datetime.datetime] = Counter()
        for use in uses:
            counted[use.start] += self._of(use)
        return dict(counted)


def names(uses: Sequence[Use], of: Callable[[Use], str]) -> tuple[str, ...]:
    """The names of one sort in them, sorted."""
    return tuple(sorted({of(use) for use in uses} - {""}))


def _end(use: Use) -> datetime.datetime:
    return use.start + datetime.timedelta(seconds=use.seconds)


def _spans(hours: Collection[int]) -> str:
    """`02:00-04:00, 07:00-08:00`."""
    spans: list[tuple[int, int]] = []
    for hour in sorted(hours):
        if spans and spans[-1][1] == hour:
            spans[-1] = (spans[-1][0], hour + 1)
        else:
            spans.append((hour, hour + 1))
    return ", ".join(f"{begin:02}:00-{end:02}:00" for begin, end in spans)


def _stamp(when: datetime.datetime) -> str:
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
