"""Console passwords of IAM users."""

import datetime
from collections.abc import Iterator

from activities._action import Context, performs
from activities.aws.access_keys import owner_of
from activities.aws.accounts import Service, timestamp
from activities.aws.errors import AwsError, after
from activities.aws.settling import settle
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.steps.aws_iam_credentials import DeleteLoginProfile, LoginProfile


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
    exists, _ = _login_profile(iam, step.user_name)
    before = {"console_password": exists}
    if context.earlier:
        before = context.earlier.before
    yield Preview(
        change=f"delete the console password of {who}"
        if exists or before["console_password"]
        else f"{who} is already without a console password: nothing to change",
        before=before,
        after={"console_password": False},
        effect=Effect.DESTRUCTIVE,
        blast=DeleteLoginProfile.blast if exists or before["console_password"] else {},
    )
    if exists:
        iam.optional("DeleteLoginProfile", **name)
    with after(f"AWS accepted that the console password of {who} goes, but it is not confirmed."):
        settled = settle(
            context.aws.settle_seconds, lambda: _login_profile(iam, step.user_name), lambda found: not found[0]
        )
    remains, evidence = settled.last
    if settled.verdict is Verdict.CONTAINED:
        summary = f"The {who} has no console password{' any more' if before['console_password'] else ', and had none'}."
    else:
        summary = f"The {who} has a console password although AWS accepted its deletion: somebody makes a new one."
    result = LoginProfile(user_name=step.user_name, account=owner.account, console_password=remains)
    yield Outcome(
        summary=summary,
        result=result.model_dump(mode="json"),
        verdict=settled.verdict,
        changed=bool(before["console_password"]),
        before=before,
        evidence=(evidence,),
    )


def _login_profile(iam: Service, user_name: str) -> tuple[bool, Evidence]:
    """Whether the user has a console password, and AWS's answer."""
    try:
        answer = iam("GetLoginProfile", UserName=user_name)
    except AwsError as error:
        if error.reason != "not_found":
            raise
        now = timestamp(datetime.datetime.now(datetime.UTC))
        return False, Evidence(source=error.call, says=error.code, observed_at=now, request_id=error.request_id)
    return True, answer.evidence("there is a login profile")
