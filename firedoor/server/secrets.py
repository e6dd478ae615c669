"""The secrets of the doors: read once, when the server starts. Never shown, also not in what is said of a bad one."""

import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from firedoor.errors import UsageError

MOST_BYTES = 65_536
#: A shorter one can be guessed by whoever may try it over the network.
LEAST_CHARACTERS = 16


def read(reference: str, variables: Mapping[str, str]) -> SecretStr:
    """The secret at `env:FIREDOOR_SECRET_…` or `file:/PATH` (without its last line break).

    `variables` are those that may be read (`Settings.secret_environment`). Raises `UsageError`, which names the
    reference only, where there is no value, where it is too short, or where everybody may read the file.
    """
    scheme, _, place = reference.partition(":")
    value = _file(Path(place), reference) if scheme == "file" else variables.get(place, "")
    if not value:
        raise UsageError(
            f"There is no value at {reference}.",
            next="Put it where the server runs: it reads its secrets when it starts.",
        )
    if len(value) < LEAST_CHARACTERS:
        raise UsageError(
            f"The secret at {reference} has fewer than {LEAST_CHARACTERS} characters, and can be guessed.",
            next="Make one with `openssl rand -hex 32`, and give it to the sender too.",
        )
    return SecretStr(value)


def _file(path: Path, reference: str) -> str:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{reference} is no file.", next="Name the file that holds the secret.")
        if found.st_mode & stat.S_IRWXO:
            raise UsageError(
                f"Everybody on this machine may read {reference} (mode {stat.S_IMODE(found.st_mode):04o}).",
                next=f"chmod o= {path}, and make a new secret if others were here.",
            )
        with path.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
        text = data.decode().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The file of {reference} cannot be read as text ({type(error).__name__}).",
            next="Check that it exists where the server runs, and that the server's user may read it.",
        ) from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"The file of {reference} is larger than {MOST_BYTES} bytes.", next="It holds no secret.")
    return text
