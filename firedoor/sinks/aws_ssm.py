"""AWS Systems Manager Parameter Store."""

from firedoor.sinks._store import Store

STORE = Store(
    scheme="aws-ssm",
    title="AWS Parameter Store",
    name_pattern=r"[\w/.-]{1,1011}",
    example="aws-ssm:/gateway/openai",
    options={"region": "its region", "account": "its account"},
    permissions=(
        "ssm:DescribeParameters",
        "ssm:GetParameter",
        "ssm:GetParameterHistory",
        "ssm:PutParameter",
        "kms:Decrypt and kms:Encrypt of its key",
    ),
    reading=("ssm:GetParameter", "kms:Decrypt of its key"),
    swaps=False,
    versions=True,
    destroys=False,
)
