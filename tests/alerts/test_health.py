"""Events of AWS Health: keys that AWS found in public."""

import json
from typing import Any

import pytest

from firedoor.alerts import Alert, Parsed, health
from firedoor.errors import UsageError
from tests.alerts.sns import notification, posted
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "aws_health"


def event(**detail: Any) -> dict[str, Any]:
    """An event in the newer schema, in the account that sees a whole organization."""
    return {
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "AWS Health Event",
        "source": "aws.health",
        "account": "111111111111",
        "time": "2026-11-29T11:30:00Z",
        "region": "us-west-2",
        "detail": {
            "eventArn": "arn:aws:health:us-east-1::event/RISK/AWS_RISK_CREDENTIALS_EXPOSED/AWS_RISK_CREDENTIALS_EXPOSED_1",
            "service": "RISK",
            "eventTypeCode": "AWS_RISK_CREDENTIALS_EXPOSED",
            "eventTypeCategory": "issue",
            "eventScopeCode": "ACCOUNT_SPECIFIC",
            "communicationId": "01b0993207d81a09dcd552ebd1e633e36cf1f09a-1",
            "startTime": "Sun, 29 Nov 2026 11:10:09 GMT",
            "lastUpdatedTime": "Sun, 29 Nov 2026 11:20:00 GMT",
            "statusCode": "open",
            "eventRegion": "us-east-1",
            "eventDescription": [
                {"language": "de_DE", "latestDescription": "Ein Schlüssel liegt offen."},
                {"language": "en_US", "latestDescription": "A key is in public."},
            ],
            "affectedEntities": [
                {"entityValue": "AKIAIOSFODNN7EXAMPLE", "status": "IMPAIRED", "tags": {"team": "web"}}
            ],
            "affectedAccount": "222222222222",
            "page": "1",
            "totalPages": "1",
        }
        | detail,
    }


def delivered(value: Any) -> Parsed:
    """What a JSON value says."""
    return health.parse({}, posted(value))


@needs_shared
def test_the_sample_of_aws() -> None:
    """The older schema: the account is the receiver's, and there is nothing but a digest to know the delivery by."""
    body = (PAYLOADS / "risk_credentials_exposed.json").read_bytes()
    detail = json.loads(body)["detail"]
    delivery = health.parse({}, body)
    assert delivery.alerts == (
        Alert(
            source="health",
            id=f"{detail['eventArn']}/123456789012/ACCESS_KEY_ID_HERE",
            type="AWS_RISK_CREDENTIALS_EXPOSED",
            title="AWS Health: AWS_RISK_CREDENTIALS_EXPOSED ACCESS_KEY_ID_HERE",
            description="A description of the event will be provided here",
            account="123456789012",
            region="us-east-1",
            provider="aws",
            credential="ACCESS_KEY_ID_HERE",
            resource="ACCESS_KEY_ID_HERE",
            access_key_id="ACCESS_KEY_ID_HERE",
            first_seen="2016-06-05T15:10:09Z",
            last_seen="2016-06-05T06:27:57Z",
            url="https://phd.aws.amazon.com/phd/home#/dashboard/open-issues?eventID=arn%3Aaws%3Ahealth%3Aus-east-1%3A%3Aevent%2FAWS_RISK_CREDENTIALS_EXPOSED_XXXXXXXXXXXXXXXXX&eventTab=details",
            labels={"service": "RISK", "eventTypeCategory": "issue", "statusCode": ""},
            raw=detail,
        ),
    )
    assert health.parse({}, body).key == delivery.key
    changed = json.loads(body)
    changed["detail"]["affectedEntities"].append({"entityValue": "ANOTHER_ACCESS_KEY"})
    assert delivered(changed).key != delivery.key


def test_the_newer_schema() -> None:
    """The affected account counts, not that of whoever was told; the region is the event's."""
    [alert] = delivered(notification(event())).alerts
    assert (alert.account, alert.region) == ("222222222222", "us-east-1")
    assert (alert.first_seen, alert.last_seen) == ("2026-11-29T11:10:09Z", "2026-11-29T11:20:00Z")
    assert (alert.description, alert.severity, alert.resolved) == ("A key is in public.", 0.0, False)
    assert alert.labels == {"service": "RISK", "eventTypeCategory": "issue", "statusCode": "open", "team": "web"}


