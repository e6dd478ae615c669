"""What is flagged in the use of a credential, and what is not."""

import datetime
from dataclasses import replace

import pytest

from activities.credentials.anomalies import Comparison
from activities.providers._provider import Use

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
SINCE = NOW - datetime.timedelta(hours=24)
DAYS = 7


def use(hours_ago: int, requests: int, model: str = "", *, seconds: int = 3600, failed: int = 0) -> Use:
    """One bucket, that began so many hours ago."""
    start = NOW - datetime.timedelta(hours=hours_ago)
    return Use(start=start, seconds=seconds, requests=requests, failed=failed, model=model)


#: A steady week: 80 requests an hour from 08:00 to 18:00 UTC, one model.
WEEK = [
    use(hours, 80, model="gpt-5")
    for hours in range(25, 25 + 24 * DAYS)
    if 8 <= (NOW - datetime.timedelta(hours=hours)).hour < 18
]
TODAY = [use(hours, 80, model="gpt-5") for hours in (1, 2, 3, 4)]


def flagged(*uses: Use) -> dict[str, str]:
    """The flags of a window after the steady week, and what they say."""
    compared = Comparison.of([*WEEK, *uses], SINCE, NOW, DAYS)
    return {flag.kind: flag.says for flag in compared.flags()}


def test_a_day_like_any_other_has_no_flag() -> None:
    """The same hours, the same model, the same volume."""
    assert flagged(*TODAY) == {}
    compared = Comparison.of([*WEEK, *TODAY], SINCE, NOW, DAYS)
    assert (compared.volume, compared.usual) == (320, 800)
    assert compared.blind() == ("regions", "addresses", "failed requests")


@pytest.mark.parametrize(
    ("odd", "kind", "says"),
    [
        (
            use(2, 900, model="gpt-5"),
            "spike",
            "900 requests in one hour; its busiest hour of the 7 days before had 80.",
        ),
        (use(2, 5, model="o9"), "new_model", "5 requests of the model o9, which it never used in the 7 days before."),
        (use(9, 40, model="gpt-5"), "odd_hours", "40 requests at 03:00-04:00 UTC, when it slept on all days before."),
        (
            use(2, 80, model="gpt-5", failed=60),
            "malformed",
            "60 of 80 requests were refused as malformed or not allowed (75%; usually 0%).",
        ),
    ],
)
def test_each_oddity_is_flagged_alone_with_its_figures(odd: Use, kind: str, says: str) -> None:
    """One thing is odd: one flag, that says by how much."""
    assert flagged(odd) == {kind: says}


def test_a_volume_spread_over_the_day_is_a_spike_too() -> None:
    """No hour stands out by itself."""
    awake = [hours for hours in range(1, 25) if 8 <= (NOW - datetime.timedelta(hours=hours)).hour < 18]
    week = [
        use(hours, 40, model="gpt-5") for hours in range(30, 190) if (NOW - datetime.timedelta(hours=hours)).hour == 9
    ]
    compared = Comparison.of([*week, use(30, 120), *(use(hours, 120) for hours in awake)], SINCE, NOW, DAYS)
    assert [flag.says for flag in compared.flags() if flag.kind == "spike"] == [
        "1,200 requests; a window as long usually has 51."
    ]


def test_what_was_never_used_before_is_a_spike_and_has_nothing_to_compare_with() -> None:
    """A key that slept for a week and wakes up."""
    compared = Comparison.of([use(2, 60, model="gpt-5")], SINCE, NOW, DAYS)
    assert next(flag.says for flag in compared.flags()) == "60 requests in one hour; it was not used before."
    assert compared.blind()[-1] == "use in the 7 days before: there is nothing to compare with"


def test_small_counts_prove_nothing() -> None:
    """Ten requests after a week of three a day are no spike, and two failures no attack."""
    week = [use(25 + 24 * day, 3) for day in range(DAYS)]
    assert Comparison.of([*week, use(1, 10, failed=2)], SINCE, NOW, DAYS).flags() == ()


def test_a_dimension_that_the_provider_never_told_before_flags_nothing() -> None:
    """Regions appear in its report for the first time: that is the report, not the thief."""
    assert flagged(*TODAY, replace(use(1, 5, "gpt-5"), region="xx-1")) == {}


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (replace(use(2, 10), region="xx-1"), "new_region"),
        (replace(use(2, 10), address="192.0.2.9"), "new_address"),
    ],
)
def test_a_new_region_and_a_new_address(odd: Use, kind: str) -> None:
    """Where the provider tells them."""
    week = [replace(use(hours, 10), region="eu-1", address="192.0.2.1") for hours in range(25, 100)]
    flags = Comparison.of([*week, odd], SINCE, NOW, DAYS).flags()
    assert [flag.kind for flag in flags] == [kind]
    assert (odd.region or odd.address) in flags[0].says
    assert flags[0].since == "2026-11-23T10:00:00Z"


def test_days_are_compared_with_days_and_have_no_hours() -> None:
    """A provider that counts by the day."""
    day = 24 * 3600
    week = [use(24 * back, 100, seconds=day, model="m") for back in range(2, 9)]
    compared = Comparison.of([*week, use(24, 400, seconds=day, model="m")], SINCE, NOW, DAYS)
    assert [flag.says for flag in compared.flags()] == [
        "400 requests in one day; its busiest day of the 7 days before had 100."
    ]
    assert "hours of the day" in compared.blind()


def test_tokens_are_counted_where_no_requests_are_told() -> None:
    """A provider that tells tokens only: the same rules, in tokens."""
    week = [replace(use(hours, 0, "opus"), tokens=2_000) for hours in range(25, 25 + 24 * DAYS)]
    compared = Comparison.of([*week, replace(use(2, 0, "opus"), tokens=90_000)], SINCE, NOW, DAYS)
    assert [flag.says for flag in compared.flags()] == [
        "90,000 tokens in one hour; its busiest hour of the 7 days before had 2,000."
    ]
    assert "requests: volume is counted in tokens" in compared.blind()
