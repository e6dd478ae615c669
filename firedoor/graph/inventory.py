"""The inventory as a picture: credential → consumer → customer, in three columns. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from firedoor.graph.drawn import LINE, MARGIN, QUIET
from firedoor.graph.ink import SANS, Pen, element, tip
from firedoor.inventory.model import Customer, Inventory
from firedoor.words import plural

WIDE, HIGH, GAP, BETWEEN = 300.0, 46.0, 10.0, 150.0
TOP = 118.0
#: More customers than this stand as one box for all who depend on the same things.
MOST = 30
TITLE, HEAD, NAME, FACT, NOTE = (
    Pen(24, weight=700),
    Pen(13, QUIET, 600),
    Pen(14, weight=600),
    Pen(11, QUIET),
    Pen(12, QUIET),
)
#: By column: the outline and the ground; the outlines differ in shape as well, for print without colours.
LOOKS: tuple[dict[str, str | float], ...] = (
    {"fill": "#fdf3ea", "stroke": "#c25e00", "rx": 7, "stroke_width": 1.8},
    {"fill": "#eef5fb", "stroke": "#0072b2", "rx": 2, "stroke_width": 1.6},
    {"fill": "#f1f8f5", "stroke": "#009e73", "rx": 20, "stroke_width": 1.6},
)


@dataclass(frozen=True, slots=True)
class Node:
    """A box: its name, a line below it, the whole truth for the pointer, and what it leads to in the columns behind."""

    key: str
    name: str
    fact: str
    tip: str
    to: tuple[str, ...] = ()


def inventory_svg(inventory: Inventory) -> str:
    """The picture as one SVG document."""
    customers, stands_for = _customers(inventory)
    columns = [list(_credentials(inventory, stands_for)), list(_consumers(inventory, stands_for)), customers]
    columns[1] = _near(columns[1], columns[:1])
    columns[2] = _near(columns[2], columns[:2])
    tall = max(1, *(len(nodes) for nodes in columns)) * (HIGH + GAP)
    # Each column over the whole height, so that lines do not run into a corner.
    places = {
        node.key: (column, TOP + (row + 0.5) * tall / len(nodes))
        for column, nodes in enumerate(columns)
        for row, node in enumerate(nodes)
    }
    gaps = [TOP + number * tall / max(1, len(columns[1])) for number in range(len(columns[1]) + 1)]
    lines = [
        _line(places[node.key], places[to], gaps)
        for nodes in columns
        for node in nodes
        for to in node.to
        if to in places
    ]
    boxes = [_box(node, *places[node.key]) for nodes in columns for node in nodes]
    size = 2 * MARGIN + 3 * WIDE + 2 * BETWEEN, TOP + tall + MARGIN
    return _document(size, [*_heads(inventory), *lines, *boxes])


def _credentials(inventory: Inventory, stands_for: Mapping[str, str]) -> Iterator[Node]:
    for name, entry in sorted(inventory.credentials.items(), key=lambda one: (one[1].provider, one[0])):
        consumers = tuple(f"consumer:{one}" for one in sorted(entry.consumers))
        customers = tuple(dict.fromkeys(stands_for[one] for one in sorted(entry.customers)))
        seen = f"seen in {entry.seen[0]}" if entry.seen else "no place is known"
        where = ", ".join(entry.where) or seen
        said = "\n".join(
            part for part in (name, f"{entry.provider} {entry.id}".strip(), where, *entry.seen, entry.note) if part
        )
        yield Node(f"credential:{name}", name, f"{entry.provider} · {where}", said, (*consumers, *customers))


def _consumers(inventory: Inventory, stands_for: Mapping[str, str]) -> Iterator[Node]:
    for name, one in sorted(inventory.consumers.items()):
        to = tuple(dict.fromkeys(stands_for[customer] for customer in sorted(one.customers)))
        says = "\n".join(part for part in (name, one.title, one.owner and f"Owner: {one.owner}") if part)
        yield Node(f"consumer:{name}", one.title or name, one.owner, says, to)


def _customers(inventory: Inventory) -> tuple[list[Node], dict[str, str]]:
    """The boxes of customers, and which box each customer is in."""
    if len(inventory.customers) <= MOST:
        nodes = [_customer(name, one) for name, one in sorted(inventory.customers.items())]
        return nodes, {name: f"customer:{name}" for name in inventory.customers}
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(inventory.customers):
        groups.setdefault(_sources(inventory, name), []).append(name)
    nodes, stands_for = [], dict[str, str]()
    for number, names in enumerate(groups.values()):
        if len(names) == 1:
            nodes.append(_customer(names[0], inventory.customers[names[0]]))
            stands_for[names[0]] = nodes[-1].key
            continue
        key = f"customers:{number}"
        stands_for |= dict.fromkeys(names, key)
        some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        nodes.append(Node(key, plural(len(names), "customers"), some, "\n".join(names[:100])))
    return nodes, stands_for


def _customer(name: str, one: Customer) -> Node:
    said = "\n".join(filter(None, (name, one.title, one.contact)))
    return Node(f"customer:{name}", one.title or name, one.contact, said)


def _sources(inventory: Inventory, customer: str) -> tuple[str, ...]:
    credentials = [name for name, one in inventory.credentials.items() if customer in one.customers]
    return (*credentials, *(name for name, one in inventory.consumers.items() if customer in one.customers))


def _near(nodes: Sequence[Node], before: Sequence[Sequence[Node]]) -> list[Node]:
    """Each box at the height of what leads to it, so that lines cross little."""
    found: dict[str, list[int]] = {}
    for column in before:
        for row, node in enumerate(column):
            for to in node.to:
                found.setdefault(to, []).append(row)
    means = {key: sum(rows) / len(rows) for key, rows in found.items()}
    return sorted(nodes, key=lambda node: (means.get(node.key, float("inf")), node.key))


def _left(column: int) -> float:
    return MARGIN + column * (WIDE + BETWEEN)


def _line(start: tuple[int, float], end: tuple[int, float], gaps: Sequence[float]) -> str:
    """From a box to another: column and middle of each. `gaps` are the heights between the boxes of the middle."""
    (column, y), (last, down) = start, end
    x = _left(column) + WIDE
    way = f"M{x:.1f} {y:.1f} "
    if last - column > 1:
        # Past the column between, through a gap of it: behind a box a line could lead anywhere.
        gap = min(gaps, key=lambda one: abs(one - (y + down) / 2))
        way += f"{_curve(x, y, _left(1), gap)} H{_left(1) + WIDE:.1f} "
        x, y = _left(1) + WIDE, gap
    way += _curve(x, y, _left(last), down)
    return element("path", d=way, fill="none", stroke=LINE, stroke_width=1.4, opacity=0.75)


def _curve(x: float, y: float, to: float, down: float) -> str:
    half = (x + to) / 2
    return f"C{half:.1f} {y:.1f} {half:.1f} {down:.1f} {to:.1f} {down:.1f}"


def _box(node: Node, column: int, middle: float) -> str:
    x, y = _left(column), middle - HIGH / 2
    frame = element("rect", x=x, y=y, width=WIDE, height=HIGH, **LOOKS[column])
    words = NAME.at(x + 14, y + (20 if node.fact else 28), node.name, WIDE - 28)
    fact = FACT.at(x + 14, y + 36, node.fact, WIDE - 28) if node.fact else ""
    return element("g", tip(node.tip) + frame + words + fact)


def _heads(inventory: Inventory) -> Iterator[str]:
    yield TITLE.at(MARGIN, 50, "Inventory", 600)
    yield NOTE.at(MARGIN, 74, "A credential, who uses it, and who depends on that. Names without values.", 900)
    counts = ("credentials", "consumers", "customers")
    for column, kind in enumerate(counts):
        yield HEAD.at(_left(column), TOP - 14, plural(len(getattr(inventory, kind)), kind), WIDE)


def _document(size: tuple[float, float], parts: Sequence[str]) -> str:
    wide, high = (f"{number:.0f}" for number in size)
    ground = element("rect", width="100%", height="100%", fill="#ffffff")
    inner = "\n".join(("", tip("Inventory: credentials, consumers, customers"), ground, *parts, ""))
    frame = {"xmlns": "http://www.w3.org/2000/svg", "width": wide, "height": high, "viewBox": f"0 0 {wide} {high}"}
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{element("svg", inner, **frame, role="img", font_family=SANS)}\n'
