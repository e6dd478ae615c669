"""A user's credentials that are neither access keys nor a password."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from activities._action import Context, performs
from activities.aws.access_keys import ACTIVE, INACTIVE, Owner, owner_of
from activities.aws.accounts import Answer
from activities.aws.errors import after
from activities.aws.previews import first_seen
from activities.aws.settling import Settled, settle
from firedoor.errors import StepError
from firedoor.incident import Inverse, Outcome, Preview
from firedoor.plan import Verdict
from firedoor.steps.aws_iam_credentials import (
    DisableServiceCredentials,
    EnableServiceCredentials,
    ServiceCredentials,
)

EXPIRED = "Expired"


@dataclass(frozen=True, slots=True)
class Kind:
    """How IAM lists and changes one kind of credential."""

    listing: str
    member: str
    id_field: str
    update: str


KINDS = (
    Kind(
        "ListServiceSpecificCredentials",
        "ServiceSpecificCredentials",
        "ServiceSpecificCredentialId",
        "UpdateServiceSpecificCredential",
    ),
    Kind("ListSSHPublicKeys", "SSHPublicKeys", "SSHPublicKeyId", "UpdateSSHPublicKey"),
    Kind("ListSigningCertificates", "Certificates", "CertificateId", "UpdateSigningCertificate"),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """What is there now: id → status, which kind each is, and AWS's answers."""

    statuses: dict[str, str]
    kinds: dict[str, Kind]
    answers: tuple[Answer, ...]

    def not_yet(self, wanted: str, only: Collection[str] = ()) -> list[str]:
        """Ids among `only` (empty: all) with another status. What has expired works no more, and cannot be changed."""
        due = (one for one, status in self.statuses.items() if status not in {wanted, EXPIRED})
        return sorted(one for one in due if not only or one in only)


@performs(DisableServiceCredentials)
def disable_service_credentials(step: DisableServiceCredentials, context: Context) -> Iterator[Preview | Outcome]:
    """iam:Update{ServiceSpecificCredential,SSHPublicKey,SigningCertificate} Status=Inactive, read back by the lists."""
    yield from _set_all(Setting(step, context, owner_of(context.aws, step.account, step.user_name), INACTIVE))


@performs(EnableServiceCredentials)
def enable_service_credentials(step: EnableServiceCredentials, context: Context) -> Iterator[Preview | Outcome]:
    """iam:Update{ServiceSpecificCredential,SSHPublicKey,SigningCertificate} Status=Active, read back by the lists."""
    yield from _set_all(Setting(step, context, owner_of(context.aws, step.account, step.user_name), ACTIVE))


@dataclass(frozen=True, slots=True)
class Setting:
    """The status that credentials of one user shall have."""

    step: DisableServiceCredentials | EnableServiceCredentials
    context: Context
    owner: Owner
    wanted: str

    def preview(self, found: Listed) -> Preview:
        """What would change."""
        due = found.not_yet(self.wanted, self.step.credentials)
        name = self.owner.user_name
        if not due:
            state = "with these active" if self.wanted == ACTIVE else "without an active service credential"
            return Preview(change=f"{name} is already {state}: nothing to change", before={"statuses": found.statuses})
        arguments = {"user_name": name, "account": self.owner.account, "credentials": due}
        return Preview(
            change=f"{', '.join(due)} of {name}: {INACTIVE if self.wanted == ACTIVE else ACTIVE} → {self.wanted}",
            before={"statuses": found.statuses},
            after={"statuses": found.statuses | dict.fromkeys(due, self.wanted)},
            effect=self.step.effect,
            inverse=Inverse(action=self.step.undo, arguments=arguments),
            blast={"credentials": len(due)},
        )

    def refuse_what_is_gone(self, found: Listed) -> None:
        """Raise `changed_since` where a credential that was named does not exist any more."""
        gone = sorted(set(self.step.credentials) - set(found.statuses))
        if gone:
            raise StepError(
                "changed_since",
                f"The user {self.owner.user_name} of account {self.owner.account} no longer has {', '.join(gone)}: "
                "somebody has deleted it.",
                next="What was deleted cannot be restored. Name the others only, and do this step by hand with them.",
            )

    def carry_out(self, found: Listed) -> Settled[Listed]:
        """Set the status of all that have the other one, and read back."""
        due = found.not_yet(self.wanted, self.step.credentials)
        word = "Disabled" if self.wanted == INACTIVE else "Enabled"
        done: list[str] = []
        for one in due:
            kind = found.kinds[one]
            with after(f"{word} so far: {', '.join(done) or 'none'}."):
                arguments = {"UserName": self.owner.user_name, kind.id_field: one, "Status": self.wanted}
                self.owner.iam(kind.update, **arguments)
            done.append(one)
        with after(f"AWS accepted that {', '.join(done) or 'nothing'} becomes {self.wanted}, but it is not confirmed."):
            return settle(
                self.context.aws.settle_seconds,
                lambda: _listed(self.owner),
                lambda listed: not listed.not_yet(self.wanted, self.step.credentials),
            )

    def verdict(self, settled: Settled[Listed]) -> Verdict:
        """Disabling contains. Enabling restores, and is tried again while it does not read back."""
        if self.wanted == INACTIVE:
            return settled.verdict
        if not settled.stable:
            raise StepError(
                "not_stable",
                f"AWS does not show every credential of {self.owner.user_name} as {ACTIVE}.",
                changed="AWS accepted the change.",
                next="firedoor tries again by itself.",
            )
        return Verdict.RESTORED


