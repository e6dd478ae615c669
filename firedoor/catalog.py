"""The runbooks that can be named: shipped, in the configured folders, or by path."""

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from firedoor.app import shipped_runbooks
from firedoor.compiler import NoticeShape, compile_runbook
from firedoor.config import Settings
from firedoor.deadlines.regimes import Regime, regimes
from firedoor.errors import UsageError
from firedoor.names import nearest
from firedoor.notices.folder import MANIFEST, notices, read_notice, versions
from firedoor.plan import Plan

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


def shapes(settings: Settings) -> dict[str, NoticeShape]:
    """What runbooks may know of each notice. One that cannot be read is left out: `firedoor notices lint` tells why."""
    found: dict[str, NoticeShape] = {}
    for name, folder in _notices(settings).items():
        with contextlib.suppress(UsageError):
            every = {number: read_notice(folder, number).manifest.variables for number in versions(folder)}
            found[name] = NoticeShape(
                {number: {name: one.optional for name, one in known.items()} for number, known in every.items()}
            )
    return found


def _notices(settings: Settings) -> dict[str, Path]:
    """The folders of the notices. No containment waits for a folder of letters: without it there are none."""
    try:
        return notices(settings)
    except UsageError:
        return {}


@dataclass(frozen=True, slots=True)
class Shelf:
    """Every runbook compiled, by its name; the mistakes of those that do not compile; and the files of all of them."""

    plans: Mapping[str, Plan]
    broken: Mapping[str, UsageError]
    files: Mapping[str, Path]
    #: What clocks may name.
    regimes: Mapping[str, Regime] = field(default_factory=dict[str, Regime])

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
            own = self._settings.deadlines.file
            told = [path for folder in _notices(self._settings).values() for path in (folder, *folder.rglob(MANIFEST))]
            others = [*told, *([Path(own).expanduser()] if own else [])]
            stamps = frozenset(_stamp(path) for path in (*files.values(), *others))
            if stamps != self._stamps:
                self._shelf, self._stamps = _compiled(files, regimes(own), shapes(self._settings)), stamps
            return self._shelf


#: A runbook's file: its path, when it was changed (ns), its size.
_Stamp = tuple[Path, int, int]


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_size


def _compiled(known: Mapping[str, Path], deadlines: Mapping[str, Regime], notices: Mapping[str, NoticeShape]) -> Shelf:
    """Compile every runbook: one that is broken does not keep the others from starting."""
    plans: dict[str, Plan] = {}
    broken: dict[str, UsageError] = {}
    for name, path in known.items():
        try:
            plans[name] = compile_runbook(path, runbooks=known, regimes=deadlines, notices=notices)
        except UsageError as error:
            broken[name] = error
    return Shelf(plans, broken, known, deadlines)


def compiled_runbook(name: str, settings: Settings) -> Plan:
    """The plan of a runbook by name or path. Raises `UsageError` for a name, `RunbookErrors` for what stands in it."""
    known, deadlines = runbooks(settings), regimes(settings.deadlines.file)
    return compile_runbook(find(name, settings), runbooks=known, regimes=deadlines, notices=shapes(settings))
