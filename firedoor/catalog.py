"""The runbooks that can be named: shipped, in the configured folders, or by path."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firedoor.app import shipped_runbooks
from firedoor.compiler import compile_runbook
from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.names import nearest
from firedoor.plan import Plan
from firedoor.steps import STEPS

SUFFIXES = (".yaml", ".yml")
NOTHING = "Nothing was started."


def runbooks(settings: Settings) -> dict[str, Path]:
    """Every runbook by its name. One in a configured folder stands before a shipped one of the same name."""
    found = {path.stem: path for path in shipped_runbooks()}
    for folder in reversed(settings.runbooks):
        if not folder.is_dir():
            raise UsageError(f"The runbook folder {folder} does not exist.", next="Correct `runbooks` in the settings.")
        found |= {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}
    return dict(sorted(found.items()))


def find(name: str, settings: Settings) -> Path:
    """The file of a runbook by name or path. Raises `UsageError` with the nearest names."""
    if name.endswith(SUFFIXES) or "/" in name:
        if not Path(name).is_file():
            hint = "firedoor lint lists the runbooks that have a name."
            raise UsageError(f"There is no file {name}.", changed=NOTHING, next=hint)
        return Path(name)
    known = runbooks(settings)
    if name in known:
        return known[name]
    hint = f"{nearest(name, known)}\nA path with .yaml works too."
    raise UsageError(f"There is no runbook {name!r}.", changed=NOTHING, next=hint)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Every runbook compiled, by its name; the mistakes of those that do not compile; and the files of all of them."""

    plans: Mapping[str, Plan]
    broken: Mapping[str, UsageError]
    files: Mapping[str, Path]

    def plan(self, name: str) -> Plan:
        """The plan of a runbook by its name; no paths, for doors at which strangers knock. Raises `UsageError`."""
        if name in self.broken:
            raise UsageError(
                f"The runbook {name} has mistakes, and cannot be started.",
                changed=NOTHING,
                next=f"firedoor lint {name}",
            )
        if name not in self.plans:
            raise UsageError(f"There is no runbook {name!r}.", changed=NOTHING, next=nearest(name, self.plans))
        return self.plans[name]


class Shelves:
    """The runbooks as their files are now: compiled, and again when one of them has changed. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._stamps: frozenset[_Stamp] | None = None
        self._shelf = Shelf({}, {}, {})

    def now(self) -> Shelf:
        """All of them; the same object for as long as nothing has changed. Raises `UsageError` where a folder is gone.

        Takes a second when something has changed: call it in a thread.
        """
        with self._lock:
            files = runbooks(self._settings)
            stamps = frozenset(_stamp(path) for path in files.values())
            if stamps != self._stamps:
                self._shelf, self._stamps = _compiled(files), stamps
            return self._shelf


#: A runbook's file: its path, when it was changed (ns), its size.
_Stamp = tuple[Path, int, int]


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_size


def _compiled(known: Mapping[str, Path]) -> Shelf:
    """Compile every runbook: one that is broken does not keep the others from starting."""
    plans: dict[str, Plan] = {}
    broken: dict[str, UsageError] = {}
    for name, path in known.items():
        try:
            plans[name] = compile_runbook(path, steps=STEPS, runbooks=known)
        except UsageError as error:
            broken[name] = error
    return Shelf(plans, broken, known)


def compiled_runbook(name: str, settings: Settings) -> Plan:
    """The plan of a runbook by name or path. Raises `UsageError` for a name, `RunbookErrors` for what stands in it."""
    return compile_runbook(find(name, settings), steps=STEPS, runbooks=runbooks(settings))
