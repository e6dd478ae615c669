"""What a person calls things: an incident by a part of its id; what an unknown name may mean. Pure."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from firedoor.errors import UsageError

MOST_NAMED = 5


def named(text: str, known: Mapping[str, str], *, nowhere: str, otherwise: str = "", noun: str = "incidents") -> str:
    """The id that `text` names: the whole of it, or a part that only one id starts or ends with.

    `known` maps each id to the incident that started it as a step, or to nothing; that one stands before it. Raises
    `UsageError` with the ids that there are; where none is named it begins with `nowhere` and ends in `otherwise`.
    """
    if text in known:
        return text
    fits = [name for name in known if name.startswith(text) or name.endswith(text)]
    found = [name for name in fits if known[name] not in fits]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{text!r} fits {len(found)} {noun}: {_some(found)}.", next="Name more of the id.")
    if not known:
        raise UsageError(f"{nowhere}: there are none at all.", next="firedoor run RUNBOOK starts one.")
    raise UsageError(f"{nowhere}. There {'is' if len(known) == 1 else 'are'} {_some(list(known))}.", next=otherwise)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def nearest(name: str, known: Iterable[str]) -> str:
    """What somebody may have meant by a name that is not known, or all that there is."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(names) or 'none'}."
