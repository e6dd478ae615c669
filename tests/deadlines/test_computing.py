"""When clocks are due: each row was counted by hand, on a calendar, before the code was asked."""

import pytest

from firedoor.deadlines.computing import due_of, problem_of
from firedoor.plan import Limit

NEW_YORK = "America/New_York"
#: Amount, unit, zone, calendar, local time at the end, start (UTC), due (UTC), why.
ROWS = [
    # Hours pass whatever the clocks on the walls do: over both changes of 2026 in Berlin (29 March, 25 October).
    (72, "hours", "UTC", "", "", "2026-03-27T12:00:00Z", "2026-03-30T12:00:00.000Z", "summer time begins"),
    (72, "hours", "Europe/Berlin", "", "", "2026-10-24T10:00:00Z", "2026-10-27T10:00:00.000Z", "summer time ends"),
    (24, "hours", "UTC", "", "", "2028-02-28T23:30:00Z", "2028-02-29T23:30:00.000Z", "a leap day"),
    # Days keep the local time: 15:00 in Los Angeles is 22:00 UTC in summer, 23:00 in winter (1 November 2026).
    (30, "days", "America/Los_Angeles", "", "", "2026-10-15T22:00:00Z", "2026-11-14T23:00:00.000Z", "over the change"),
    (14, "days", "UTC", "", "", "2026-12-25T08:00:00Z", "2027-01-08T08:00:00.000Z", "over the new year"),
    # 02:30 on 14 March 2027 does not exist in New York: as it would be without the change, 03:30 EDT.
    (1, "days", NEW_YORK, "", "", "2027-03-13T07:30:00Z", "2027-03-14T07:30:00.000Z", "a time that does not exist"),
    # 01:30 on 1 November 2026 comes twice in New York: the first, in EDT.
    (1, "days", NEW_YORK, "", "", "2026-10-31T05:30:00Z", "2026-11-01T05:30:00.000Z", "a time that comes twice"),
    # Months: the same day, the last where there is none.
    (1, "months", "UTC", "", "", "2027-01-31T10:00:00Z", "2027-02-28T10:00:00.000Z", "31 January"),
    (1, "months", "UTC", "", "", "2028-01-31T10:00:00Z", "2028-02-29T10:00:00.000Z", "31 January of a leap year"),
    (1, "months", "UTC", "", "", "2026-12-15T10:00:00Z", "2027-01-15T10:00:00.000Z", "December"),
    (1, "months", "Europe/Berlin", "", "", "2026-10-10T08:00:00Z", "2026-11-10T09:00:00.000Z", "10:00 in Berlin"),
    # 23:30 UTC on 31 March is 1 April in Berlin: its month ends on 1 May, at 01:30 there.
    (1, "months", "Europe/Berlin", "", "", "2026-03-31T23:30:00Z", "2026-04-30T23:30:00.000Z", "another day there"),
    # Four business days, the day of the start not counted, 17:30 in New York.
    # Monday: Tuesday 1, Wednesday 2, Thursday 3, Friday 4 (EST).
    (4, "business_days", NEW_YORK, "US", "17:30", "2026-11-30T15:00:00Z", "2026-12-04T22:30:00.000Z", "a Monday"),
    # Wednesday before Thanksgiving (26 November): Friday 1, Monday 2, Tuesday 3, Wednesday 4.
    (4, "business_days", NEW_YORK, "US", "17:30", "2026-11-25T20:00:00Z", "2026-12-02T22:30:00.000Z", "Thanksgiving"),
    # Saturday and Sunday: Monday is the first, Thursday the fourth (EDT).
    (4, "business_days", NEW_YORK, "US", "17:30", "2026-09-12T15:00:00Z", "2026-09-17T21:30:00.000Z", "a Saturday"),
    (4, "business_days", NEW_YORK, "US", "17:30", "2026-09-13T15:00:00Z", "2026-09-17T21:30:00.000Z", "a Sunday"),
    # Tuesday 22 December: 23, 24, (25 Christmas, weekend), 28, 29.
    (4, "business_days", NEW_YORK, "US", "17:30", "2026-12-22T15:00:00Z", "2026-12-29T22:30:00.000Z", "Christmas"),
    # Independence Day 2026 is a Saturday and is observed on Friday 3 July: 1, 2, 6, 7 July after Tuesday 30 June.
    (4, "business_days", NEW_YORK, "US", "17:30", "2026-06-30T15:00:00Z", "2026-07-07T21:30:00.000Z", "observed"),
    # Late on Tuesday in New York is Wednesday in UTC; the day is New York's: Wednesday 1 … Monday 4.
    (4, "business_days", NEW_YORK, "US", "17:30", "2026-12-02T03:00:00Z", "2026-12-07T22:30:00.000Z", "near midnight"),
    # Without a calendar only weekends are free: 26 and 27 November count.
    (2, "business_days", NEW_YORK, "", "", "2026-11-25T20:00:00Z", "2026-11-27T20:00:00.000Z", "weekends only"),
    # Epiphany (6 January) is a holiday in Bavaria, not in Berlin.
    (1, "business_days", "Europe/Berlin", "DE-BY", "", "2027-01-05T09:00:00Z", "2027-01-07T09:00:00.000Z", "Bavaria"),
    (1, "business_days", "Europe/Berlin", "DE-BE", "", "2027-01-05T09:00:00Z", "2027-01-06T09:00:00.000Z", "Berlin"),
    # The exchange closes on Good Friday (3 April 2026), the government does not.
    (1, "business_days", NEW_YORK, "NYSE", "", "2026-04-02T14:00:00Z", "2026-04-06T14:00:00.000Z", "Good Friday"),
    (1, "business_days", NEW_YORK, "US", "", "2026-04-02T14:00:00Z", "2026-04-03T14:00:00.000Z", "no federal holiday"),
]


