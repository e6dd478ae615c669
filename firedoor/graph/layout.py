"""Where the boxes of a plan stand and where its lines run. Pure numbers; knows nothing of SVG.

The method is Sugiyama's: ranks by the longest path, lanes through the ranks that a line passes, an order in each rank
with few crossings (barycentre), then places. Lines that have an end in common share their lanes, and a rank that is too
wide becomes several, so that a step with 300 successors is still a picture.
"""

import bisect
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: A box, by its name; or a lane, by its rank, whether it leads away from or to a box, and that box.
Item = str | tuple[int, str, str]

SWEEPS = 12
SETTLINGS = 40
BOX_WIDTH = 272.0
LANE_WIDTH = 14.0
GAP = 28.0
#: How strongly an item keeps its place: a lane; a box that no other box draws (one that is drawn: 1).
LANE_WEIGHT, LOOSE_WEIGHT = 8.0, 0.02
#: A rank may have this many boxes, in whatever plan.
NARROWEST = 6


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a line from an item of one rank to an item of the next, which is `rank`."""

    upper: Item
    lower: Item
    rank: int

    @property
    def ends(self) -> bool:
        """Is the lower end a box, which wants an arrowhead?"""
        return isinstance(self.lower, str)


@dataclass(frozen=True, slots=True)
class Layout:
    """Ranks from top to bottom, each from left to right; the middle of each item; the lines between neighbours."""

    ranks: tuple[tuple[Item, ...], ...]
    middle: Mapping[Item, float]
    segments: tuple[Segment, ...]
    width: float


def arrange(needs: Mapping[str, Sequence[str]]) -> Layout:
    """The layout of boxes, each with the boxes that it needs. A box must come after what it needs."""
    direct = _without_detours(needs)
    rank = _ranks(direct)
    segments = _segments(direct, rank)
    ranks: list[list[Item]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for name in needs:
        ranks[rank[name]].append(name)
    lanes = {item for segment in segments for item in (segment.upper, segment.lower) if not isinstance(item, str)}
    for lane in sorted(lanes):
        # In the middle, where it stays if nothing draws it aside: the boxes that it leads to stand around it.
        ranks[lane[0]].insert(len(ranks[lane[0]]) // 2, lane)
    above, below = _neighbours(segments)
    _order(ranks, above, below)
    middle = _places(ranks, above, below)
    width = max((middle[item] + size(item) / 2 for row in ranks for item in row), default=0.0)
    return Layout(tuple(tuple(row) for row in ranks), middle, segments, width)


def size(item: Item) -> float:
    """How wide an item is."""
    return BOX_WIDTH if isinstance(item, str) else LANE_WIDTH


def _without_detours(needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Only the direct needs: what is needed by something else that is needed goes without a line of its own."""
    reach: dict[str, frozenset[str]] = {}
    direct: dict[str, list[str]] = {}
    for name, wanted in needs.items():
        known = [one for one in dict.fromkeys(wanted) if one in reach]
        beyond = frozenset[str]().union(*(reach[one] for one in known))
        direct[name] = [one for one in known if one not in beyond]
        reach[name] = beyond.union(known)
    return direct


