"""Diagnostics: one mistake each, with its place, its code, a sentence, and what is allowed instead."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from firedoor.errors import UsageError


class Code(StrEnum):
    """The kinds of mistakes. `EXPLANATIONS` says what each means; both feed `docs/reference/diagnostics.md`."""

    YAML_SYNTAX = "yaml-syntax"
    NOT_A_MAPPING = "not-a-mapping"
    TOO_LARGE = "too-large"
    DUPLICATE_KEY = "duplicate-key"
    UNKNOWN_KEY = "unknown-key"
    MISSING_KEY = "missing-key"
    WRONG_TYPE = "wrong-type"
    BAD_VALUE = "bad-value"
    BAD_NAME = "bad-name"
    FILE_NAME = "file-name"
    BAD_DURATION = "bad-duration"
    OUT_OF_BOUNDS = "out-of-bounds"
    BAD_PATTERN = "bad-pattern"
    BAD_DEFAULT = "bad-default"
    STEP_KIND = "step-kind"
    MISPLACED_KEY = "misplaced-key"
    UNKNOWN_STEP = "unknown-step"
    UNKNOWN_ACTION = "unknown-action"
    UNKNOWN_INPUT = "unknown-input"
    UNKNOWN_POLICY = "unknown-policy"
    UNKNOWN_SOURCE = "unknown-source"
    UNKNOWN_RUNBOOK = "unknown-runbook"
    UNKNOWN_NOTICE = "unknown-notice"
    UNKNOWN_ARGUMENT = "unknown-argument"
    MISSING_ARGUMENT = "missing-argument"
    WRONG_ARGUMENT = "wrong-argument"
    BAD_EXPRESSION = "bad-expression"
    UNKNOWN_NAME = "unknown-name"
    UNKNOWN_FIELD = "unknown-field"
    EXPRESSION_TYPE = "expression-type"
    MAP_ORDER = "map-order"
    MISPLACED_EXPRESSION = "misplaced-expression"
    SECRET_IN_PLAIN = "secret-in-plain"
    SECRET_IN_RUNBOOK = "secret-in-runbook"
    UNTIL_ON_CHANGE = "until-on-change"
    POLICY_UNFULFILLABLE = "policy-unfulfillable"
    POLICY_CYCLE = "policy-cycle"
    NOT_UNDOABLE = "not-undoable"
    WAITS_FOR_ALWAYS = "waits-for-always"
    CYCLE = "cycle"
    RUNBOOK_CYCLE = "runbook-cycle"
    CHILD_BROKEN = "child-broken"
    TRIGGER_INCOMPLETE = "trigger-incomplete"
    NOBODY_TO_ASK = "nobody-to-ask"
    UNKNOWN_REGIME = "unknown-regime"


#: What each code means, in one sentence.
EXPLANATIONS: dict[Code, str] = {
    Code.YAML_SYNTAX: "The file is not YAML 1.2, or uses a part of YAML that runbooks do without (tags, merge keys).",
    Code.NOT_A_MAPPING: "The file is empty, or its top level is not a mapping of keys such as `name` and `steps`.",
    Code.TOO_LARGE: "Larger, deeper or expanding further than a runbook may: 1 MiB, 64 levels, 200,000 values.",
    Code.DUPLICATE_KEY: "The same key stands twice in one mapping; YAML would silently keep the last.",
    Code.UNKNOWN_KEY: "A key that the language does not have.",
    Code.MISSING_KEY: "A key that must be there is not.",
    Code.WRONG_TYPE: "A value of the wrong kind: text where a number goes, a list where a mapping goes.",
    Code.BAD_VALUE: "A value outside the ones that are allowed here.",
    Code.BAD_NAME: "Names are snake_case, so that expressions can use them, and no words that expressions reserve.",
    Code.FILE_NAME: "A runbook in a folder of `runbooks` that is called otherwise than its file: NAME.yaml holds NAME.",
    Code.BAD_DURATION: "Durations are a whole number and a unit: 30s, 5m, 2h, 1d.",
    Code.OUT_OF_BOUNDS: "A number or duration that is too small or too large to make sense.",
    Code.BAD_PATTERN: "A pattern is an RE2 regular expression: no look-around, no back-references.",
    Code.BAD_DEFAULT: "An input's default does not have the input's type or does not match its pattern.",
    Code.STEP_KIND: "A step is exactly one of `uses`, `ask`, `wait`, `run`, `campaign`, or `approval` alone.",
    Code.MISPLACED_KEY: "A key that this kind of step does not take, or that needs another key beside it.",
    Code.UNKNOWN_STEP: "A step that this runbook does not have.",
    Code.UNKNOWN_ACTION: "`uses` names an action that firedoor does not have; `firedoor steps` lists them.",
    Code.UNKNOWN_INPUT: "An input that this runbook (or the runbook that it runs) does not declare.",
    Code.UNKNOWN_POLICY: "`approval`, `of` or `escalate` names a policy that is not under `approvals`.",
    Code.UNKNOWN_SOURCE: "A trigger names an alert source that firedoor does not know.",
    Code.UNKNOWN_RUNBOOK: "`run` names a runbook that is not in the runbook folders.",
    Code.UNKNOWN_NOTICE: "`notice` names a folder that is not there, or a version that it does not have.",
    Code.UNKNOWN_ARGUMENT: "`with` has an argument that the action does not take.",
    Code.MISSING_ARGUMENT: "`with` lacks an argument that the action or the child runbook needs.",
    Code.WRONG_ARGUMENT: "An argument does not fit: its type, its pattern, or a decimal number: plans hold none.",
    Code.BAD_EXPRESSION: "An expression that does not compile as CEL, or does what runbooks may not.",
    Code.UNKNOWN_NAME: "An expression uses a name that is not defined where it stands.",
    Code.UNKNOWN_FIELD: "An expression reads a field that the step, input or alert does not have.",
    Code.EXPRESSION_TYPE: "An expression has another type than the place where it stands takes.",
    Code.MAP_ORDER: "A comprehension over a map: its order differs between processes, so a replay could differ.",
    Code.MISPLACED_EXPRESSION: "`${{ }}` where a bare expression or plain text goes, or a `${{` that is never closed.",
    Code.SECRET_IN_PLAIN: "A reference to a secret where a plain value goes, or the other way round.",
    Code.SECRET_IN_RUNBOOK: "Something that looks like a live secret is written in the runbook.",
    Code.UNTIL_ON_CHANGE: "`until` repeats a step that changes something; only reads may be repeated.",
    Code.POLICY_UNFULFILLABLE: "An approval policy that the people it names could never fulfil.",
    Code.POLICY_CYCLE: "Approval policies escalate in a circle, so that nobody would ever have to decide.",
    Code.NOT_UNDOABLE: "`temporary` on an action that nothing takes back; `firedoor steps` says which can be undone.",
    Code.WAITS_FOR_ALWAYS: "A step waits for one with `always`, and those run only when all others have ended.",
    Code.CYCLE: "Steps wait for each other in a circle, so none of them could ever start.",
    Code.RUNBOOK_CYCLE: "Runbooks run each other in a circle.",
    Code.CHILD_BROKEN: "The runbook that `run` names has mistakes of its own.",
    Code.TRIGGER_INCOMPLETE: "A trigger leaves a required input without a value, so it could never start the runbook.",
    Code.NOBODY_TO_ASK: "Alerts start the runbook, `auto` wants people asked, and `approvals` names nobody.",
    Code.UNKNOWN_REGIME: "A clock names a regime, a stage or a start that the data of deadlines or the runbook lacks.",
}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. Lines and columns count from 1, columns in characters; `end_column` is after the last one.

    `allowed` says what is right here (may be empty). `source` is the line that the caret points into.
    """

    file: str
    line: int
    column: int
    end_column: int
    code: Code
    message: str
    allowed: str = ""
    source: str = ""


