"""GuardDuty findings in the three shapes in which they come."""

import json
from pathlib import Path
from typing import Any

import pytest

from firedoor.alerts import SOURCES, Alert, guardduty
from firedoor.errors import UsageError
from tests.shared import SHARED, needs_shared

#: Findings as others recorded them.
PAYLOADS = SHARED / "payloads" / "aws_guardduty"
DRILL = Path(guardduty.__file__).parents[1] / "drill" / "guardduty_finding.json"


def finding(**changes: Any) -> dict[str, Any]:
    """The finding that the drill ships, changed."""
    detail: dict[str, Any] = json.loads(DRILL.read_bytes())["detail"]
    return detail | changes


def parsed(value: Any) -> Alert:
    """The alert of a JSON value."""
    return guardduty.parse({}, json.dumps(value).encode())


def pascal(value: Any) -> Any:
    """As the API of GuardDuty writes it."""
    if isinstance(value, dict):
        return {f"{key[:1].upper()}{key[1:]}": pascal(member) for key, member in value.items()}
    return [pascal(member) for member in value] if isinstance(value, list) else value


@needs_shared
def test_an_event_of_eventbridge() -> None:
    """The account is that of the finding, not that of the event's envelope."""
    alert = SOURCES["guardduty"].parse({}, (PAYLOADS / "eventbridge_access_key.json").read_bytes())
    assert alert == Alert(
        source="guardduty",
        id="36b01b60fc22bb4edb19d62d9899e953",
        type="UnauthorizedAccess:IAMUser/TorIPCaller",
        title="API GeneratedFindingAPIName was invoked from a Tor exit node.",
        description="API GeneratedFindingAPIName was invoked from a Tor exit node IP address 198.51.100.0.",
        severity=5.0,
        account="883606788610",
        region="us-east-1",
        access_key_id="GeneratedFindingAccessKeyId",
        user_name="GeneratedFindingUserName",
        user_type="IAMUser",
        principal_id="GeneratedFindingPrincipalId",
        sample=True,
        first_seen="2017-12-08T15:32:49Z",
        last_seen="2017-12-08T15:32:49Z",
        count=1,
        url="https://us-east-1.console.aws.amazon.com/guardduty/home?region=us-east-1#/findings?search=id%3D36b01b60fc22bb4edb19d62d9899e953",
    )


@needs_shared
def test_a_bare_finding() -> None:
    """Without an envelope, and archived."""
    alert = guardduty.parse({}, (PAYLOADS / "bare_finding_access_key.json").read_bytes())
    assert (alert.id, alert.account, alert.archived) == ("30bf285e52a1e405084ff6ec28e06e17", "123456789012", True)


def test_the_shape_of_the_api() -> None:
    """`get-findings` writes PascalCase, and hides what is additional in a text."""
    expected = parsed(finding()).model_copy(update={"sample": True})
    answer = pascal(finding())
    answer["Service"]["AdditionalInfo"] = {"Value": '{"sample": true}', "Type": "default"}
    assert parsed(answer) == expected
    assert parsed({"Findings": [answer]}) == expected


def test_what_is_absent_is_empty() -> None:
    """A finding about something else has no key; expressions need no guards."""
    alert = parsed({"id": "x", "type": "Recon:EC2/Portscan", "severity": 2, "resource": None, "region": None})
    assert (alert.access_key_id, alert.user_name, alert.region, alert.url, alert.sample) == ("", "", "", "", False)


@pytest.mark.parametrize("info", [None, [], {"value": "not json"}, {"value": "[]"}, {"sample": "true"}, {}])
def test_what_is_no_sample(info: Any) -> None:
    """Only a true `sample` makes a sample: in doubt the alert is real."""
    assert parsed(finding(service={"additionalInfo": info})).sample is False


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b" " * (1 << 20) + b" ", "less than 1 MiB"),
        (b"{}", "no finding id and type"),
        (b'{"id": "x"}', "no finding id and type"),
        (b'{"detail-type": "GuardDuty Finding", "source": "aws.guardduty"}', "the finding is not a JSON object"),
        (b'{"detail-type": "Health Event", "source": "aws.health", "detail": {}}', "aws.health"),
        (b'{"Findings": []}', "0 findings"),
        (b'{"Findings": [{}, {}]}', "2 findings; send one at a time"),
        (b'{"id": 5, "type": "x"}', "`id` is not a text"),
        (b'{"id": "x", "type": "y", "severity": "high"}', "`severity`"),
        (b'{"id": "x", "type": "y", "severity": 11}', "between 0 and 10"),
        (b'{"id": "x", "type": "y", "severity": NaN}', "between 0 and 10"),
        (b'{"id": "x", "type": "y", "service": {"count": -1}}', "`count`"),
    ],
)
def test_what_is_no_finding(body: bytes, says: str) -> None:
    """A sentence that says what is wrong, and that nothing was started."""
    with pytest.raises(UsageError) as caught:
        guardduty.parse({}, body)
    assert says in caught.value.what
    assert caught.value.changed == "Nothing was started."


def test_the_finding_of_the_drill() -> None:
    """The drill ships a finding of its own, of the same shape."""
    assert guardduty.parse({}, DRILL.read_bytes()).severity >= 7.0


def test_a_deep_finding_of_the_api() -> None:
    """Depth that nobody reads costs nothing and breaks nothing."""
    answer = pascal(finding())
    answer["Extra"] = json.loads('{"A":' * 400 + "1" + "}" * 400)
    assert parsed(answer).id == finding()["id"]
