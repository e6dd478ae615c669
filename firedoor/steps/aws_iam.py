"""The words of IAM that the contracts of its steps share: what an access key, a user, a principal is called.

The contracts are in `aws_iam_keys`, `aws_iam_denies` and `aws_iam_credentials`. Sources: IAM API reference (botocore's
model of 2010-05-08); the order of work is AWS's own playbook "Compromised IAM credentials"
(aws-samples/aws-incident-response-playbooks, IRP-CredCompromise).
"""

from typing import Annotated

from pydantic import Field

AccessKeyId = Annotated[
    str,
    Field(
        pattern=r"^(AKIA|ASIA)[A-Z0-9]{12,124}$",
        description="The id of an access key: AKIA… (long-term) or ASIA… (temporary).",
    ),
]
UserName = Annotated[str, Field(pattern=r"^[\w+=,.@-]{1,64}$", description="The name of the IAM user, without path.")]
OwnerName = Annotated[
    str, Field(pattern=r"^[\w+=,.@-]{0,64}$", description="The IAM user that owns the key; empty: IAM is asked.")
]
Account = Annotated[
    str, Field(pattern=r"^([0-9]{12})?$", description="The account id; empty: the key's account, or firedoor's own.")
]
PrincipalArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[\w+=,.@/:-]+$",
        description="The ARN of an IAM user or role; the ARN of a role's session means its role.",
    ),
]
