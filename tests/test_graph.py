"""The picture of a plan: what stands in it, where it stands, and that nobody's text breaks it."""

import itertools
import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.graph import svg
from firedoor.graph.ink import cut, width
from firedoor.graph.layout import BOX_WIDTH, GAP, Item, Segment, arrange, size
from firedoor.incident import (
    Dependent,
    Failure,
    IncidentState,
    IncidentView,
    Mode,
    Preview,
    Progress,
    Responder,
    StepState,
    StepView,
)
from firedoor.plan import Ask, Effect, Loop, Plan, PlannedStep, Policy

SVG = "{http://www.w3.org/2000/svg}"

STEPS = (
    PlannedStep(id="identify", kind="uses", action="aws.iam.identify_access_key"),
    PlannedStep(
        id="deactivate", kind="uses", action="aws.iam.deactivate", effect=Effect.REVERSIBLE, needs=("identify",)
    ),
    PlannedStep(
        id="rotate",
        kind="uses",
        action="credential.rotate",
        effect=Effect.REVERSIBLE,
        needs=("identify",),
        approval="security",
        temporary=129600,
        loop=Loop(items="steps.identify.keys", name="key", canary=5),
    ),
    PlannedStep(id="hold", kind="wait", wait=900, needs=("deactivate",)),
    PlannedStep(
        id="healthy", kind="ask", ask=Ask(prompt="Is it healthy?", of="security", fields={}), needs=("rotate",)
    ),
    PlannedStep(
        id="destroy",
        kind="uses",
        action="aws.iam.delete",
        effect=Effect.DESTRUCTIVE,
        needs=("healthy", "hold"),
        mentions=("healthy",),
        approval="security",
    ),
    PlannedStep(id="tell", kind="uses", action="slack.tell", effect=Effect.REVERSIBLE, needs=("destroy",), always=True),
)

PLAN = Plan(
    name="leaked",
    title="Contain a leak",
    runbook_sha256="0" * 64,
    policies={"security": Policy(sources=("user:ada", "user:bob"), count=2)},
    steps=STEPS,
)


def told(name: str, state: StepState = StepState.DONE, **facts: object) -> StepView:
    """What a plan run says of a step."""
    return StepView.model_validate({"id": name, "kind": "uses", "title": "", "state": state, **facts})


def seen(*steps: StepView, **facts: object) -> IncidentView:
    """What a plan run found."""
    return IncidentView(
        id="plan.leaked-x",
        runbook="leaked",
        plan=PLAN.digest(),
        mode=Mode.PLAN,
        state=IncidentState.COMPLETED,
        started="2026-11-23T19:02:11.000Z",
        starter=Responder(principal="user:ada", auth="os"),
        steps=steps,
    ).model_copy(update=facts)


VIEW = seen(
    told("identify"),
    told("deactivate", StepState.SKIPPED),
    told("rotate", progress=Progress(total=1200), blast={"credentials": 1200, "services": 1}),
    told("hold"),
    told("healthy"),
    told("destroy", StepState.SKIPPED),
    told("tell", StepState.NEEDS_ATTENTION, failure=Failure(reason="not_found", what="There is no channel.")),
    inputs={"access_key_id": "AKIAIOSFODNN7EXAMPLE"},
)


def words(picture: str) -> list[str]:
    """Every text that is to be read in a picture."""
    return ["".join(one.itertext()) for one in ET.XML(picture).iter(f"{SVG}text")]


def box(picture: str, name: str) -> list[str]:
    """The texts in the box of a step."""
    for group in ET.XML(picture).iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None and (title.text or "").split("\n")[0] == name:
            return ["".join(one.itertext()) for one in group.iter(f"{SVG}text")]
    pytest.fail(f"there is no box of {name}")


def test_the_head_says_what_it_is_a_picture_of() -> None:
    """Runbook, inputs, digest, when and by whom, and that nothing was changed."""
    read = words(svg(PLAN, VIEW))
    assert "Contain a leak" in read
    assert "leaked · high · breach · 7 steps" in read
    assert f"sha256 {PLAN.digest()[:16]}…" in read
    assert "2026-11-23 19:02:11 UTC by user:ada" in read
    assert "AKIAIOSFODNN7EXAMPLE" in read
    assert "Nothing was changed: this was a plan." in read


def test_each_box_says_what_the_step_does() -> None:
    """Effect by a word, targets, canary, approval with its count, what takes itself back, and the blast radius."""
    picture = svg(PLAN, VIEW)
    assert box(picture, "identify") == ["○ reads", "identify", "aws.iam.identify_access_key"]
    assert box(picture, "rotate") == [
        "● changes",
        "rotate",
        "credential.rotate",
        "× 1,200 targets",
        "canary: 5 first, then a look",
        "takes itself back after 36 h",
        "1,200 credentials · 1 service",
        "security · 2 people",
    ]
    assert box(picture, "hold") == ["◷ waits", "hold", "15 min"]
    assert box(picture, "healthy") == ["? asks people", "healthy", "security · 1 person"]
    assert box(picture, "destroy")[0] == "! DESTROYS"


