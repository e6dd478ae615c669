"""The contracts of every step, by action. Adding a step: one line here, one in `activities`; see `CONTRIBUTING.md`."""

from firedoor.steps import (
    aws_cloudtrail,
    aws_iam_account,
    aws_iam_credentials,
    aws_iam_denies,
    aws_iam_keys,
    aws_organizations,
    aws_secretsmanager,
    credentials,
    inventory,
    timeline,
)
from firedoor.steps._step import Step

_CONTRACTS: tuple[type[Step], ...] = (
    aws_cloudtrail.AccessKeyActivity,
    aws_iam_account.FindPersistence,
    aws_iam_account.ListPrincipals,
    aws_iam_credentials.DeleteLoginProfile,
    aws_iam_credentials.DisableServiceCredentials,
    aws_iam_credentials.EnableServiceCredentials,
    aws_iam_denies.DenyPrincipal,
    aws_iam_denies.DenySessions,
    aws_iam_denies.LiftDenies,
    aws_iam_denies.RestoreDenies,
    aws_iam_keys.ActivateAccessKey,
    aws_iam_keys.CreateAccessKey,
    aws_iam_keys.DeactivateAccessKey,
    aws_iam_keys.DeleteAccessKey,
    aws_iam_keys.DeleteCreatedAccessKey,
    aws_iam_keys.IdentifyAccessKey,
    aws_iam_keys.ListAccessKeys,
    aws_organizations.DenyAccount,
    aws_organizations.LiftDeny,
    aws_secretsmanager.ListReadable,
    aws_secretsmanager.ListReadableParameters,
    aws_secretsmanager.PutSecret,
    aws_secretsmanager.RestoreVersion,
    credentials.Create,
    credentials.Enable,
    credentials.ProveDead,
    credentials.Revoke,
    credentials.RevokeValues,
    credentials.Rotate,
    credentials.TakeInventory,
    credentials.TakeUsage,
    credentials.Verify,
    inventory.FindCredentials,
    timeline.RecordedChanges,
)

STEPS: dict[str, type[Step]] = {contract.action: contract for contract in _CONTRACTS}
