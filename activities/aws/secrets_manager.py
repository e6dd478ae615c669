"""Give a secret of Secrets Manager a new value."""

from collections.abc import Iterator

from activities._action import Context, performs
from activities.aws.secret_versions import CURRENT, find, fingerprint
from activities.secret_reference import resolve
from firedoor.incident import Outcome, Preview
from firedoor.plan import Effect
from firedoor.steps.aws_secretsmanager import PutSecret, StoredSecret


@performs(PutSecret)
def put_secret(step: PutSecret, context: Context) -> Iterator[Preview | Outcome]:
    """secretsmanager:PutSecretValue [AWSPENDING] → GetSecretValue → UpdateSecretVersionStage → GetSecretValue."""
    secret = find(context.aws, step.secret_id, step.region, step.account)
    stages = secret.stages()
    value = resolve(step.value, context.aws)
    current = stages.holder(CURRENT)
    expected = str(context.earlier.before["version_id"]) if context.earlier else current
    # Bound to the version that it replaces, so that a later run of the same incident makes a version of its own.
    token = context.token(f"put_secret {expected}")
    print_ = fingerprint(value)
    same = bool(current) and current != token and secret.read(version=current)[0] == value
    yield Preview(
        change=f"{step.secret_id} already holds the value at {step.value} ({print_}): nothing to change"
        if same
        else f"{step.secret_id}: version {expected or '(none)'} → the value at {step.value} ({print_})",
        before={"version_id": expected, "secret": stages.arn},
        effect=Effect.REVERSIBLE,
        undo=(
            f"aws secretsmanager update-secret-version-stage --secret-id {stages.arn} --version-stage {CURRENT} "
            f"--move-to-version-id {expected} --remove-from-version-id {token}"
            if expected and not same
            else ""
        ),
        blast={} if same else PutSecret.blast,
    )
    version, previous = (current, "") if same else (token, expected)
    proof = secret.read(stage=CURRENT)[1] if same else secret.replace(token, value, expected)
    result = StoredSecret(
        credential=secret.credential(stages.arn, version, value), version_id=version, previous_version_id=previous
    )
    if same:
        summary = f"{step.secret_id} holds this value already (version {version}); if it leaked, a new one is needed."
    else:
        summary = f"{step.secret_id} has a new value (version {version}, {print_})."
        if previous:
            summary += f" AWSPREVIOUS ({previous}) still holds the old one, and consumers may have it in a cache."
    yield Outcome(
        summary=summary,
        result=result.model_dump(mode="json"),
        changed=not same,
        before={"version_id": expected, "secret": stages.arn},
        evidence=(proof.evidence(f"{CURRENT} is version {version}, {print_}"),),
    )
