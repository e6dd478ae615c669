"""Containing an account from outside: a service control policy of its organization, put and taken off."""

import json
from collections.abc import Iterator

from activities._action import Context, performs
from activities.aws.denied import Document, is_own, mark_of, text_of
from activities.aws.errors import after
from activities.aws.previews import first_seen
from activities.aws.service_control import (
    Organization,
    Standing,
    denying,
    own_in,
    read_from,
    refuse_foreign,
    refuse_own,
    refuse_too_long,
)
from activities.aws.settling import settle
from firedoor.errors import StepError
from firedoor.incident import Evidence, Inverse, Outcome, Preview
from firedoor.plan import Verdict
from firedoor.steps.aws_organizations import AccountDenied, DenyAccount, LiftDeny


@performs(DenyAccount)
def deny_account(step: DenyAccount, context: Context) -> Iterator[Preview | Outcome]:
    """organizations:CreatePolicy and AttachPolicy, read back by ListPoliciesForTarget and DescribePolicy."""
    document = _wanted(step, context)
    name = step.policy_name or f"FiredoorDeny-{step.member}-{mark_of(context)}"
    organization = Organization(context.aws.service("organizations", step.account), step.member)
    organization.refuse_unreachable()
    now = organization.look(name)
    preview = first_seen(_preview(step, context, name, document, now), context.earlier)
    yield preview
    with after("The SCP may have been made or attached already."):
        organization.put(name, document, now)
    with after(f"The SCP {name} was put on account {step.member}, but that is not confirmed."):
        settled = settle(
            context.aws.settle_seconds,
            lambda: organization.look(name),
            lambda found: found.attached and found.document == document,
        )
    who = _who(step.member, document)
    summary = (
        f"{who[0].upper()}{who[1:]} is denied everything, by the SCP {name} from outside. AWS takes some minutes at "
        "most until it holds everywhere."
        if settled.verdict is Verdict.CONTAINED
        else f"The SCP {name} on account {step.member} does not read back as it was put: something changes it."
    )
    yield Outcome(
        summary=summary,
        result=_result(step.member, name, settled.last).model_dump(mode="json"),
        verdict=settled.verdict,
        changed=preview.inverse is not None,
        before=preview.before,
        evidence=_evidence(name, settled.last),
    )


@performs(LiftDeny)
def lift_deny(step: LiftDeny, context: Context) -> Iterator[Preview | Outcome]:
    """organizations:DetachPolicy and DeletePolicy, read back by ListPolicies and ListPoliciesForTarget."""
    organization = Organization(context.aws.service("organizations", step.account), step.member)
    now = organization.look(step.policy_name)
    if step.document and now.document and now.document != _parsed(step.document):
        raise StepError(
            "changed_since",
            f"The SCP {step.policy_name} is no longer what firedoor put there: somebody has changed it.",
            next="Look at it in AWS Organizations, and detach it by hand if it is to go.",
        )
    preview = first_seen(_lifting(step, now), context.earlier)
    yield preview
    with after("The SCP may have been detached already."):
        organization.remove(now)
    with after(f"The SCP {step.policy_name} was taken off, but that is not confirmed."):
        settled = settle(
            context.aws.settle_seconds, lambda: organization.look(step.policy_name), lambda found: not found.id
        )
    if not settled.stable:
        raise StepError(
            "not_stable",
            f"AWS still shows the SCP {step.policy_name}.",
            changed="AWS accepted the change.",
            next="firedoor tries again by itself.",
        )
    yield Outcome(
        summary=f"The SCP {step.policy_name} is off account {step.member} and deleted.",
        result=_result(step.member, step.policy_name, settled.last).model_dump(mode="json"),
        verdict=Verdict.RESTORED,
        changed=preview.inverse is not None,
        before=preview.before,
        evidence=_evidence(step.policy_name, settled.last),
    )


def _wanted(step: DenyAccount, context: Context) -> Document:
    """The policy to put. Raises where it would deny firedoor itself, mean nobody, or be too long."""
    if step.document:
        document = _parsed(step.document)
        if not is_own(document):
            raise StepError("invalid_arguments", "The policy to restore is not one of firedoor's.")
        refuse_own(read_from(document)[0], context.aws)
        return document
    if step.principals and step.except_principals:
        raise StepError(
            "invalid_arguments",
            "Both principals and exceptions are named: who is denied cannot be told.",
            next="Name those who are denied, or nobody and the exceptions.",
        )
    refuse_foreign(step.member, (*step.principals, *step.except_principals))
    refuse_own(step.principals, context.aws)
    own = () if step.principals else own_in(step.member, context.aws)
    document = denying(mark_of(context), step.principals, (*step.except_principals, *own))
    refuse_too_long(document)
    return document


def _preview(step: DenyAccount, context: Context, name: str, document: Document, now: Standing) -> Preview:
    """What putting the policy would change."""
    who = _who(step.member, document)
    if context.earlier is None and now.attached and now.document == document:
        return Preview(
            change=f"{who} is already denied everything by {name}: nothing to change",
            before=now.state(),
            effect=step.effect,
        )
    arguments = {
        "member": step.member,
        "account": step.account,
        "policy_name": name,
        "document": text_of(document),
    }
    principals, _ = read_from(document)
    return Preview(
        change=f"deny everything to {who}, from outside, by the SCP {name}",
        before=now.state(),
        after={"document": document, "attached": True},
        effect=step.effect,
        inverse=Inverse(action=step.undo, arguments=arguments),
        blast={"principals": len(principals)} if principals else step.blast,
    )


def _lifting(step: LiftDeny, now: Standing) -> Preview:
    """What taking the policy off would change."""
    if now.document is None:
        return Preview(
            change=f"account {step.member} is already without {step.policy_name}: nothing to change",
            before=now.state(),
            effect=step.effect,
        )
    arguments = {
        "member": step.member,
        "account": step.account,
        "policy_name": step.policy_name,
        "document": text_of(now.document),
    }
    return Preview(
        change=f"take the SCP {step.policy_name} off: {_who(step.member, now.document)} works again",
        before=now.state(),
        after={"document": None, "attached": False},
        effect=step.effect,
        inverse=Inverse(action=step.undo, arguments=arguments),
        blast=step.blast,
    )


def _who(member: str, document: Document) -> str:
    """Whom a policy denies, for a person."""
    principals, excepted = read_from(document)
    if principals:
        return f"{', '.join(principals)} of account {member}"
    return f"everybody in account {member}" + (f" but {', '.join(excepted)}" if excepted else "")


def _result(member: str, name: str, now: Standing) -> AccountDenied:
    principals, excepted = read_from(now.document) if now.document else ((), ())
    return AccountDenied(
        member=member,
        policy_name=name,
        policy_id=now.id,
        attached=now.attached,
        principals=principals,
        excepted=excepted,
    )


def _evidence(name: str, now: Standing) -> tuple[Evidence, ...]:
    says = [f"{name} is {'attached' if now.attached else 'not attached'}", text_of(now.document or {})]
    return tuple(answer.evidence(text) for answer, text in zip(now.answers, says, strict=False))


def _parsed(text: str) -> Document:
    try:
        return dict(json.loads(text))
    except ValueError:
        raise StepError("invalid_arguments", "The policy is not JSON.") from None
