"""Give a secret of Secrets Manager a new value, and take that back."""

from collections.abc import Iterator

from activities._action import Context, performs
from activities.aws.previews import first_seen
from activities.aws.secret_versions import CURRENT, find, fingerprint
from firedoor.incident import Inverse, Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.steps.aws_secretsmanager import CurrentVersion, PutSecret, RestoreVersion, StoredSecret


@performs(PutSecret)
def put_secret(step: PutSecret, context: Context) -> Iterator[Preview | Outcome]:
    """secretsmanager:PutSecretValue [AWSPENDING] → GetSecretValue → UpdateSecretVersionStage → GetSecretValue."""
    secret = find(context.aws, step.secret_id, step.region, step.account)
    stages = secret.stages()
    value = context.clients.secret(step.value).get_secret_value()
    current = stages.holder(CURRENT)
    expected = str(context.earlier.before["version_id"]) if context.earlier else current
    # Bound to the version that it replaces, so that a later run of the same incident makes a version of its own.
    token = context.token(f"put_secret {expected}")
    print_ = fingerprint(value)
    same = bool(current) and current != token and secret.read(version=current)[0] == value
    inverse = {"secret_id": stages.arn, "version_id": expected, "instead_of": token}
    yield Preview(
        change=f"{step.secret_id} already holds the value at {step.value} ({print_}): nothing to change"
        if same
        else f"{step.secret_id}: version {expected or '(none)'} → the value at {step.value} ({print_})",
        before={"version_id": expected, "secret": stages.arn},
        after={"version_id": current if same else token, "secret": stages.arn},
        effect=Effect.REVERSIBLE,
        # A first value has nothing before it to go back to.
        inverse=Inverse(action=step.undo, arguments=inverse) if expected and not same else None,
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


@performs(RestoreVersion)
def restore_version(step: RestoreVersion, context: Context) -> Iterator[Preview | Outcome]:
    """secretsmanager:UpdateSecretVersionStage AWSCURRENT, read back by GetSecretValue."""
    secret = find(context.aws, step.secret_id, step.region, step.account)
    stages = secret.stages()
    same = secret.refuse_unless_reversible(stages, step.version_id, step.instead_of)
    inverse = {"secret_id": stages.arn, "version_id": step.instead_of, "instead_of": step.version_id}
    state = {"version_id": step.version_id, "secret": stages.arn}
    preview = first_seen(
        Preview(
            change=f"{step.secret_id} already has version {step.version_id}: nothing to change"
            if same
            else f"{step.secret_id}: version {step.instead_of} → {step.version_id}, as it was before",
            before=state | {"version_id": stages.holder(CURRENT)},
            after=state,
            effect=Effect.REVERSIBLE,
            inverse=None if same else Inverse(action=step.undo, arguments=inverse),
            blast={} if same else step.blast,
        ),
        context.earlier,
    )
    yield preview
    proof = secret.move_back(step.version_id, step.instead_of)
    before = str(preview.before["version_id"])
    result = CurrentVersion(secret=stages.arn, version_id=step.version_id, previous_version_id=before)
    yield Outcome(
        summary=f"{step.secret_id} has version {step.version_id} again. Consumers may have the other in a cache.",
        result=result.model_dump(mode="json"),
        verdict=Verdict.RESTORED,
        changed=before != step.version_id,
        before=preview.before,
        evidence=(proof.evidence(f"{CURRENT} is version {step.version_id}"),),
    )
