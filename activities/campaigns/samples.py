"""What people read before they approve: each letter whose words differ, that of the most customers first.

Whose letter it is stays unsaid, for what people are shown stays in the record: `‹…›` stands for what is a reader's own.
Whoever may see customers sees theirs by `firedoor notices preview --customer`; a personal link is its reader's.
"""

from collections import Counter, defaultdict
from typing import NamedTuple

from firedoor.campaign import Sample
from firedoor.notices.composing import Composer
from firedoor.notices.public import reader
from firedoor.recipient import Recipient
from firedoor.words import plural

#: Letters that are shown, and kinds of readers that are named for one of them.
MOST_LETTERS, MOST_KINDS = 12, 3


class Kind(NamedTuple):
    """What the words of a letter can depend on, besides what is its reader's own."""

    language: str
    cohort: str
    exposure: str

    @classmethod
    def of(cls, one: Recipient) -> "Kind":
        """The kind that a recipient is of."""
        return cls(one.language, one.cohort, one.exposure)

    def __str__(self) -> str:
        return f"{self.cohort or self.exposure}, {self.language}"


def samples(composer: Composer, kinds: Counter[Kind]) -> tuple[tuple[Sample, ...], int]:
    """The letters, and how many customers get one that is not among them. `kinds` counts customers."""
    readers: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for kind, count in kinds.most_common():
        rendered = composer.render(kind.language, reader(kind.cohort, kind.exposure))
        readers[rendered.subject, rendered.text][str(kind)] += count
    letters = sorted(readers.items(), key=lambda one: -one[1].total())
    shown = tuple(
        Sample(to=_to(names), subject=subject, text=text) for (subject, text), names in letters[:MOST_LETTERS]
    )
    return shown, sum(names.total() for _, names in letters[MOST_LETTERS:])


def _to(names: Counter[str]) -> str:
    named = [name for name, _ in names.most_common(MOST_KINDS)]
    more = ["…"] if len(names) > MOST_KINDS else []
    return f"{plural(names.total(), 'customers')} ({'; '.join([*named, *more])})"
