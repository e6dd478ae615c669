"""IAM's credential report: waited for, and read as AWS writes it (the columns are those of the IAM User Guide)."""

import base64

import pytest

from activities.aws import credential_report
from activities.aws.accounts import Accounts
from activities.aws.credential_report import ROOT, Row
from firedoor.config import Aws
from firedoor.errors import StepError
from tests.activities.wire import Reply, Rule, Wire, replaced
from tests.emulators import REGION

COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,"
    "cert_2_last_rotated"
)
MADE, USED = "2026-01-02T03:04:05+00:00", "2026-11-20T08:00:00+00:00"
ROWS = (
    (
        f"{ROOT},arn:aws:iam::1:root,{MADE},not_supported,N/A,not_supported,not_supported,false,"
        f"true,{MADE},N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
    ),
    (
        f"ci,arn:aws:iam::1:user/ci,{MADE},true,no_information,{MADE},N/A,true,"
        f"true,{MADE},{USED},us-east-1,s3,false,{USED},{USED},us-east-1,s3,false,N/A,false,N/A"
    ),
)
UNFINISHED = replaced("<State>COMPLETE</State>", "<State>INPROGRESS</State>")


def report(*rows: str) -> Rule:
    """AWS's answer with these rows."""
    content = base64.b64encode("\n".join((COLUMNS, *rows)).encode()).decode()
    inner = f"<Content>{content}</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>{MADE}</GeneratedTime>"
    body = (
        '<GetCredentialReportResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetCredentialReportResult>'
        f"{inner}</GetCredentialReportResult></GetCredentialReportResponse>"
    )
    return lambda _: Reply(200, "text/xml", body.encode())


def read(wire: Wire) -> list[Row]:
    """The report, asked of AWS through the wire."""
    accounts = Accounts(Aws(endpoint_url=wire.url, region=REGION), wire.session())
    return list(credential_report.credential_report(accounts.service("iam")))


def test_it_is_waited_for_and_read(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Active keys by the second in which they were made, with their last use; the root user's as well."""
    monkeypatch.setattr(credential_report, "PAUSE", 0.0)
    wire.on("GenerateCredentialReport", UNFINISHED, UNFINISHED)
    wire.on("GetCredentialReport", report(*ROWS))
    root, user = read(wire)
    assert wire.calls.count("GenerateCredentialReport") == 3
    assert (root.user, root.password, root.keys) == (ROOT, False, {"2026-01-02T03:04:05": "never used"})
    assert (user.password, user.keys) == (True, {"2026-01-02T03:04:05": "last used 2026-11-20 for s3"})


def test_one_that_never_comes_is_a_sentence(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS is asked for a while, and then a person is told to come back."""
    monkeypatch.setattr(credential_report, "PAUSE", 0.0)
    wire.always["GenerateCredentialReport"] = UNFINISHED
    with pytest.raises(StepError, match="AWS has not written the credential report yet"):
        read(wire)
    assert wire.calls.count("GenerateCredentialReport") == credential_report.TRIES
