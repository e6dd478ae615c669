"""The order of steps: each after what it needs, otherwise as in the file; and the circles that have none."""

import heapq
from collections.abc import Mapping, Sequence


def in_order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Names so that each comes after what it needs. Those that are in a circle, or need one, are left out."""
    index = {name: number for number, name in enumerate(needs)}
    names = list(needs)
    waiting = {name: len(set(needs[name])) for name in names}
    followers: dict[str, list[str]] = {name: [] for name in names}
    for name in names:
        for need in set(needs[name]):
            followers[need].append(name)
    ready = [index[name] for name in names if waiting[name] == 0]
    found: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        found.append(name)
        for follower in followers[name]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heapq.heappush(ready, index[follower])
    return found


def circles(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """One circle, `[a, b]` for a → b → a, for every knot of steps that wait for each other."""
    ordered = set(in_order(needs))
    left = dict.fromkeys(name for name in needs if name not in ordered)
    found: list[list[str]] = []
    seen: set[str] = set()
    for start in left:
        path: list[str] = []
        name: str | None = start
        while name is not None and name not in seen:
            seen.add(name)
            path.append(name)
            name = next((need for need in needs[name] if need in left), None)
        if name in path:
            found.append(path[path.index(name) :])
    return found