class RunbookErrors(UsageError):
    """Every mistake of a runbook (and of the runbooks it runs), in the order of the file."""

    reason = "bad_runbook"

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        count = len(self.diagnostics)
        first = self.diagnostics[0]
        more = "" if count == 1 else f" (and {count - 1} more)"
        super().__init__(
            f"{first.file}:{first.line}:{first.column}: error[{first.code}]: {first.message}{more}",
            changed="Nothing was started.",
            next=f"`firedoor lint {first.file}` shows every mistake.",
        )


def choices(given: str, names: Iterable[str], *, most: int = 12) -> str:
    """What is allowed: the nearest name to `given`, then the names (the nearest few where there are many)."""
    known = sorted(set(names))
    if not known:
        return ""
    near = difflib.get_close_matches(given, known, n=3, cutoff=0.6)
    # `wiat` is as far from `with` as from `wait`: swapped letters are the likelier slip.
    nearest = sorted(near, key=lambda name: sorted(name) != sorted(given))[:1]
    hint = f"did you mean `{nearest[0]}`? " if nearest else ""
    if len(known) > most:
        shown = difflib.get_close_matches(given, known, n=most, cutoff=0.3) or known[:most]
        return f"{hint}allowed: {', '.join(sorted(shown))}, … ({len(known)} in all)"
    return f"{hint}allowed: {', '.join(known)}"
