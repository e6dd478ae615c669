"""The order of steps, and circles."""

from hypothesis import given
from hypothesis import strategies as st

from firedoor.compiler.order import circles, in_order

NAMES = [f"s{number}" for number in range(8)]
NEEDS = st.lists(st.lists(st.sampled_from(NAMES), max_size=3), min_size=len(NAMES), max_size=len(NAMES)).map(
    lambda needs: dict(zip(NAMES, needs, strict=True))
)


@given(NEEDS)
def test_order_and_circles(needs: dict[str, list[str]]) -> None:
    """Each step comes after what it needs; what is left out is explained by a real circle."""
    order = in_order(needs)
    for name in order:
        assert all(order.index(need) < order.index(name) for need in needs[name])
    found = circles(needs)
    assert bool(found) == (len(order) < len(needs))
    for circle in found:
        for name, following in zip(circle, [*circle[1:], circle[0]], strict=True):
            assert following in needs[name]


def test_the_order_of_the_file_decides_between_equals() -> None:
    """What does not depend on each other stays as it was written."""
    assert in_order({"c": [], "b": ["a"], "a": [], "d": ["c"]}) == ["c", "a", "b", "d"]


def test_every_knot_has_its_circle() -> None:
    """Two knots are two mistakes; what hangs on them is none."""
    needs = {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"], "e": ["a", "c"]}
    assert circles(needs) == [["a", "b"], ["c", "d"]]
