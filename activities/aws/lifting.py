"""Denies taken back: lifted, or put back as they stood before they were lifted."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from activities._action import Context, performs
from activities.aws.accounts import Answer
from activities.aws.denied import Denied, Document, find, issued_before, text_of
from activities.aws.errors import after
from activities.aws.previews import first_seen
from activities.aws.settling import settle
from firedoor.errors import StepError
from firedoor.incident import Inverse, Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.steps.aws_iam_denies import Denies, LiftDenies, RestoreDenies

Documents = dict[str, Document]


@performs(LiftDenies)
def lift_denies(step: LiftDenies, context: Context) -> Iterator[Preview | Outcome]:
    """iam:DeleteUserPolicy or DeleteRolePolicy for firedoor's own policies, Put…Policy for what stood there before."""
    target, _ = find(step.principal_arn, context, act=False)
    own, _ = target.own_policies()
    if step.policies:
        exchange = Exchange(target, _parsed(step.policies), _parsed(step.instead))
    else:
        exchange = Exchange(target, _before(context) | own, {})
    due = exchange.due(own)
    label, lifted = target.principal.label, ", ".join(due)
    back = ", ".join(name for name in due if name in exchange.to)
    yield first_seen(
        Preview(
            change=f"lift {lifted} from {label}" + (f"; {back} comes back as it stood before" if back else ""),
            before={"policies": own},
            after={"policies": exchange.result(own)},
            effect=Effect.REVERSIBLE,
            inverse=Inverse(
                action=step.undo,
                arguments={
                    "principal_arn": target.arn,
                    "policies": exchange.goes(own, due),
                    "instead_of": exchange.comes(due),
                },
            ),
            blast=step.blast,
        )
        if due
        else _nothing(f"{label} is already without these denies" if step.policies else _without(label), own),
        context.earlier,
    )
    answer = exchange.carry_out(own, context)
    removed = _changed(_before(context) if context.earlier else own, exchange)
    summary = f"Lifted {', '.join(removed)} from {label}." if removed else f"There was no deny of firedoor on {label}."
    if step.policies and not removed:
        summary = f"{label[0].upper()}{label[1:]} was without these denies already."
    yield _outcome(exchange, context, own, answer, summary)


@performs(RestoreDenies)
def restore_denies(step: RestoreDenies, context: Context) -> Iterator[Preview | Outcome]:
    """iam:PutUserPolicy or iam:PutRolePolicy with what was lifted, word for word."""
    target, _ = find(step.principal_arn, context)
    own, _ = target.own_policies()
    exchange = Exchange(target, _parsed(step.instead_of), _parsed(step.policies))
    due = exchange.due(own)
    label, names = target.principal.label, ", ".join(due)
    yield first_seen(
        Preview(
            change=f"put {names} back on {label}, as it was lifted",
            before={"policies": own},
            after={"policies": exchange.result(own)},
            effect=Effect.REVERSIBLE,
            inverse=Inverse(
                action=step.undo,
                arguments={
                    "principal_arn": target.arn,
                    "policies": exchange.comes(due),
                    "instead": exchange.goes(own, due),
                },
            ),
            blast=step.blast,
        )
        if due
        else _nothing(f"{label} is already denied what was lifted", own),
        context.earlier,
    )
    answer = exchange.carry_out(own, context)
    summary = f"{', '.join(sorted(exchange.to))} stands on {label} again, word for word."
    yield _outcome(exchange, context, own, answer, summary)


