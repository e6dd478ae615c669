"""Numbers, nouns and times for people, for whoever has any to say: workflows, pictures, front doors. Pure."""

import datetime

DAY, HOUR, MINUTE = 86_400, 3600, 60


def span(seconds: int) -> str:
    """A duration as it was configured: `90 s`, `30 min`, `36 h`, `1 d`."""
    for unit, size in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def full_stop(text: str) -> str:
    """The text as a sentence: with a full stop, unless it has an end. Titles and reasons of people may or may not."""
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


def plural(number: int, noun: str) -> str:
    """`1 credential`, `1,000 credentials`: nouns come in the plural, as the blast radius counts them."""
    return f"{number:,} {counted(number, noun)}"


def counted(number: int, noun: str) -> str:
    """The noun alone: `credential` for one, else `credentials`."""
    return singular(noun) if number == 1 else noun


def singular(noun: str) -> str:
    """`credential` of `credentials`, `policy` of `policies`, `address` of `addresses`."""
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun.removesuffix("es") if noun.endswith("sses") else noun.removesuffix("s")


def parse(moment: str) -> datetime.datetime | None:
    """The time that an RFC 3339 text says; None where it is empty."""
    return datetime.datetime.fromisoformat(moment) if moment else None


def seconds_between(start: str, end: str, now: datetime.datetime) -> float | None:
    """Seconds from `start` to `end`, or to now while it lasts; None where it has not begun."""
    begun = parse(start)
    if begun is None:
        return None
    return max(0.0, ((parse(end) or now) - begun).total_seconds())


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 m 12 s`, `2 h 05 m`, `4 d 3 h`; empty for None."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} m {whole % MINUTE:02d} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} m"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def clock(moment: str, now: datetime.datetime) -> str:
    """`19:02:11` of today, else `2026-11-22 19:02`; always UTC, as the timeline is."""
    time = parse(moment)
    if time is None:
        return ""
    time = time.astimezone(datetime.UTC)
    return f"{time:%H:%M:%S}" if time.date() == now.astimezone(datetime.UTC).date() else f"{time:%Y-%m-%d %H:%M}"


def seconds_until(moment: str, now: datetime.datetime) -> float | None:
    """Seconds from now to `moment`, 0 where that is past; None where it is empty."""
    time = parse(moment)
    return None if time is None else max(0.0, (time - now).total_seconds())
