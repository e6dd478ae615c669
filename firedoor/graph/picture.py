"""The picture: a head, a legend, the boxes of the steps and the lines between them. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from firedoor.forecast import Touched, dependents, radius, undecided, unread
from firedoor.graph.box import WORDS, box
from firedoor.graph.drawn import COLOURS, MARGIN, OUTLINES, QUIET, WORD, Drawing, lock
from firedoor.graph.ink import INK, SANS, Pen, element, tip, width
from firedoor.graph.layout import arrange
from firedoor.incident import IncidentView, Mode
from firedoor.plan import Plan
from firedoor.words import counted, plural

NARROWEST = 1000.0
MOST_INPUTS = 6
#: A tile of the blast radius; as many stand in a row; from the top of one row to that of the next.
TILE, TILES, TILE_ROW = 116.0, 4, 66.0
NAME_COLUMN = 150.0

TITLE = Pen(24, weight=700)
NUMBER = Pen(26, weight=700)
FACT, FACT_NAME = Pen(13), Pen(13, QUIET)
SMALL, ALARM = Pen(12, QUIET), Pen(12, "#a01c1c", 700)


def svg(plan: Plan, view: IncidentView) -> str:
    """The picture of a plan as one SVG document. Counts, states and blast radius are those of `view`, a plan run."""
    later = undecided(plan, view)
    boxes = {step.id: box(step, plan, view, later) for step in plan.steps}
    needs = {step.id: step.needs for step in plan.steps}
    # Two pictures: the line between them says already that `always` steps come after all others.
    main = Drawing(arrange({name: needs[name] for name in needs if not boxes[name].always}), boxes)
    ending = Drawing(arrange({name: needs[name] for name in needs if boxes[name].always}), boxes)
    wide = max(NARROWEST, main.layout.width + 2 * MARGIN, ending.layout.width + 2 * MARGIN)
    head, y = _head(plan, view, wide)
    legend, y = _legend(wide, y)
    graph, y = main.draw(y, wide)
    endings, y = _endings(ending, y, wide)
    return _document(plan, (wide, y), [*head, *legend, *graph, *endings])


def _document(plan: Plan, size: tuple[float, float], parts: list[str]) -> str:
    wide, high = (f"{number:.0f}" for number in size)
    ground = element("rect", width="100%", height="100%", fill="#ffffff")
    inner = "\n".join(("", tip(f"Plan: {plan.title or plan.name}"), ground, *parts, ""))
    frame = {"xmlns": "http://www.w3.org/2000/svg", "width": wide, "height": high, "viewBox": f"0 0 {wide} {high}"}
    picture = element("svg", inner, **frame, role="img", font_family=SANS)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{picture}\n'


def _head(plan: Plan, view: IncidentView, wide: float) -> tuple[list[str], float]:
    """Title, runbook, inputs, digest, time; the blast radius in large numbers. And where the next part begins."""
    room = wide - 2 * MARGIN
    tiles, below = _radius(view, wide)
    facts = list(_facts(plan, view))
    left = min(NAME_COLUMN, max(width(name, FACT.size) for name, _ in facts) + 18)
    parts = [TITLE.at(MARGIN, 50, plan.title or plan.name, room), *tiles]
    y = 80.0
    for name, value in facts:
        row = FACT_NAME.at(MARGIN, y, name, left - 10)
        row += FACT.at(MARGIN + left, y, value, room * 0.5 - left)
        parts.append(element("g", tip(f"{name} {value}") + row))
        y += 20
    if missing := unread(view):
        words = f"The plan is incomplete; these could not be read: {', '.join(missing)}"
        parts.append(element("g", tip(words) + ALARM.at(MARGIN, y + 8, words, room * 0.5)))
        y += 22
    if view.mode is Mode.PLAN:
        parts.append(SMALL.at(MARGIN, y + 8, "Nothing was changed: this was a plan.", room))
        y += 22
    return parts, max(y, below)


def _facts(plan: Plan, view: IncidentView) -> Iterator[tuple[str, str]]:
    yield "runbook", f"{plan.name} · {plan.severity} · {plan.mode} · {plural(len(plan.steps), 'steps')}"
    yield "plan", f"sha256 {plan.digest()[:16]}…"
    moment = (view.ended or view.started)[:19].replace("T", " ")
    yield "read", f"{moment} UTC by {view.starter.principal}{' · drill' if view.drill else ''}"
    given = list(view.inputs.items())
    yield from ((name, str(value)) for name, value in given[:MOST_INPUTS])
    if len(given) > MOST_INPUTS:
        yield "", f"… and {len(given) - MOST_INPUTS} more inputs"


def _radius(view: IncidentView, wide: float) -> tuple[list[str], float]:
    """The numbers: what is changed, and below it what is known to depend on that. And where they end."""
    parts, y = _tiles("Blast radius: what is changed", radius(view), wide, 84)
    if known := dependents(view):
        more, y = _tiles("Known to depend on it, when this was read", known, wide, y + 14)
        parts += more
    return parts, y


def _tiles(title: str, counts: Sequence[Touched], wide: float, y: float) -> tuple[list[str], float]:
    """One number a tile, at most so many in a row that the facts beside them stay readable."""
    words = [(f"{'≥ ' if one.least else ''}{one.count:,}", counted(one.count, one.kind)) for one in counts]
    words = words or [("–", "none counted")]
    left = wide - MARGIN - TILE * min(len(words), TILES)
    parts = [SMALL.at(min(left + 14, wide - MARGIN - width(title, SMALL.size)), y, title, wide)]
    for index, (count, kind) in enumerate(words):
        x, top = left + index % TILES * TILE, y + 8 + index // TILES * TILE_ROW
        parts.append(element("rect", x=x + 4, y=top, width=TILE - 8, height=58, rx=6, fill="#f3f5f7"))
        parts.append(NUMBER.at(x + 14, top + 29, count, TILE - 22) + SMALL.at(x + 14, top + 48, kind, TILE - 22))
    return parts, y + 8 + TILE_ROW * -(-len(words) // TILES)


def _legend(wide: float, y: float) -> tuple[list[str], float]:
    parts = [element("line", x1=MARGIN, y1=y + 14, x2=wide - MARGIN, y2=y + 14, stroke="#e1e6eb")]
    x = MARGIN
    for look, words in WORDS.items():
        line, ground, ink = COLOURS[look]
        parts.append(
            element("rect", x=x, y=y + 29, width=26, height=15, fill=ground, stroke=line, **OUTLINES[look] | {"rx": 4})
        )
        parts.append(Pen(WORD, ink, 600).at(x + 34, y + 41, words, NAME_COLUMN))
        x += 34 + width(words, WORD) + 30
    parts.append(lock(x, y + 29) + Pen(WORD, INK, 600).at(x + 18, y + 41, "waits for approval", NAME_COLUMN))
    return parts, y + 80


def _endings(ending: Drawing, y: float, wide: float) -> tuple[list[str], float]:
    """The steps that run however it ends, below a line that says so."""
    if not ending.layout.ranks:
        return [], y
    line: Mapping[str, str | float] = {"stroke": INK, "stroke_width": 1.2, "stroke_dasharray": "3 4"}
    words = "Always, when all of the above has ended, however it ends"
    parts = [
        element("line", x1=MARGIN, y1=y, x2=wide - MARGIN, y2=y, **line),
        Pen(WORD, INK, 600).at(MARGIN, y + 22, words, wide),
    ]
    drawn, below = ending.draw(y + 46, wide)
    return [*parts, *drawn], below
