"""Where the worker's side lives: `firedoor/_app` in a wheel, the root of the checkout otherwise."""

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
