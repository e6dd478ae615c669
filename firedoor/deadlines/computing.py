"""When a clock is due. Pure: time zones from tzdata, public holidays from the package `holidays`.

Hours are hours that pass, whatever the clocks on the walls do. Days and months are counted on the calendar of the
limit's time zone and end at the local time of the start, or at the limit's own. A local time that comes twice (the end
of summer time) is the first of the two; one that does not exist is taken as it would be without the change. No period
is made longer because it would end on a weekend: that some laws would allow it is for counsel to use, not a program.
"""

import calendar
import datetime
import re
from collections.abc import Mapping
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from firedoor.clock import Due, words_of
from firedoor.plan import Limit
from firedoor.words import span

SATURDAY = 5
#: `US`, `DE-BE`: a country of ISO 3166, and one of its parts. `NYSE`: a stock exchange.
CALENDAR = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?|(NYSE|ECB)")
TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
UNITS = {
    "seconds": "seconds",
    "hours": "hours",
    "days": "calendar days",
    "business_days": "business days",
    "months": "months",
}


def due_of(limits: tuple[Limit, ...], moments: Mapping[str, str]) -> Due | None:
    """When a clock of these limits is due, the earliest of those whose moment has happened; None if none has.

    `moments` are RFC 3339 by name. Raises `ValueError` for a zone, calendar or moment that cannot be read.
    """
    ends = [(_end(limit, _parsed(moments[limit.after])), limit) for limit in limits if limit.after in moments]
    timed = [(end, limit) for end, limit in ends if end is not None]
    if timed:
        end, limit = min(timed, key=lambda one: one[0])
        return Due(due=_rfc3339(end), after=limit.after, how=_how(limit, end, moments[limit.after]))
    for _, limit in ends:
        return Due(due="", after=limit.after, how=f"without undue delay after {words_of(limit.after)}")
    return None


def problem_of(limit: Limit) -> str:
    """Why a limit cannot be computed with; empty where it can."""
    try:
        _zone(limit.zone)
        _holidays(limit.calendar)
        _at(limit.at)
    except ValueError as error:
        return str(error)
    return ""


def _end(limit: Limit, start: datetime.datetime) -> datetime.datetime | None:
    """The end of a limit in UTC; None where no time is given."""
    if not limit.amount:
        return None
    if limit.unit in ("hours", "seconds"):
        return start + datetime.timedelta(**{limit.unit: limit.amount})
    zone = _zone(limit.zone)
    local = start.astimezone(zone)
    if limit.unit == "months":
        day = _months_after(local.date(), limit.amount)
    elif limit.unit == "days":
        day = local.date() + datetime.timedelta(days=limit.amount)
    else:
        day = _business_days_after(local.date(), limit.amount, limit.calendar)
    time = _at(limit.at) or local.time()
    # fold=0: the first of two, and the offset from before where it does not exist.
    return datetime.datetime.combine(day, time, zone).astimezone(datetime.UTC)


def _months_after(day: datetime.date, months: int) -> datetime.date:
    """The same day of a later month, its last one where it is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return day.replace(year=year, month=month + 1, day=min(day.day, calendar.monthrange(year, month + 1)[1]))


def _business_days_after(day: datetime.date, count: int, name: str) -> datetime.date:
    """So many days that are neither weekend nor holiday after `day`, which does not count itself."""
    free = _holidays(name)
    while count:
        day += datetime.timedelta(days=1)
        count -= day.weekday() < SATURDAY and day not in free
    return day


@cache
def _holidays(name: str) -> holidays.HolidayBase:
    """The public holidays of a calendar; none for an empty name. Raises `ValueError`."""
    match = CALENDAR.fullmatch(name) if name else None
    if name and match is None:
        raise ValueError(f"{name} is no calendar: write a country (US), a part of one (DE-BE), NYSE or ECB")
    if match is None:
        return holidays.HolidayBase()
    country, part, market = match.groups()
    try:
        return holidays.financial_holidays(market) if market else holidays.country_holidays(country, subdiv=part)
    except NotImplementedError:
        raise ValueError(f"the holidays of {name} are not known") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name} is no time zone: write one of IANA's, America/New_York") from None


def _at(text: str) -> datetime.time | None:
    if not text:
        return None
    if not TIME.fullmatch(text):
        raise ValueError(f"{text} is no time of day: write 17:30")
    return datetime.time.fromisoformat(text)


def _parsed(moment: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(moment)
    if found.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return found.astimezone(datetime.UTC)


def _rfc3339(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _how(limit: Limit, end: datetime.datetime, start: str) -> str:
    """How it was counted, for whoever has to check it."""
    unit = UNITS[limit.unit].removesuffix("s") if limit.amount == 1 else UNITS[limit.unit]
    term = span(limit.amount) if limit.unit == "seconds" else f"{limit.amount} {unit}"
    said = f"{term} after {words_of(limit.after)} ({start})"
    if limit.unit in ("hours", "seconds"):
        return said
    local = end.astimezone(_zone(limit.zone))
    of = f", holidays of {limit.calendar}" if limit.calendar and limit.unit == "business_days" else ""
    return f"{said}{of}: {local:%a %Y-%m-%d %H:%M} {limit.zone}"
