"""Contracts and functions belong together, and every contract says all that others read from it."""

import inspect
import re
from collections import Counter

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from activities import ACTIVITIES
from firedoor.compiler import compile_runbook
from firedoor.plan import Effect
from firedoor.runbook.diagnostics import Code, RunbookErrors
from firedoor.steps import STEPS
from firedoor.steps._step import Result, Step
from firedoor.steps.policy import RESOURCE_TYPES

CONTRACTS = pytest.mark.parametrize("contract", STEPS.values(), ids=list(STEPS))


def fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The fields of a model and of the models in it."""
    found = list(model.model_fields.items())
    for _, info in list(found):
        inner = [info.annotation, *getattr(info.annotation, "__args__", ())]
        found += [pair for one in inner if isinstance(one, type) and issubclass(one, BaseModel) for pair in fields(one)]
    return found


def test_one_function_a_contract() -> None:
    """Every contract has exactly one function, and every function a contract that is registered."""
    assert Counter(action.contract for action in ACTIVITIES) == Counter(STEPS.values())
    assert len({action.function for action in ACTIVITIES}) == len(ACTIVITIES)


def test_functions_have_the_shape_of_their_effect() -> None:
    """A read returns; a change is a generator, so that it can say what it would do before it does."""
    for action in ACTIVITIES:
        is_change = action.contract.effect is not Effect.READ
        assert inspect.isgeneratorfunction(action.function) is is_change, action.contract.action


@CONTRACTS
def test_names(contract: type[Step]) -> None:
    """`provider.service.verb_object`; permissions in AWS's spelling, each once."""
    assert re.fullmatch(r"[a-z]+(\.[a-z_]+){1,2}", contract.action)
    assert STEPS[contract.action] is contract
    assert bool(contract.permissions) == contract.action.startswith("aws.")
    assert len(set(contract.permissions)) == len(contract.permissions)
    assert all(re.fullmatch(r"[a-z]+:[A-Za-z]+", permission) for permission in contract.permissions)


@CONTRACTS
def test_documentation(contract: type[Step]) -> None:
    """Docstring, a description of every argument and of every field of the result."""
    assert inspect.getdoc(contract) not in {None, inspect.getdoc(Step)}
    assert contract.result is not Result
    for name, info in [*fields(contract), *fields(contract.result)]:
        assert info.description, f"{contract.action}: {name}"


@CONTRACTS
def test_changes_say_how_they_are_proved_and_undone(contract: type[Step]) -> None:
    """A change has a proof and a blast; what contains has a proof; an undo exists."""
    if contract.effect is Effect.READ:
        assert not contract.containment or contract.proof
        assert not contract.undo
        return
    assert contract.proof
    assert contract.blast
    if contract.effect is Effect.DESTRUCTIVE and contract.undo:
        # Destructive at providers that cannot disable: the preview says which it is, and only then has an inverse.
        assert contract.action == "credential.revoke"
    if contract.undo:
        assert STEPS[contract.undo].effect is not Effect.READ


#: What a step acts on. Somebody who retries may correct how that is reached, never what it is.
ACTED_ON = {"access_key_id", "principal_arn", "secret_id", "credentials", "policies", "made_version", "version_id"}


@CONTRACTS
def test_changeable_arguments(contract: type[Step]) -> None:
    """Arguments that may be changed exist, and none of them is what the step acts on."""
    assert set(contract.changeable) <= set(contract.model_fields)
    assert not set(contract.changeable) & ACTED_ON
    if "user_name" in contract.changeable:
        assert "access_key_id" in contract.model_fields


@CONTRACTS
def test_permissions_are_narrowed_or_known_to_be_wide(contract: type[Step]) -> None:
    """A permission on `*` is one that AWS grants on nothing smaller, or whose resource nobody can name in advance."""
    wide = {
        "cloudtrail:LookupEvents",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetOpenIDConnectProvider",
        "iam:ListOpenIDConnectProviders",
        "iam:ListSAMLProviders",
        "iam:ListUsers",
        "iam:SimulateCustomPolicy",
        # AWS makes the ids of policies; which account is contained, the incident decides.
        "organizations:AttachPolicy",
        "organizations:CreatePolicy",
        "organizations:DeletePolicy",
        "organizations:DescribeAccount",
        "organizations:DescribeOrganization",
        "organizations:DescribePolicy",
        "organizations:DetachPolicy",
        "organizations:ListPolicies",
        "organizations:ListPoliciesForTarget",
        "organizations:ListRoots",
        "organizations:UpdatePolicy",
        "secretsmanager:ListSecrets",
        "ssm:DescribeParameters",
        "sts:GetAccessKeyInfo",
    }
    assert set(contract.permissions) - set(RESOURCE_TYPES) <= wide


#: A step that returns a credential, and one that takes a secret or a plain text.
SECRETS = """
name: secrets
steps:
  make: {{uses: aws.iam.create_access_key, with: {{user_name: ada, secret_id: app}}}}
  put: {{uses: aws.secretsmanager.put_secret, with: {{secret_id: {secret_id}, value: {value}}}}}
"""
WHERE = "'${{ steps.make.credential.where }}'"


def test_references_to_secrets_go_only_where_a_secret_goes() -> None:
    """The place of a value goes into `value`; into a name it does not, nor does a value itself into `value`."""
    plan = compile_runbook(SECRETS.format(secret_id="other", value=WHERE))
    assert plan.steps[-1].arguments["value"] == WHERE.strip("'")
    for secret_id, value in ((WHERE, "env:FIREDOOR_SECRET_NEW"), ("other", "hunter2")):
        with pytest.raises(RunbookErrors) as caught:
            compile_runbook(SECRETS.format(secret_id=secret_id, value=value))
        assert [one.code for one in caught.value.diagnostics] == [Code.SECRET_IN_PLAIN]


@CONTRACTS
def test_every_place_of_a_secret_is_marked(contract: type[Step]) -> None:
    """The compiler knows a reference by its mark; what reads like one has it, in arguments and in results."""
    for name, info in [*fields(contract), *fields(contract.result)]:
        extra = info.json_schema_extra
        marked = isinstance(extra, dict) and bool(extra.get("secret_reference"))
        assert marked == ("aws-sm:" in (info.description or "")), f"{contract.action}: {name}"
