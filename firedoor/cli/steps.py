"""`firedoor steps` and `firedoor schema`: what runbooks are made of."""

import difflib
import sys
from typing import Annotated

from cyclopts import Parameter

from firedoor.catalog import compiled_runbook
from firedoor.cli.console import out, write_json
from firedoor.cli.parameters import Output
from firedoor.cli.views import contract as contract_view
from firedoor.config import load
from firedoor.errors import UsageError
from firedoor.runbook.schema import rendered, runbook_schema
from firedoor.steps import STEPS
from firedoor.steps._step import Step
from firedoor.steps.document import document
from firedoor.steps.policy import policy_document

ActionName = Annotated[str, Parameter(help="One action, with all its facts. Without it: all actions.")]
PolicyOf = Annotated[
    str, Parameter(name="--policy", help="Print the least-privilege IAM policy that this runbook needs, as JSON.")
]


def steps(action: ActionName = "", /, *, policy: PolicyOf = "", output: Output = "text") -> None:
    """List what steps can do, or explain one.

    Examples
      firedoor steps aws.iam.deny_sessions
      firedoor steps --policy aws-access-key-leaked > policy.json
    """
    if policy:
        settings = load()
        roles = [account.role_arn for account in settings.aws.accounts.values()]
        write_json(policy_document(compiled_runbook(policy, settings), role_arns=roles))
    elif not action:
        if output == "json":
            write_json([document(contract) for contract in STEPS.values()])
        else:
            out().print(contract_view.contracts(STEPS))
    elif output == "json":
        write_json(document(_contract(action)))
    else:
        out().print(contract_view.facts(_contract(action)))


def schema() -> None:
    """Print the JSON Schema of runbooks, for editors.

    The first line of a runbook can name it:
      # yaml-language-server: $schema=firedoor.schema.json
    """
    sys.stdout.write(rendered(runbook_schema()))


def _contract(action: str) -> type[Step]:
    if action in STEPS:
        return STEPS[action]
    near = difflib.get_close_matches(action, STEPS, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else "firedoor steps lists them all."
    raise UsageError(f"There is no action {action!r}.", next=hint)
