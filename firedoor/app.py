"""Where the worker's side lives: `firedoor/_app` in a wheel, the root of the checkout otherwise."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from firedoor.errors import UsageError


def app_folder() -> Path:
    """The folder of `worker.py`, `workflows/`, `activities/`, `runbooks/`. Raises `UsageError` where there is none."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_app", package.parent):
        if (folder / "worker.py").is_file():
            return folder
    raise UsageError(
        f"The worker's side of firedoor is not installed beside {package}.",
        next="Install firedoor from its wheel, or run it from a checkout.",
    )


def shipped_runbooks() -> tuple[Path, ...]:
    """The runbooks that ship with firedoor, in order of their names."""
    return tuple(sorted((app_folder() / "runbooks").glob("*.yaml")))


def build_id() -> str:
    """Which code runs incidents here: the version, and a digest of the workflows and the modules that they stand on."""
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted((*(app_folder() / "workflows").glob("*.py"), *package.glob("*.py"))):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return f"{version('firedoor')}-{digest.hexdigest()[:12]}"