def test_what_does_not_run_and_what_is_not_known_differ() -> None:
    """Skipped, decided later and not read are three words; the last also stands in the head."""
    picture = svg(PLAN, VIEW)
    assert "– skipped" in box(picture, "deactivate")
    assert "known when it runs" in box(picture, "destroy")
    assert "✗ not read" in box(picture, "tell")
    assert "The plan is incomplete; these could not be read: tell" in words(picture)


def test_the_blast_radius_and_the_legend_stand_above() -> None:
    """The sums as numbers, and each sign with its word."""
    read = words(svg(PLAN, VIEW))
    at = read.index("Blast radius: what is changed")
    assert read[at + 1 : at + 5] == ["1,200", "credentials", "1", "service"]
    for word in ("○ reads", "● changes", "! DESTROYS", "? asks people", "◷ waits", "▶ runbook", "waits for approval"):
        assert word in read


def test_what_depends_on_it_has_tiles_of_its_own() -> None:
    """Below what is changed, apart from it; where nothing is known to depend, there is no such row."""
    title = "Known to depend on it, when this was read"
    assert title not in words(svg(PLAN, VIEW))
    using = Preview(change="off", dependents=(Dependent(kind="services", name="s3"),))
    many = dict.fromkeys(("credentials", "principals", "sessions", "services", "customers"), 1)
    picture = svg(PLAN, seen(told("deactivate", previews=(using,), blast=many)))
    read = words(picture)
    assert read[read.index(title) + 1 :][:2] == ["1", "service"]
    heights = {text.text: float(text.get("y", "0")) for text in ET.XML(picture).iter(f"{SVG}text")}
    assert heights["Blast radius: what is changed"] < heights["customer"] < heights[title] < heights["○ reads"]


def test_a_plan_that_was_not_read_is_a_picture_too() -> None:
    """Without a word of the steps only the plan is drawn: no states, no counts."""
    picture = svg(PLAN, seen())
    assert "× each of steps.identify.keys" in box(picture, "rotate")
    assert "none counted" in words(picture)


def test_steps_that_always_run_stand_below_a_line() -> None:
    """Under all others, with words that say why; without such steps there is no line."""
    picture = svg(PLAN, VIEW)
    root = ET.XML(picture)
    heights = {text.text: float(text.get("y", "0")) for text in root.iter(f"{SVG}text")}
    line = heights["Always, when all of the above has ended, however it ends"]
    assert heights["destroy"] < line < heights["tell"]
    assert "Always" not in svg(PLAN.model_copy(update={"steps": STEPS[:-1]}), VIEW)


def test_it_is_white_also_in_a_dark_browser() -> None:
    """The first thing drawn is a white ground over the whole of it."""
    ground = ET.XML(svg(PLAN, VIEW)).find(f"{SVG}rect")
    assert ground is not None
    assert (ground.get("width"), ground.get("height"), ground.get("fill")) == ("100%", "100%", "#ffffff")


HOSTILE = "</title></text><script>alert('\"1')</script>&amp;<![CDATA[ \x00\x1b[31m \ufffe \u202e ]]>"


def test_text_of_strangers_stays_text() -> None:
    """Markup, control characters, halves of characters and hidden directions in every place that carries text."""
    steps = tuple(one.model_copy(update={"title": HOSTILE, "condition": HOSTILE, "action": HOSTILE}) for one in STEPS)
    plan = PLAN.model_copy(update={"steps": steps, "title": HOSTILE, "name": HOSTILE})
    halved = f"{HOSTILE}\ud800"
    starter = Responder.model_construct(principal=halved, auth="os")
    view = seen(
        *(told(one.id, blast={HOSTILE: 1}).model_copy(update={"summary": halved}) for one in STEPS),
        inputs={halved: halved},
        starter=starter,
    )
    picture = svg(plan.model_copy(update={"policies": {}}), view).encode()
    root = ET.XML(picture)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} == {"svg", "title", "rect", "line", "path", "text", "g"}
    names = {name for one in root.iter() for name in one.attrib}
    assert not [name for name in names if name.startswith("on") or "href" in name]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ufffe]", picture.decode())


