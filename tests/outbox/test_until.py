"""For whom `until` holds: what `customer` says there, and what cannot be judged."""

from dataclasses import replace

import pytest

from firedoor.outbox.until import NAMES, Case, held
from tests.campaigning import recipient

CASE = Case("confirmed", "first", reached=True, acknowledged=False, remediated=False)


@pytest.mark.parametrize(
    ("until", "case", "waited_for"),
    [
        ("", CASE, False),
        ("customer.remediated", CASE, True),
        ("customer.remediated", replace(CASE, remediated=True), False),
        ("customer.remediated || customer.acknowledged", replace(CASE, acknowledged=True), False),
        ("customer.remediated || customer.exposure == 'possible'", CASE, True),
        ("customer.remediated || customer.exposure == 'possible'", replace(CASE, exposure="possible"), False),
        ("customer.cohort == 'first' ? customer.remediated : customer.reached", replace(CASE, cohort="x"), False),
        ("customer.name", CASE, True),
        ("customer.reached ? 1 : 0", CASE, True),
        ("customer.exposure > 3", CASE, True),
    ],
)
def test_who_is_waited_for(until: str, case: Case, *, waited_for: bool) -> None:
    """Everybody for whom it is not true. What fails, or is neither true nor false, waits: nobody is done by a mistake."""
    assert held(until, case) is waited_for


def test_the_case_of_a_customer() -> None:
    """Moments become yes and no; these names and no others can be used."""
    one = recipient("acme", reached=1.0, remediated=2.0)
    assert Case.of(one) == Case("confirmed", "confirmed", reached=True, acknowledged=False, remediated=True)
    assert {"acknowledged", "cohort", "exposure", "reached", "remediated"} == NAMES