@dataclass(frozen=True, slots=True)
class Exchange:
    """firedoor's policies on a principal, as they are expected to be (`of`) and as they shall be (`to`)."""

    target: Denied
    of: Documents
    to: Documents

    def due(self, own: Documents) -> list[str]:
        """The names of the policies to change. Raises `changed_since` where one is neither as expected nor done."""
        names = sorted({*self.of, *self.to})
        now = {name: own.get(name) or self.target.policy(name)[0] for name in names}
        due = [name for name in names if now[name] != self.to.get(name)]
        for name in due:
            if not _alike(now[name], self.of.get(name)):
                raise self._changed_since(name, now[name])
        return due

    def result(self, own: Documents) -> Documents:
        """firedoor's policies afterwards."""
        return {name: document for name, document in own.items() if name not in self.of} | self.to

    def goes(self, own: Documents, due: list[str]) -> dict[str, str]:
        """The policies that go, as text."""
        return {name: text_of(own[name]) for name in due if name in own}

    def comes(self, due: list[str]) -> dict[str, str]:
        """The policies that come, as text."""
        return {name: text_of(self.to[name]) for name in due if name in self.to}

    def carry_out(self, own: Documents, context: Context) -> Answer:
        """Put first, then delete, then read back until it is so."""
        due = self.due(own)
        for name in sorted(due, key=lambda name: name not in self.to):
            with after("Some of firedoor's policies may have been changed already."):
                if name in self.to:
                    self.target.put(name, self.to[name])
                else:
                    self.target.delete(name)
        with after("The policies were changed, but that is not confirmed."):
            settled = settle(context.aws.settle_seconds, self.target.own_policies, lambda found: self._done(found[0]))
        if not settled.stable:
            names = sorted({*self.of, *self.to})
            raise StepError(
                "not_stable",
                f"AWS does not show {', '.join(names)} on {self.target.principal.label} as it was left.",
                changed="AWS accepted the change.",
                next="firedoor tries again by itself.",
            )
        return settled.last[1]

    def _done(self, own: Documents) -> bool:
        return all(own.get(name) == self.to.get(name) for name in {*self.of, *self.to})

    def _changed_since(self, name: str, now: Document | None) -> StepError:
        label = self.target.principal.label
        what = (
            f"{name} on {label} is no longer what firedoor put there: somebody, or another incident, has changed it."
            if now
            else f"{name} is no longer on {label}: somebody, or another incident, has lifted it."
        )
        return StepError(
            "changed_since",
            what,
            next="Look at its inline policies in AWS. `aws.iam.lift_denies` of the principal lifts all of firedoor's.",
        )


def _alike(now: Document | None, expected: Document | None) -> bool:
    """Whether a policy is the expected one. The moment in it may differ: a repeated attempt denies later sessions."""
    if now is None or expected is None:
        return now == expected
    moment, wanted = issued_before(now), issued_before(expected)
    return bool(moment) == bool(wanted) and json.loads(text_of(now).replace(moment or "\0", wanted)) == expected


def _parsed(policies: Mapping[str, str]) -> Documents:
    try:
        return {name: json.loads(text) for name, text in policies.items()}
    except ValueError:
        raise StepError("invalid_arguments", "A policy to lift or to restore is not JSON.") from None


def _before(context: Context) -> Documents:
    """What stood there when an earlier attempt began."""
    return dict(context.earlier.before["policies"]) if context.earlier else {}


def _without(label: str) -> str:
    return f"{label} is already without firedoor's denies"


def _nothing(state: str, own: Documents) -> Preview:
    return Preview(change=f"{state}: nothing to change", before={"policies": own})


def _changed(before: Documents, exchange: Exchange) -> list[str]:
    """The names of policies that were there before and are no longer, or are others now."""
    return sorted(name for name in exchange.of if name in before and before[name] != exchange.to.get(name))


def _outcome(exchange: Exchange, context: Context, own: Documents, answer: Answer, summary: str) -> Outcome:
    """What came of it, read back."""
    before = _before(context) if context.earlier else own
    standing = exchange.result(own)
    quarantine = exchange.target.quarantined()
    if quarantine:
        summary += f" {', '.join(quarantine)} stays: AWS removes it with a support case."
    result = Denies(
        principal_arn=exchange.target.arn,
        policies=tuple(sorted(standing)),
        removed=tuple(_changed(before, exchange)),
        issued_before=next(filter(None, map(issued_before, standing.values())), ""),
        everything_denied=any(not issued_before(document) for document in standing.values()),
        quarantined=quarantine,
    )
    return Outcome(
        summary=summary,
        result=result.model_dump(mode="json"),
        verdict=Verdict.RESTORED,
        changed=before != standing,
        before={"policies": before},
        evidence=(answer.evidence(f"firedoor's policies are {', '.join(sorted(standing)) or 'none'}"),),
    )