def test_long_texts_are_cut_to_the_box_and_whole_in_its_tip() -> None:
    """An ellipsis in the box; the pointer shows all of it."""
    long = "Rotate every key that any customer has ever stored with us"
    plan = PLAN.model_copy(update={"steps": (STEPS[0].model_copy(update={"title": long}),)})
    picture = svg(plan, VIEW)
    assert box(picture, "identify")[2].startswith("Rotate every key")
    assert box(picture, "identify")[2].endswith("…")
    assert f"identify\n{long}\n" in picture


@pytest.mark.parametrize(
    "text", ["WWWWWWWWWWWW", "iiiiiiiiiiiiiiiiiiiiiii", "密码密码密码密码", "key-12345678901234567890"]
)
def test_cut_text_fits(text: str) -> None:
    """However wide its characters are."""
    shown = cut(text, 80, 12)
    assert width(shown, 12) <= 80
    assert shown == text or shown.endswith("…")
    assert cut("key", 80, 12) == "key"


Graph = Mapping[str, Sequence[str]]


def chained(number: int) -> Graph:
    """One after the other."""
    return {str(index): [str(index - 1)] if index else [] for index in range(number)}


def fan(number: int) -> Graph:
    """One, then many, then one."""
    middle = [str(index) for index in range(1, number - 1)]
    return {"0": [], **{name: ["0"] for name in middle}, "last": middle}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any plan of some steps: each may need any before it."""
    number = draw(st.integers(1, 30))
    needs = {
        str(index): draw(st.sets(st.integers(0, index - 1), max_size=4)) if index else [] for index in range(number)
    }
    return {name: [str(one) for one in sorted(wanted)] for name, wanted in needs.items()}


def check_layout(needs: Graph) -> None:
    """No box on another, every need above, and no line where a box is."""
    layout = arrange(needs)
    rank = {item: number for number, row in enumerate(layout.ranks) for item in row}
    assert {item for item in rank if isinstance(item, str)} == set(needs)
    for row in layout.ranks:
        for left, right in itertools.pairwise(row):
            between = layout.middle[right] - size(right) / 2 - layout.middle[left] - size(left) / 2
            assert between >= (GAP if isinstance(left, str) or isinstance(right, str) else 0) - 0.001
    for segment in layout.segments:
        assert rank[segment.lower] - rank[segment.upper] == 1, "a line that spans a rank runs in a lane of it"
        assert segment.rank == rank[segment.lower]
    assert min(layout.middle[item] - size(item) / 2 for item in rank) == pytest.approx(0)
    for name, wanted in needs.items():
        assert all(rank[one] < rank[name] for one in wanted)
        assert set(wanted) <= reached(name, layout.segments), "each need leads to the box by lines"


def reached(name: str, segments: Sequence[Segment]) -> set[Item]:
    """Everything from which lines lead down to a box."""
    above: dict[Item, list[Item]] = {}
    for segment in segments:
        above.setdefault(segment.lower, []).append(segment.upper)
    found: set[Item] = set()
    todo: list[Item] = [name]
    while todo:
        new = [one for one in above.get(todo.pop(), []) if one not in found]
        found.update(new)
        todo += new
    return found


@given(graphs())
def test_any_plan_is_laid_out(needs: Graph) -> None:
    """Whatever needs whatever."""
    check_layout(needs)


@pytest.mark.parametrize("needs", [chained(1), chained(300), fan(300), {str(index): [] for index in range(300)}])
def test_plans_of_any_size_are_laid_out(needs: Graph) -> None:
    """From one step to 300: in a row, in a fan, all at once; and no picture is wider than 40 boxes."""
    check_layout(needs)
    assert arrange(needs).width < 40 * (BOX_WIDTH + GAP)


def test_parallel_branches_stand_beside_each_other() -> None:
    """What waits for the same step has the same height; what joins them stands in the middle below."""
    layout = arrange({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})
    assert [set(row) for row in layout.ranks] == [{"a"}, {"b", "c"}, {"d"}]
    assert layout.middle["d"] == pytest.approx((layout.middle["b"] + layout.middle["c"]) / 2)


def test_lines_that_can_be_drawn_without_crossing_are() -> None:
    """Two branches that the runbook names in another order than they begin."""
    layout = arrange({"a": [], "b": [], "for_b": ["b"], "for_a": ["a"]})
    first, second = layout.ranks
    assert [str(one).removeprefix("for_") for one in second] == list(first)


def test_a_need_by_way_of_another_has_no_line_of_its_own() -> None:
    """a → b → c says that c waits for a."""
    layout = arrange({"a": [], "b": ["a"], "c": ["a", "b"]})
    assert {(segment.upper, segment.lower) for segment in layout.segments} == {("a", "b"), ("b", "c")}


def test_an_unknown_need_is_no_line() -> None:
    """A picture of a part of a plan has no loose ends."""
    assert arrange({"b": ["a"]}).segments == ()