def test_copies_and_pages() -> None:
    """AWS sends a copy to another region, and long lists in pages: the copy is the same delivery, a page is not."""
    first = delivered(event())
    copied = event()
    copied |= {"id": "another", "region": "us-east-1", "account": "222222222222"}
    assert delivered(copied).key == first.key == "222222222222/01b0993207d81a09dcd552ebd1e633e36cf1f09a-1"
    second = delivered(event(communicationId="01b0993207d81a09dcd552ebd1e633e36cf1f09a-2", page="2"))
    assert second.key != first.key
    assert delivered(event(affectedAccount="333333333333")).key != first.key


def test_each_entity() -> None:
    """One alert a key, each with its own entity only, so that a long list does not grow with its square."""
    entities = [{"entityValue": f"AKIAEXAMPLE{number:09}"} for number in range(3_000)]
    alerts = delivered(event(affectedEntities=entities)).alerts
    assert len({alert.id for alert in alerts}) == len({alert.access_key_id for alert in alerts}) == 3_000
    assert alerts[7].raw["affectedEntities"] == [entities[7]]
    assert alerts[7].raw["eventTypeCode"] == "AWS_RISK_CREDENTIALS_EXPOSED"


def test_what_is_about_no_key() -> None:
    """Other events name other things; an event about nothing in particular is one alert."""
    instance = "arn:aws:ec2:eu-west-1:222222222222:instance/i-1"
    entity = {"entityValue": "i-1", "entityArn": instance}
    [alert] = delivered(event(eventTypeCode="AWS_EC2_INSTANCE_ISSUE", affectedEntities=[entity])).alerts
    assert (alert.credential, alert.access_key_id, alert.resource) == ("", "", instance)
    [alert] = delivered(event(affectedEntities=[{"entityValue": "arn:aws:iam::222222222222:user/deploy"}])).alerts
    assert (alert.credential, alert.resource) == ("", "arn:aws:iam::222222222222:user/deploy")
    for nothing in ("[]", "null"):
        [alert] = delivered(event(affectedEntities=json.loads(nothing), eventDescription=None)).alerts
        assert (alert.credential, alert.resource, alert.description) == ("", "", "")
        assert alert.id.endswith("/222222222222")


@pytest.mark.parametrize(
    ("detail", "resolved"),
    [
        ({"statusCode": "closed"}, True),
        ({"affectedEntities": [{"entityValue": "AKIAIOSFODNN7EXAMPLE", "status": "RESOLVED"}]}, True),
        ({"statusCode": "upcoming"}, False),
    ],
)
def test_what_is_over(detail: dict[str, Any], resolved: bool) -> None:
    """The event is closed, or this one key is taken care of."""
    assert delivered(event(**detail)).alerts[0].resolved is resolved


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("Sun, 29 Nov 2026 11:10:09 GMT", "2026-11-29T11:10:09Z"),
        ("Sun, 29 Nov 2026 12:10:09 +0100", "2026-11-29T11:10:09Z"),
        ("Sun, 29 Nov 2026 11:10:09 -0000", "2026-11-29T11:10:09Z"),
        ("2026-11-29T12:10:09+01:00", "2026-11-29T12:10:09+01:00"),
        ("2026-11-29 11:10:09", "2026-11-29T11:10:09Z"),
        ("0001-01-01 00:00:00+23:00", ""),
        ("Sun, 29 Nov 2026 11:10:09 +99999999999999999999", ""),
        ("soon", ""),
        ("", ""),
    ],
)
def test_times(time: str, expected: str) -> None:
    """Whatever AWS writes becomes RFC 3339; what is no time is none."""
    assert delivered(event(startTime=time)).alerts[0].first_seen == expected


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (event(eventArn=""), "it has no `eventArn`"),
        (event(eventTypeCode=None), "it has no `eventTypeCode`"),
        (event(affectedEntities={}), "`affectedEntities` is not a list of JSON objects"),
        (event(affectedEntities=["AKIAIOSFODNN7EXAMPLE"]), "`affectedEntities` is not a list of JSON objects"),
        (event(communicationId=5), "`communicationId` is not a text"),
        (event() | {"source": "mine"}, "the event is from 'mine'"),
        (event() | {"detail": None}, "its `detail` is not a JSON object"),
        ([], "it is not a JSON object"),
    ],
)
def test_what_is_no_event(value: Any, says: str) -> None:
    """A sentence that says what is wrong."""
    with pytest.raises(UsageError) as caught:
        delivered(value)
    assert says in caught.value.what
