"""The inventory as a picture: what leads to what, and that it can be followed with a finger."""

import itertools
import re
from xml.etree import ElementTree as ET

import pytest

from firedoor.graph.inventory import MOST, inventory_svg
from firedoor.inventory import Inventory, parse
from tests.inventory.test_inventory import TEXT

SVG = "{http://www.w3.org/2000/svg}"


def drawn(inventory: Inventory) -> ET.Element:
    """The picture."""
    return ET.XML(inventory_svg(inventory))


def boxes(picture: ET.Element) -> list[dict[str, float]]:
    """Where each box is."""
    return [
        {side: float(rect.attrib[side]) for side in ("x", "y", "width", "height")}
        for rect in picture.findall(f"{SVG}g/{SVG}rect")
    ]


def test_a_line_past_the_consumers_runs_behind_none_of_them() -> None:
    """A customer that depends on a credential itself: the line goes through a gap of the column between."""
    picture = drawn(parse(TEXT, "f"))
    ways = [path.attrib["d"] for path in picture.findall(f"{SVG}path")]
    assert len(ways) == 6
    (past,) = [way for way in ways if "H" in way]
    height = float(re.findall(r"([\d.]+) H", past)[0])
    left = sorted({box["x"] for box in boxes(picture)})[1]
    assert not [one for one in boxes(picture) if one["x"] == left and one["y"] <= height <= one["y"] + one["height"]]


@pytest.mark.parametrize("inventory", [Inventory(), parse(TEXT, "f")])
def test_every_box_is_in_the_picture(inventory: Inventory) -> None:
    """None overlaps another, none is cut off; an empty inventory is drawn as well."""
    picture = drawn(inventory)
    found = sorted(boxes(picture), key=lambda one: (one["x"], one["y"]))
    assert len(found) == len(inventory.credentials) + len(inventory.consumers) + len(inventory.customers)
    for one, below in itertools.pairwise(found):
        assert one["x"] < below["x"] or one["y"] + one["height"] < below["y"]
        assert below["y"] + below["height"] < float(picture.attrib["height"])


def test_of_many_customers_those_who_depend_on_the_same_are_one_box() -> None:
    """And one who depends on something alone has a name."""
    many = [f"c{number}" for number in range(MOST + 1)]
    consumers = {"a": {"customers": many[:-1]}, "b": {"customers": many[-1:]}}
    inventory = Inventory.model_validate({"consumers": consumers, "customers": {name: {} for name in many}})
    texts = [text for one in drawn(inventory).iter(f"{SVG}text") if (text := one.text)]
    assert f"{MOST} customers" in texts
    assert many[-1] in texts
    assert "1 customer" not in texts
