"""The runbooks that can be named: shipped, in the configured folders, or by path."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from firedoor.app import shipped_runbooks
from firedoor.compiler import compile_runbook
from firedoor.config import Settings
from firedoor.errors import UsageError
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
    """Every runbook compiled, by its name; and the mistakes of those that do not compile, by their names."""

    plans: Mapping[str, Plan]
    broken: Mapping[str, UsageError]

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


def shelf(settings: Settings) -> Shelf:
    """Compile every runbook: one that is broken does not keep the others from starting."""
    known = runbooks(settings)
    plans: dict[str, Plan] = {}
    broken: dict[str, UsageError] = {}
    for name, path in known.items():
        try:
            plans[name] = compile_runbook(path, steps=STEPS, runbooks=known)
        except UsageError as error:
            broken[name] = error
    return Shelf(plans, broken)


def nearest(name: str, known: Iterable[str]) -> str:
    """What somebody may have meant by a name that is not known, or all that there is."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(names) or 'none'}."


def pairs(values: tuple[str, ...], noun: str = "input") -> dict[str, str]:
    """`name=value` words as a mapping. Raises `UsageError` for a word without `=` and for a name given twice."""
    found: dict[str, str] = {}
    for word in values:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{word!r} is not {noun}=value.", next=f"Write each {noun} as its name, =, and the value.")
        if name in found:
            raise UsageError(f"The {noun} {name} is given twice.", next="Give it once.")
        found[name] = value
    return found


def compiled_runbook(name: str, settings: Settings) -> Plan:
    """The plan of a runbook by name or path. Raises `UsageError` for a name, `RunbookErrors` for what stands in it."""
    return compile_runbook(find(name, settings), steps=STEPS, runbooks=runbooks(settings))
