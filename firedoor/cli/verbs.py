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
DECIDE = "Decide what it waits for"
STEER = "Steer it"
RECORD = "Read and prove the record"
PREPARE = "Prepare runbooks"
OPERATE = "Run firedoor"

WHY = "[--reason TEXT]"

VERBS = (
    Verb("run", "run:run", RESPOND, "RUNBOOK [INPUT=VALUE…] | --plan FILE [--yes] [--watch]"),
    Verb("list", "incidents:list_incidents", RESPOND, "[--limit N] [-o json]"),
    Verb("show", "incidents:show", RESPOND, "INCIDENT [STEP] [--failed] [--exit-status] [-o json]"),
    Verb("watch", "watch:watch", RESPOND, "INCIDENT [-o json]"),
    Verb("approve", "approve:approve", DECIDE, "INCIDENT STEP [--only NAME]… [OPTION…]"),
    Verb("deny", "decisions:deny", DECIDE, "INCIDENT STEP --reason TEXT [-o json]"),
    Verb("answer", "answer:answer", DECIDE, "INCIDENT STEP [FIELD=VALUE…] [--secret-stdin] [OPTION…]"),
    Verb("paste", "paste:paste", DECIDE, "INCIDENT STEP [--target NAME] [--secret-stdin] [OPTION…]"),
    Verb("retry", "retry:retry", DECIDE, "INCIDENT STEP [ARGUMENT=VALUE…] [--failed] [OPTION…]"),
    Verb("skip", "decisions:skip", DECIDE, "INCIDENT STEP --reason TEXT [-o json]"),
    Verb("pause", "decisions:pause", STEER, f"INCIDENT {WHY} [-o json]"),
    Verb("resume", "decisions:resume", STEER, f"INCIDENT {WHY} [-o json]"),
    Verb("extend", "decisions:extend", STEER, f"INCIDENT STEP DURATION {WHY} [-o json]"),
    Verb("clocks", "clocks:clocks", STEER, "[[declare|met|waive] INCIDENT [MOMENT|CLOCK]] [OPTION…]"),
    Verb("abort", "decisions:abort", STEER, "INCIDENT --reason TEXT [--undo] [-o json]"),
    Verb("campaign", "campaign:campaign", STEER, "[show|pause|resume|stop|… ID] [OPTION…]"),
    Verb("undo", "undo:undo", STEER, "INCIDENT [STEP…] [--yes] [--watch] [-o json]"),
    Verb("note", "evidence:note", STEER, "INCIDENT TEXT… [--file PATH]… [--anyway] [-o json]"),
    Verb("attach", "evidence:attach", STEER, "INCIDENT FILE --source SOURCE [-o json]"),
    Verb("invite", "decisions:invite", STEER, f"INCIDENT PERSON {WHY} [-o json]"),
    Verb("handover", "decisions:handover", STEER, f"INCIDENT PERSON {WHY} [-o json]"),
    Verb("timeline", "record:timeline", RECORD, "INCIDENT [-o json]"),
    Verb("export", "record:export", RECORD, "INCIDENT FILE.zip [--purpose TEXT] [OPTION…]"),
    Verb("verify", "verify:verify", RECORD, "FILE.zip [--key FILE] [-o json]"),
    Verb("report", "report:report", RECORD, "INCIDENT FILE.html|.md [-o json]"),
    Verb("erase", "erase:erase", RECORD, "[CUSTOMER] [--hold] [--release] [--reason TEXT] [OPTION…]"),
    Verb("plan", "plan:plan", PREPARE, "RUNBOOK [INPUT=VALUE…] [--save FILE] [--graph FILE]"),
    Verb("lint", "lint:lint", PREPARE, "[FILE…] [-o json|sarif]"),
    Verb("steps", "steps:steps", PREPARE, "[ACTION] [--policy RUNBOOK] [-o json]"),
    Verb("providers", "providers:list_providers", PREPARE, "[PROVIDER] [-o json]"),
    Verb("inventory", "inventory:inventory", PREPARE, "check|import|graph|schema [SOURCE] [OPTION…]"),
    Verb("notices", "notices:notices", PREPARE, "list|lint|preview|verify|key [NAME] [OPTION…]"),
    Verb("customers", "customers:customers", PREPARE, "import|list|show|affected|versions [NAME…] [OPTION…]"),
    Verb("schema", "steps:schema", PREPARE),
    Verb("drill", "drill:drill", OPERATE, "[NAME] [--slack] [--keep DIR] [-o json]"),
    Verb("up", "up:up", OPERATE, "[--port N] [--ui-port N]"),
    Verb("worker", "worker:worker", OPERATE, "[OPTION…]"),
    Verb("serve", "serve:serve", OPERATE, "[--host ADDRESS] [--port N]"),
    Verb("alerts", "alerts:alerts", OPERATE, "[show|replay|dismiss ID… | test FILE] [OPTION…]"),
    Verb("token", "token:token", OPERATE, "create|list|revoke [NAME] [--person NAME] [OPTION…]"),
    Verb("slack", "slack:slack", OPERATE, "manifest [--http]"),
    Verb("doctor", "doctor:doctor", OPERATE, "[-o json]"),
    Verb("completion", "completion:completion", OPERATE, "bash|zsh|fish"),
)
