"""Console passwords of IAM users."""

from collections.abc import Iterator

from activities._action import Context, performs
from activities.aws.access_keys import owner_of
from activities.aws.accounts import timestamp
from activities.aws.errors import after
from activities.aws.settling import settle
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.steps.aws_iam import DeleteLoginProfile, LoginProfile


@performs(DeleteLoginProfile)
def delete_login_profile(step: DeleteLoginProfile, context: Context) -> Iterator[Preview | Outcome]:
    """iam:DeleteLoginProfile; a user without a password is fine (NoSuchEntity)."""
    owner = owner_of(context.aws, step.account, step.user_name)
    iam, name = owner.iam, {"UserName": step.user_name}
    who = f"user {step.user_name} of account {owner.account}"
    # NoSuchEntity of a login profile does not say whether the user exists.
    if iam.optional("GetUser", **name) is None:
        raise StepError(
            "not_found", f"Account {owner.account} has no IAM user {step.user_name}.", next="Check the name."
        )
    profile = iam.optional("GetLoginProfile", **name)
    created = timestamp(profile["LoginProfile"].get("CreateDate")) if profile else ""
    before = {"console_password": profile is not None, "created": created}
    if context.earlier:
        before = context.earlier.before
    yield Preview(
        change=f"delete the console password of {who}" if profile else f"none: {who} has no console password",
        before=before,
        effect=Effect.DESTRUCTIVE,
        blast=DeleteLoginProfile.blast if profile else {},
    )
    deleted = iam.optional("DeleteLoginProfile", **name) if profile else None
    with after(f"AWS accepted that the console password of {who} goes, but it is not confirmed."):
        settled = settle(
            context.aws.settle_seconds, lambda: iam.optional("GetLoginProfile", **name), lambda found: found is None
        )
    gone = settled.last is None
    if settled.verdict is Verdict.CONTAINED:
        summary = f"The {who} has no console password{' any more' if before['console_password'] else ', and had none'}."
    else:
        summary = f"The {who} has a console password although AWS accepted its deletion: somebody makes a new one."
    result = LoginProfile(user_name=step.user_name, account=owner.account, console_password=not gone)
    says = f"{'NoSuchEntity' if gone else 'a login profile'} (reading {settled.readings})"
    yield Outcome(
        summary=summary,
        result=result.model_dump(mode="json"),
        verdict=settled.verdict,
        changed=bool(before["console_password"]),
        before=before,
        evidence=(Evidence(source="iam:GetLoginProfile", says=says, request_id=deleted.request_id if deleted else ""),),
    )
