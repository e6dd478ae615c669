"""Whether firedoor has the permissions that a change needs: AWS's own policy simulator is asked, in plan mode only.

The simulator evaluates the policies of firedoor's principal; resource policies and conditions on the caller are not
among them. Where a name may stand under any path, being allowed on one of the candidates counts.
"""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from activities.aws.accounts import Accounts
from activities.aws.principals import Principal
from firedoor.errors import StepError
from firedoor.incident import Preview
from firedoor.steps._step import Step
from firedoor.steps.policy import statements_of
from firedoor.steps.simulation import questions, refused_everywhere, role_of

#: Seconds that an answer is taken for true.
FRESH = 60.0
#: Changes whose permissions are asked about in that time: the simulator is slow, and a plan may have thousands.
MOST = 50


@dataclass(slots=True)
class Asked:
    """What the simulator said lately of firedoor's principal in one account."""

    principal: str
    since: float
    refused: dict[str, tuple[str, ...]] = field(default_factory=dict)


#: One memory a worker, by account.
_ASKED: WeakKeyDictionary[Accounts, dict[str, Asked]] = WeakKeyDictionary()


def with_permissions(preview: Preview, step: Step, aws: Accounts) -> Preview:
    """The preview with the permissions that firedoor lacks for the change, or with why that cannot be told.

    Needs iam:SimulatePrincipalPolicy on firedoor's own principal; without it the preview says so. Blocks.
    """
    if not step.permissions or not preview.blast:
        return preview
    try:
        missing = _missing(type(step), _arguments(preview, step), aws, _account(preview, step))
    except StepError as error:
        return preview.model_copy(update={"unchecked": f"AWS's simulator could not be asked: {error.what}"})
    if isinstance(missing, str):
        return preview.model_copy(update={"unchecked": missing})
    return preview.model_copy(update={"missing": missing})


def _missing(contract: type[Step], arguments: dict[str, Any], aws: Accounts, account: str) -> tuple[str, ...] | str:
    """The permissions that are missing, or why nobody can tell. Raises `StepError`."""
    asked = _asked(aws, account)
    if asked.principal.endswith(":root"):
        return f"firedoor acts as {asked.principal}, which AWS's simulator does not answer for."
    wanted = list(questions(statements_of(contract, arguments), asked.principal.split(":")[4]))
    key = json.dumps(wanted)
    if key not in asked.refused:
        if len(asked.refused) >= MOST:
            return f"Only the first {MOST} changes were checked: AWS's simulator is slow."
        asked.refused[key] = _refused(aws, account, asked.principal, wanted)
    return asked.refused[key]


def _asked(aws: Accounts, account: str) -> Asked:
    """What was asked in the last minute."""
    memory = _ASKED.setdefault(aws, {})
    found = memory.get(account)
    if found is None or time.monotonic() - found.since > FRESH:
        found = memory[account] = Asked(_principal(aws, account), time.monotonic())
    return found


def _refused(aws: Accounts, account: str, principal: str, wanted: list[dict[str, list[str]]]) -> tuple[str, ...]:
    iam = aws.service("iam", account)
    refused: list[str] = []
    for question in wanted:
        results, _ = iam.pages("SimulatePrincipalPolicy", "EvaluationResults", PolicySourceArn=principal, **question)
        refused += refused_everywhere(results)
    return tuple(sorted(refused))


def _principal(aws: Accounts, account: str) -> str:
    """The ARN of what has firedoor's policies in an account: of a role's session, the role."""
    arn = str(aws.service("sts", account)("GetCallerIdentity")["Arn"])
    role, without_path = role_of(arn)
    if not role:
        return arn
    try:
        return str(aws.service("iam", account)("GetRole", RoleName=role)["Role"]["Arn"])
    except StepError:
        return without_path


def _arguments(preview: Preview, step: Step) -> dict[str, Any]:
    """The arguments of a step, with what AWS said where they are empty: whose key it is."""
    known = {name: preview.before[name] for name in ("account", "user_name") if preview.before.get(name)}
    return step.model_dump(mode="json") | known


def _account(preview: Preview, step: Step) -> str:
    """The account that a change is made in; empty: firedoor's own."""
    found = preview.before.get("account") or getattr(step, "account", "")
    arn = getattr(step, "principal_arn", "")
    return Principal.parse(arn).account if arn and not found else str(found)
