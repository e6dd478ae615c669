"""IAM's credential report: of every user and of the root user which credentials are active, and when they were used.

API: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html. It may be four hours old, and
names no ids of keys: an access key in it is known by the second in which it was made.
"""

import csv
import io
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from activities.aws.accounts import Service
from firedoor.errors import StepError

ROOT = "<root_account>"
#: AWS needs seconds to write one.
TRIES, PAUSE = 20, 1.0
YES = "true"
NOTHING = frozenset({"", "N/A", "no_information", "not_supported"})


@dataclass(frozen=True, slots=True)
class Row:
    """A user. `keys` are its active access keys: when each was made, and what is known of its last use."""

    user: str
    password: bool
    keys: Mapping[str, str]


def credential_report(iam: Service) -> Iterator[Row]:
    """iam:GenerateCredentialReport until it is there, then iam:GetCredentialReport. Raises `StepError`."""
    for _ in range(TRIES):
        if iam("GenerateCredentialReport")["State"] == "COMPLETE":
            break
        time.sleep(PAUSE)
    else:
        raise StepError("busy", "AWS has not written the credential report yet.", next="Import again in a minute.")
    text: str = iam("GetCredentialReport")["Content"].decode()
    for row in csv.DictReader(io.StringIO(text)):
        keys = dict(_key(row, number) for number in (1, 2) if row[f"access_key_{number}_active"] == YES)
        enabled = row["password_enabled"]
        yield Row(row["user"], enabled == YES, keys)


def _key(row: Mapping[str, str], number: int) -> tuple[str, str]:
    """When a key was made, and what the report says of its last use."""
    at = f"access_key_{number}_"
    made, used = row[f"{at}last_rotated"], row[f"{at}last_used_date"]
    if used in NOTHING:
        return made[:19], "never used"
    service = row[f"{at}last_used_service"]
    return made[:19], f"last used {used[:10]}" + (f" for {service}" if service not in NOTHING else "")
