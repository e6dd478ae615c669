"""A user's credentials that are neither access keys nor a password."""

from collections.abc import Iterator
from dataclasses import dataclass

from botocore import xform_name

from activities._action import Context, performs
from activities.aws.access_keys import Owner, owner_of
from activities.aws.accounts import Answer
from activities.aws.errors import after
from activities.aws.settling import settle
from firedoor.incident import Outcome, Preview
from firedoor.plan import Effect
from firedoor.steps.aws_iam import DisableServiceCredentials, ServiceCredentials

INACTIVE = "Inactive"


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

    def active(self) -> list[str]:
        """Ids that are not inactive."""
        return sorted(one for one, status in self.statuses.items() if status != INACTIVE)


@performs(DisableServiceCredentials)
def disable_service_credentials(step: DisableServiceCredentials, context: Context) -> Iterator[Preview | Outcome]:
    """iam:Update{ServiceSpecificCredential,SSHPublicKey,SigningCertificate} Status=Inactive, read back by the lists."""
    owner = owner_of(context.aws, step.account, step.user_name)
    found = _listed(owner)
    active = found.active()
    before = dict(context.earlier.before["statuses"]) if context.earlier else found.statuses
    yield Preview(
        change=f"{', '.join(active)} of {owner.user_name}: Active → {INACTIVE}"
        if active
        else f"{owner.user_name} is already without an active service credential: nothing to change",
        before={"statuses": before},
        effect=Effect.REVERSIBLE,
        undo="\n".join(_undo(found.kinds[one], owner.user_name, one) for one in active),
        blast={"credentials": len(active)} if active else {},
    )
    disabled: list[str] = []
    for one in active:
        kind = found.kinds[one]
        with after(f"Disabled so far: {', '.join(disabled) or 'none'}."):
            owner.iam(kind.update, **{"UserName": owner.user_name, kind.id_field: one, "Status": INACTIVE})
        disabled.append(one)
    with after(f"AWS accepted that {', '.join(disabled) or 'nothing'} becomes {INACTIVE}, but it is not confirmed."):
        settled = settle(context.aws.settle_seconds, lambda: _listed(owner), lambda listed: not listed.active())
    changed = sorted(one for one, status in before.items() if status != INACTIVE and one not in settled.last.active())
    result = ServiceCredentials(
        user_name=owner.user_name,
        account=owner.account,
        disabled=tuple(changed),
        inactive=tuple(sorted(set(settled.last.statuses) - set(settled.last.active()))),
    )
    yield Outcome(
        summary=_summary(owner, changed, settled.last),
        result=result.model_dump(mode="json"),
        verdict=settled.verdict,
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


def _summary(owner: Owner, changed: list[str], listed: Listed) -> str:
    who = f"user {owner.user_name} of account {owner.account}"
    if listed.active():
        return f"The {who} still has active credentials although AWS accepted the change: {', '.join(listed.active())}."
    if not listed.statuses:
        return f"The {who} has no service-specific credentials, SSH keys or signing certificates."
    return f"The {who} has no active ones any more; disabled now: {', '.join(changed) or 'none, they were inactive'}."


def _undo(kind: Kind, user_name: str, one: str) -> str:
    """The command of the AWS CLI that makes one active again."""
    option = xform_name(kind.id_field, "-")
    return f"aws iam {xform_name(kind.update, '-')} --user-name {user_name} --{option} {one} --status Active"