def _set_all(setting: Setting) -> Iterator[Preview | Outcome]:
    """Preview, set, read back."""
    found = _listed(setting.owner)
    setting.refuse_what_is_gone(found)
    preview = first_seen(setting.preview(found), setting.context.earlier)
    yield preview
    settled = setting.carry_out(found)
    before: dict[str, str] = preview.before["statuses"]
    now, wanted = settled.last.statuses, setting.wanted
    changed = sorted(one for one, status in before.items() if status != wanted and now.get(one) == wanted)
    result = ServiceCredentials(
        user_name=setting.owner.user_name,
        account=setting.owner.account,
        disabled=tuple(changed) if setting.wanted == INACTIVE else (),
        enabled=tuple(changed) if setting.wanted == ACTIVE else (),
        inactive=tuple(sorted(one for one, status in now.items() if status != ACTIVE)),
    )
    yield Outcome(
        summary=_summary(setting, changed, settled.last),
        result=result.model_dump(mode="json"),
        verdict=setting.verdict(settled),
        changed=bool(changed),
        before={"statuses": before},
        evidence=tuple(answer.evidence(_says(answer, settled.last)) for answer in settled.last.answers),
    )


def _listed(owner: Owner) -> Listed:
    statuses: dict[str, str] = {}
    kinds: dict[str, Kind] = {}
    answers: list[Answer] = []
    for kind in KINDS:
        members, answer = owner.iam.pages(kind.listing, kind.member, UserName=owner.user_name)
        answers.append(answer)
        for member in members:
            statuses[member[kind.id_field]] = member["Status"]
            kinds[member[kind.id_field]] = kind
    return Listed(statuses, kinds, tuple(answers))


def _says(answer: Answer, listed: Listed) -> str:
    listing = answer.call.partition(":")[2]
    own = {one: status for one, status in listed.statuses.items() if listed.kinds[one].listing == listing}
    return ", ".join(f"{one} {status}" for one, status in sorted(own.items())) or "none"


def _summary(setting: Setting, changed: list[str], listed: Listed) -> str:
    who = f"user {setting.owner.user_name} of account {setting.owner.account}"
    if setting.wanted == ACTIVE:
        return f"The {who} has active ones again: {', '.join(changed) or 'none was inactive'}."
    active = listed.not_yet(INACTIVE, setting.step.credentials)
    if active:
        return f"The {who} still has active credentials although AWS accepted the change: {', '.join(active)}."
    if not listed.statuses:
        return f"The {who} has no service-specific credentials, SSH keys or signing certificates."
    return f"The {who} has no active ones any more; disabled now: {', '.join(changed) or 'none, they were inactive'}."
