"""The contracts of every step, by action. Adding a step: one line here, one in `activities`; see `CONTRIBUTING.md`."""

from firedoor.steps import aws_cloudtrail, aws_iam, aws_secretsmanager
from firedoor.steps._step import Step

_CONTRACTS: tuple[type[Step], ...] = (
    aws_cloudtrail.AccessKeyActivity,
    aws_iam.ActivateAccessKey,
    aws_iam.CreateAccessKey,
    aws_iam.DeactivateAccessKey,
    aws_iam.DeleteAccessKey,
    aws_iam.DeleteLoginProfile,
    aws_iam.DenyPrincipal,
    aws_iam.DenySessions,
    aws_iam.DisableServiceCredentials,
    aws_iam.IdentifyAccessKey,
    aws_iam.LiftDenies,
    aws_iam.ListAccessKeys,
    aws_secretsmanager.ListReadable,
    aws_secretsmanager.PutSecret,
)

STEPS: dict[str, type[Step]] = {contract.action: contract for contract in _CONTRACTS}
