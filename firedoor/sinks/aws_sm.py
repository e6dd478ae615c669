"""AWS Secrets Manager."""

from firedoor.sinks._store import Store

STORE = Store(
    scheme="aws-sm",
    title="AWS Secrets Manager",
    name_pattern=r"[\w/+=.@:-]{1,2048}",
    example="aws-sm:gateway/openai",
    options={
        "field": "the field of the secret's JSON object",
        "region": "its region",
        "account": "its account",
    },
    permissions=(
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    ),
    reading=("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"),
    stages=True,
    versions=True,
)
