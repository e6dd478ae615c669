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
    (alert,) = guardduty.parse({}, json.dumps(value).encode()).alerts
    return alert


def pascal(value: Any) -> Any:
    """As the API of GuardDuty writes it."""
    if isinstance(value, dict):
        return {f"{key[:1].upper()}{key[1:]}": pascal(member) for key, member in value.items()}
    return [pascal(member) for member in value] if isinstance(value, list) else value


@needs_shared
def test_an_event_of_eventbridge() -> None:
    """The account is that of the finding, not that of the event's envelope."""
    body = (PAYLOADS / "eventbridge_access_key.json").read_bytes()
    delivery = SOURCES["guardduty"].parse({}, body)
    assert delivery.key == "36b01b60fc22bb4edb19d62d9899e953/2017-12-08T15:32:49.862Z/1"
    assert delivery.alerts[0] == Alert(
        source="guardduty",
        id="36b01b60fc22bb4edb19d62d9899e953",
        type="UnauthorizedAccess:IAMUser/TorIPCaller",
        title="API GeneratedFindingAPIName was invoked from a Tor exit node.",
        description="API GeneratedFindingAPIName was invoked from a Tor exit node IP address 198.51.100.0.",
        severity=5.0,
        account="883606788610",
        region="us-east-1",
        provider="aws",
        credential="GeneratedFindingAccessKeyId",
        access_key_id="GeneratedFindingAccessKeyId",
        user_name="GeneratedFindingUserName",
        user_type="IAMUser",
        principal_id="GeneratedFindingPrincipalId",
        sample=True,
        first_seen="2017-12-08T15:32:49Z",
        last_seen="2017-12-08T15:32:49Z",
        count=1,
        url="https://us-east-1.console.aws.amazon.com/guardduty/home?region=us-east-1#/findings?search=id%3D36b01b60fc22bb4edb19d62d9899e953",
        raw=json.loads(body)["detail"],
    )


@needs_shared
def test_a_bare_finding() -> None:
    """Without an envelope, and archived. It is about an instance too, whose tags are its labels."""
    [alert] = guardduty.parse({}, (PAYLOADS / "bare_finding_access_key.json").read_bytes()).alerts
    assert (alert.id, alert.account, alert.archived) == ("30bf285e52a1e405084ff6ec28e06e17", "123456789012", True)
    assert alert.resource == "i-99999999"
    assert alert.labels["GeneratedFindingInstaceTag1"] == "GeneratedFindingInstaceValue1"


def test_the_shape_of_the_api() -> None:
    """`get-findings` writes PascalCase, and hides what is additional in a text."""
    tagged = finding()
    tagged["resource"]["instanceDetails"] = {"instanceId": "i-1", "tags": [{"key": "team", "value": "web"}]}
    expected = parsed(tagged).model_copy(update={"sample": True, "raw": {}})
    assert expected.labels == {"team": "web"}
    answer = pascal(tagged)
    answer["Service"]["AdditionalInfo"] = {"Value": '{"sample": true}', "Type": "default"}
    assert parsed(answer).model_copy(update={"raw": {}}) == expected
    assert parsed({"Findings": [answer]}).model_copy(update={"raw": {}}) == expected


def test_repeats() -> None:
    """An event that comes twice has the same key; what GuardDuty has seen once more has another, and the same id."""
    first = guardduty.parse({}, json.dumps(finding()).encode())
    again = guardduty.parse({}, json.dumps(finding()).encode())
    more = guardduty.parse({}, json.dumps(finding(service={"count": 2}, updatedAt="2026-01-01T06:00:00Z")).encode())
    assert first.key == again.key != more.key
    assert first.alerts[0].id == more.alerts[0].id
    assert (more.alerts[0].count, more.alerts[0].labels) == (2, {})


@pytest.mark.parametrize(
    ("resource", "about"),
    [
        (
            {"s3BucketDetails": [{"arn": "arn:aws:s3:::logs", "tags": [{"key": "team", "value": "web"}]}]},
            "arn:aws:s3:::logs",
        ),
        (
            {"lambdaDetails": {"functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f"}},
            "arn:aws:lambda:eu-west-1:123456789012:function:f",
        ),
        (
            {"eksClusterDetails": {"arn": "arn:aws:eks:eu-west-1:123456789012:cluster/c"}},
            "arn:aws:eks:eu-west-1:123456789012:cluster/c",
        ),
        ({"s3BucketDetails": "x", "instanceDetails": None}, ""),
    ],
)
def test_what_else_it_is_about(resource: dict[str, Any], about: str) -> None:
    """The attacked thing beside the key."""
    alert = parsed(finding(resource=resource))
    assert (alert.resource, alert.access_key_id) == (about, "")
    assert alert.labels in ({}, {"team": "web"})


def test_what_is_absent_is_empty() -> None:
    """A finding about something else has no key; expressions need no guards."""
    alert = parsed({"id": "x", "type": "Recon:EC2/Portscan", "severity": 2, "resource": None, "region": None})
    assert (alert.access_key_id, alert.user_name, alert.region, alert.url, alert.sample) == ("", "", "", "", False)


@pytest.mark.parametrize(
    "info", [None, [], {"value": "not json"}, {"value": "[" * 9_999}, {"value": "[]"}, {"sample": "true"}, {}]
)
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
        (b"[" * 100_000, "nested deeper than 64 levels"),
        (b" " * 2_000_001, "it has 2,000,001 bytes, more than 2,000,000"),
        (b"{}", "it has no `id`"),
        (b'{"id": "x"}', "it has no `type`"),
        (b'{"detail-type": "GuardDuty Finding", "source": "aws.guardduty"}', "its `detail` is not a JSON object"),
        (b'{"detail-type": "Health Event", "source": "aws.health", "detail": {}}', "aws.health"),
        (b'{"detail-type": ["GuardDuty Finding"], "source": "aws.guardduty"}', "`detail-type` is not a text"),
        (b'{"Findings": []}', "0 findings"),
        (b'{"Findings": [{}, {}]}', "2 findings; send one at a time"),
        (b'{"id": 5, "type": "x"}', "`id` is not a text"),
        (b'{"id": "x", "type": "y", "severity": "high"}', "`severity`"),
        (b'{"id": "x", "type": "y", "severity": 11}', "between 0 and 10"),
        (b'{"id": "x", "type": "y", "severity": NaN}', "holds NaN, which is not JSON"),
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
    [alert] = guardduty.parse({}, DRILL.read_bytes()).alerts
    assert alert.severity >= 7.0


def test_a_finding_that_is_too_deep() -> None:
    """Depth that no source has is refused, also in the spelling of the API."""
    answer = pascal(finding())
    answer["Extra"] = json.loads('{"A":' * 60 + "1" + "}" * 60)
    assert parsed(answer).id == finding()["id"]
    answer["Extra"] = json.loads('{"A":' * 64 + "1" + "}" * 64)
    with pytest.raises(UsageError, match="nested deeper than 64 levels"):
        parsed(answer)
