"""`firedoor verify`: check an export, with nothing but the file and the public key."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli.console import out
from firedoor.cli.parameters import Output
from firedoor.cli.record import public_key_path
from firedoor.cli.views import timeline as timeline_view
from firedoor.config import load
from firedoor.errors import Exit, UsageError
from firedoor.timeline.verify import as_json
from firedoor.timeline.verify import verify as verify_bundle

Bundle = Annotated[Path, Parameter(help="What `firedoor export` wrote.")]
Key = Annotated[Path | None, Parameter(help="The log's public key. Default: the key of this installation.")]


def verify(file: Bundle, /, *, key: Key = None, output: Output = "text") -> int:
    """Check an exported incident, offline.

    FAILED      altered, or never what it claims to be; exit code 1
    UNRESOLVED  an action was begun, and nothing says how it ended
    ERASED      a value was erased, and an entry says so
    WITHHELD    evidence, or a value behind a digest, is not in the file
    UNANCHORED  nobody outside the log's own host has vouched for it

    Get the key by another way than the file.
    """
    path = key or public_key_path(load())
    if key is None and not path.exists():
        raise UsageError(
            "Whose log is it? This installation has no key of its own.",
            next="Name the log's public key with --key. It should come by another way than the file.",
        )
    found = verify_bundle(_read(file), _read(path).decode("ascii", "replace").strip())
    if output == "json":
        sys.stdout.write(as_json(found) + "\n")
    else:
        whose = str(path) if key else f"{path} (this installation's own: for a file of others, name theirs)"
        out().print(timeline_view.verification(found, whose))
    return int(Exit.OK if found.ok else Exit.FAILED)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", next="Check the path.") from None
