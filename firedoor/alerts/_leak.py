"""What a leak is called, where nobody knows the credential's id: the name by which runbooks tell one from another."""

import hashlib
import re

#: As long as the input of a runbook may be.
LONGEST = 100
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def leak(name: str) -> str:
    """A name of letters, digits, dots, hyphens and underscores; one that is too long ends in the start of its hash."""
    plain = _UNFIT.sub(".", name).strip(".")
    if len(plain) <= LONGEST:
        return plain
    return f"{plain[: LONGEST - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
