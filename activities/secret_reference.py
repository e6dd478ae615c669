"""References to secret values (`env:`, `file:`, any readable sink), resolved where they are used, nowhere else."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from firedoor.errors import StepError

MAX_BYTES = 65_536


def resolve(reference: str, variables: Mapping[str, str], read: Callable[[str], SecretStr | None]) -> str:
    """The value at a reference. Raises `not_found` or `invalid_arguments`; the sentence names the reference only.

    `env:` reads `variables`, which are those named FIREDOOR_SECRET_… only, so that no runbook can reach the worker's
    own credentials. `read` is for what is neither a variable nor a file.
    """
    scheme, _, place = reference.partition(":")
    if scheme == "env":
        value = variables.get(place, "")
    elif scheme == "file":
        value = _file(Path(place), reference)
    else:
        found = read(reference)
        value = found.get_secret_value() if found else ""
    if not value:
        raise StepError(
            "not_found",
            f"There is no value at {reference}.",
            next="Put it there, where the worker runs (it reads its environment when it starts), and retry.",
        )
    if len(value.encode()) > MAX_BYTES:
        raise StepError("invalid_arguments", f"The value at {reference} is larger than {MAX_BYTES} bytes.")
    return value


def _file(path: Path, reference: str) -> str:
    """The text of a file without its last newline, which editors add."""
    try:
        with path.open("rb") as opened:
            data = opened.read(MAX_BYTES + 2)
        return data.decode().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StepError(
            "not_found",
            f"The file of {reference} cannot be read as text ({type(error).__name__}).",
            next="Check that the file exists where the worker runs and that the worker's user may read it.",
        ) from None
