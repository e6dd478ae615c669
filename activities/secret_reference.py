"""References to secret values (`env:`, `file:`, `aws-secretsmanager:`), resolved where they are used, nowhere else."""

import re
from pathlib import Path

from activities.aws import secret_versions
from activities.aws.accounts import Accounts
from firedoor.errors import StepError

MAX_BYTES = 65_536
VERSION_ID = re.compile(r"[0-9a-fA-F-]{32,64}")


def resolve(reference: str, accounts: Accounts) -> str:
    """The value at a reference. Raises `not_found` or `invalid_arguments`; the sentence names the reference only.

    `env:` reads variables named FIREDOOR_SECRET_… only, so that no runbook can reach the worker's own credentials.
    """
    scheme, _, place = reference.partition(":")
    if scheme == "env":
        value = accounts.variables.get(place, "")
    elif scheme == "file":
        value = _file(Path(place), reference)
    else:
        secret_id, _, version = place.partition("#")
        value = _version(secret_versions.find(accounts, secret_id), version or secret_versions.CURRENT)
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


def _version(secret: secret_versions.Secret, version: str) -> str:
    value, _ = secret.read(version=version) if VERSION_ID.fullmatch(version) else secret.read(stage=version)
    return value
