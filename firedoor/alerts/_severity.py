"""How bad an alert is: the words that senders use, on the scale from 0 to 10 of `Alert.severity`.

The scale is that of GuardDuty and CVSS: from 9.0 critical, from 7.0 high, from 4.0 medium, below low. What is not in
the table is 0.0: a word that nobody knows starts nothing that asks for a severity.
"""

import math
from typing import Any

#: Each severity and the words for it, in lower case. One table for all sources.
WORDS: dict[float, tuple[str, ...]] = {
    9.0: ("critical", "crit", "fatal", "emergency", "disaster", "blocker", "page", "p1", "sev1"),
    7.0: ("high", "error", "major", "p2", "sev2"),
    5.0: ("medium", "moderate", "warning", "warn", "minor", "p3", "sev3"),
    2.0: ("low", "info", "information", "informational", "notice", "p4", "sev4"),
    1.0: ("debug", "p5", "sev5"),
}
_BY_WORD = {word: value for value, words in WORDS.items() for word in words}


def severity(*given: Any) -> float:
    """The severity of the first of `given` that says one: a word of the table, or a number from 0 to 10 as it is."""
    for one in given:
        value = _severity(one)
        if value is not None:
            return value
    return 0.0


def rank(given: Any) -> Any:
    """A priority for `severity`: a bare 1 is the highest, P1, and no number on the scale."""
    text = f"p{given}".lower().replace(" ", "")
    return text if text in _BY_WORD else given


def _severity(given: Any) -> float | None:
    text = str(given).strip().lower() if isinstance(given, str | int | float) else ""
    if text in _BY_WORD:
        return _BY_WORD[text]
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0.0 <= value <= 10.0 else None