def _ranks(direct: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The rank of each box: below all that it needs, and further below where a rank is as wide as a screen allows."""
    most = max(NARROWEST, round(math.sqrt(len(direct))))
    taken: Counter[int] = Counter()
    rank: dict[str, int] = {}
    for name, wanted in direct.items():
        place = max((rank[one] + 1 for one in wanted), default=0)
        while taken[place] >= most:
            place += 1
        rank[name] = place
        taken[place] += 1
    return rank


def _segments(direct: Mapping[str, Sequence[str]], rank: Mapping[str, int]) -> tuple[Segment, ...]:
    """Every line as pieces from rank to rank, through lanes that lines with a common end share."""
    lines = [(upper, lower) for lower, wanted in direct.items() for upper in wanted]
    long = [(upper, lower) for upper, lower in lines if rank[lower] - rank[upper] > 1]
    leaving = Counter(upper for upper, _ in long)
    arriving = Counter(lower for _, lower in long)
    found: dict[Segment, None] = {}
    for upper, lower in lines:
        shared = ("from", upper) if leaving[upper] >= arriving[lower] else ("to", lower)
        lanes: list[Item] = [(number, shared[0], shared[1]) for number in range(rank[upper] + 1, rank[lower])]
        pieces = itertools.pairwise((upper, *lanes, lower))
        found |= dict.fromkeys(Segment(*pair, rank=number) for number, pair in enumerate(pieces, rank[upper] + 1))
    return tuple(found)


Neighbours = Mapping[Item, Sequence[Item]]


def _neighbours(segments: Sequence[Segment]) -> tuple[Neighbours, Neighbours]:
    above: defaultdict[Item, list[Item]] = defaultdict(list)
    below: defaultdict[Item, list[Item]] = defaultdict(list)
    for segment in segments:
        above[segment.lower].append(segment.upper)
        below[segment.upper].append(segment.lower)
    return dict(above), dict(below)


def _order(ranks: list[list[Item]], above: Neighbours, below: Neighbours) -> None:
    """Order each rank by the mean place of its neighbours, down and up again, and keep the best order of all."""
    best = [list(row) for row in ranks]
    fewest = crossings(ranks, above)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        numbers = range(1, len(ranks)) if downwards else range(len(ranks) - 2, -1, -1)
        for number in numbers:
            near = ranks[number - 1 if downwards else number + 1]
            place = {item: float(index) for index, item in enumerate(near)}
            # A stable sort: what has no neighbour there stays about where it was.
            own = {item: _mean(item, above if downwards else below, place, i) for i, item in enumerate(ranks[number])}
            ranks[number].sort(key=own.__getitem__)
        count = crossings(ranks, above)
        if count < fewest:
            best, fewest = [list(row) for row in ranks], count
    ranks[:] = best


def _mean(item: Item, near: Neighbours, place: Mapping[Item, float], otherwise: float) -> float:
    """The mean place of an item's neighbours; of a lane, of the lanes it goes on in, so that it is straight."""
    known = [one for one in near.get(item, ()) if one in place]
    if not isinstance(item, str):
        known = [one for one in known if not isinstance(one, str)] or known
    return sum(place[one] for one in known) / len(known) if known else otherwise


def crossings(ranks: Sequence[Sequence[Item]], above: Neighbours) -> int:
    """How often lines cross between neighbouring ranks."""
    total = 0
    for upper, lower in itertools.pairwise(ranks):
        place = {item: index for index, item in enumerate(upper)}
        seen: list[int] = []
        for item in lower:
            ends = sorted(place[one] for one in above.get(item, ()))
            total += sum(len(seen) - bisect.bisect_right(seen, end) for end in ends)
            for end in ends:
                bisect.insort(seen, end)
    return total


def _places(ranks: Sequence[Sequence[Item]], above: Neighbours, below: Neighbours) -> dict[Item, float]:
    """The middle of each item: as near to its neighbours as the room in its rank allows."""
    middle: dict[Item, float] = {}
    for row in ranks:
        offsets = _offsets(row)
        middle |= {item: offset - offsets[-1] / 2 for item, offset in zip(row, offsets, strict=True)}
    for sweep in range(SETTLINGS):
        downwards = sweep % 2 == 0
        for row in ranks if downwards else ranks[::-1]:
            _settle(row, above if downwards else below, middle)
    both = {item: [*above.get(item, ()), *below.get(item, ())] for item in middle}
    for row in ranks:
        _settle(row, both, middle)
    return _drawn_together(middle)


def _drawn_together(middle: Mapping[Item, float]) -> dict[Item, float]:
    """The same places from 0 on, without columns that are empty from top to bottom."""
    placed: dict[Item, float] = {}
    shift = reached = 0.0
    for item in sorted(middle, key=lambda one: middle[one] - size(one) / 2):
        left = middle[item] - size(item) / 2
        if not placed or left - shift > reached + GAP:
            shift = left - (reached + GAP if placed else 0.0)
        placed[item] = middle[item] - shift
        reached = max(reached, placed[item] + size(item) / 2)
    return placed


def _settle(row: Sequence[Item], near: Neighbours, middle: dict[Item, float]) -> None:
    """Place a rank in its order, with room between, so that the squares of the distances to the wishes are least.

    Less the room that those before it need, the places never fall from left to right: an isotonic regression, whose
    solution pools neighbours that push each other (pool adjacent violators).
    """
    offsets = _offsets(row)
    pools: list[tuple[float, float, int]] = []
    for item, offset in zip(row, offsets, strict=True):
        value, weight, many = _mean(item, near, middle, middle[item]) - offset, _weight(item, near), 1
        while pools and pools[-1][0] > value:
            other, heavy, more = pools.pop()
            value = (other * heavy + value * weight) / (heavy + weight)
            weight, many = weight + heavy, many + more
        pools.append((value, weight, many))
    values = [value for value, _, many in pools for _ in range(many)]
    middle |= {item: value + offset for item, value, offset in zip(row, values, offsets, strict=True)}


def _weight(item: Item, near: Neighbours) -> float:
    """How strongly an item keeps to its wish when others push it.

    A rank full of boxes on one lane would draw it under its own middle, rank after rank further away: the boxes yield.
    """
    if not isinstance(item, str):
        return LANE_WEIGHT
    return 1.0 if any(isinstance(one, str) for one in near.get(item, ())) else LOOSE_WEIGHT


def _offsets(row: Sequence[Item]) -> list[float]:
    """The middle of each item if all stood as close as they may, the first at 0."""
    steps = ((size(left) + size(right)) / 2 + _gap(left, right) for left, right in itertools.pairwise(row))
    return list(itertools.accumulate(steps, initial=0.0))


def _gap(left: Item, right: Item) -> float:
    return GAP if isinstance(left, str) or isinstance(right, str) else 0.0
