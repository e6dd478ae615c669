"""The verbs of the command line: where each lives, its group in the help, its usage. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb. `place` is `module:function` below `firedoor.cli`; `usage` is what follows the verb."""

    name: str
    place: str
    group: str
    usage: str = ""


RESPOND = "Respond to an incident"
RECORD = "Read and prove the record"
PREPARE = "Prepare runbooks"
OPERATE = "Run firedoor"

VERBS = (
    Verb("run", "run:run", RESPOND, "RUNBOOK [INPUT=VALUE…] [--yes] [--watch] [-o json]"),
    Verb("list", "incidents:list_incidents", RESPOND, "[--limit N] [-o json]"),
    Verb("show", "incidents:show", RESPOND, "INCIDENT [--exit-status] [-o json]"),
    Verb("watch", "watch:watch", RESPOND, "INCIDENT [-o json]"),
    Verb("approve", "decisions:approve", RESPOND, "INCIDENT STEP [--reason TEXT] [-o json]"),
    Verb("deny", "decisions:deny", RESPOND, "INCIDENT STEP --reason TEXT [-o json]"),
    Verb("answer", "answer:answer", RESPOND, "INCIDENT STEP [FIELD=VALUE…] [--reason TEXT] [-o json]"),
    Verb("retry", "decisions:retry", RESPOND, "INCIDENT STEP [--reason TEXT] [-o json]"),
    Verb("skip", "decisions:skip", RESPOND, "INCIDENT STEP --reason TEXT [-o json]"),
    Verb("abort", "decisions:abort", RESPOND, "INCIDENT --reason TEXT [-o json]"),
    Verb("note", "decisions:note", RESPOND, "INCIDENT TEXT… [-o json]"),
    Verb("timeline", "record:timeline", RECORD, "INCIDENT [-o json]"),
    Verb("export", "record:export", RECORD, "INCIDENT FILE.zip [--purpose TEXT] [-o json]"),
    Verb("verify", "verify:verify", RECORD, "FILE.zip [--key FILE] [-o json]"),
    Verb("plan", "plan:plan", PREPARE, "RUNBOOK [INPUT=VALUE…] [--save FILE] [-o json]"),
    Verb("lint", "lint:lint", PREPARE, "[FILE…] [-o json|sarif]"),
    Verb("steps", "steps:steps", PREPARE, "[ACTION] [--policy RUNBOOK] [-o json]"),
    Verb("schema", "steps:schema", PREPARE),
    Verb("drill", "drill:drill", OPERATE, "[NAME] [--keep DIR] [-o json]"),
    Verb("up", "up:up", OPERATE, "[--port N] [--ui-port N]"),
    Verb("worker", "worker:worker", OPERATE, "[OPTION…]"),
    Verb("doctor", "doctor:doctor", OPERATE, "[-o json]"),
    Verb("completion", "completion:completion", OPERATE, "bash|zsh|fish"),
)