@pytest.mark.parametrize(("amount", "unit", "zone", "calendar", "at", "start", "due", "why"), ROWS)
def test_what_was_counted_by_hand(
    amount: int, unit: str, zone: str, calendar: str, at: str, start: str, due: str, why: str
) -> None:
    """The same comes out."""
    limit = Limit.model_validate(
        {"after": "aware", "amount": amount, "unit": unit, "zone": zone, "calendar": calendar, "at": at}
    )
    found = due_of((limit,), {"aware": start})
    assert found is not None
    assert (found.due, found.after) == (due, "aware"), why


def test_the_earliest_limit_that_has_begun_counts() -> None:
    """DORA: four hours after classification, and at most 24 after awareness."""
    limits = (Limit(after="classified", amount=4), Limit(after="aware", amount=24))
    aware = "2026-11-29T10:00:00Z"
    assert due_of(limits, {}) is None
    later = due_of(limits, {"aware": aware})
    early = due_of(limits, {"aware": aware, "classified": "2026-11-29T12:00:00+00:00"})
    capped = due_of(limits, {"aware": aware, "classified": "2026-11-30T09:00:00Z"})
    assert [one and (one.due, one.after) for one in (later, early, capped)] == [
        ("2026-11-30T10:00:00.000Z", "aware"),
        ("2026-11-29T16:00:00.000Z", "classified"),
        ("2026-11-30T10:00:00.000Z", "aware"),
    ]


def test_it_says_how_it_was_counted() -> None:
    """Whoever has to check it can."""
    limit = Limit(after="materiality_decided", amount=4, unit="business_days", zone=NEW_YORK, calendar="US", at="17:30")
    found = due_of((limit,), {"materiality_decided": "2026-11-25T20:00:00Z"})
    assert found is not None
    assert found.how == (
        "4 business days after it was decided that it is material (2026-11-25T20:00:00Z), holidays of US: "
        "Wed 2026-12-02 17:30 America/New_York"
    )
    at_once = due_of((Limit(after="x.met"),), {"x.met": "2026-11-25T20:00:00Z"})
    assert at_once is not None
    assert (at_once.due, at_once.how) == ("", "without undue delay after `x` was met")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"zone": "Mars/Olympus"}, "Mars/Olympus is no time zone"),
        ({"zone": "../../etc/passwd"}, "is no time zone"),
        ({"calendar": "US "}, "is no calendar"),
        ({"calendar": "XX"}, "the holidays of XX are not known"),
        ({"calendar": "US-ZZ"}, "the holidays of US-ZZ are not known"),
        ({"at": "25:00"}, "25:00 is no time of day"),
        ({}, ""),
    ],
)
def test_what_cannot_be_computed(fields: dict[str, str], sentence: str) -> None:
    """Is said before anything runs."""
    found = problem_of(Limit.model_validate({"after": "aware", "amount": 1, "unit": "days", **fields}))
    assert sentence in found
    assert bool(found) == bool(sentence)


def test_a_moment_needs_a_time_zone() -> None:
    """A time without one could be anybody's."""
    with pytest.raises(ValueError, match="no time zone"):
        due_of((Limit(after="aware", amount=1),), {"aware": "2026-11-29T10:00:00"})
