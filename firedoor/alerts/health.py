"""AWS Health events from EventBridge, or bare: above all AWS_RISK_CREDENTIALS_EXPOSED, a key that AWS found in public.

Format: https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html. Each entity that is
affected is an alert. Of the events AWS_RISK_CREDENTIALS_… the entity is the id of an access key. `affectedAccount` is
whose it is; before there was such a field, `account` is, which in an organization's own account is only who was told.
Health has no severity, so it is 0: compare `type`.

An alert's id is the event's ARN, which many accounts share, with the account and the entity. A delivery's key is the
account and `communicationId`, which AWS made for this: the copy that goes to another region has the same, each page
one of its own. Older events have none; there the key is a digest of the detail.
"""

import json
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from firedoor.alerts import _sns
from firedoor.alerts._alert import Alert
from firedoor.alerts._eventbridge import event, first, members, rfc3339
from firedoor.alerts._reading import Reader, objects, texts
from firedoor.alerts._source import Headers, Parsed

NAME = "health"
KINDS = ("AWS Health Event", "AWS Health Abuse Event")
CREDENTIALS = "AWS_RISK_CREDENTIALS_"
CONSOLE = "https://phd.aws.amazon.com/phd/home#/dashboard/open-issues?eventID={arn}&eventTab=details"
READER = Reader("an event of AWS Health", "Send the EventBridge event as JSON, or its `detail`.")
authenticate = _sns.authenticate


def parse(headers: Headers, body: bytes) -> Parsed:
    """An alert for each entity. Raises `UsageError` that says what is wrong with the body."""
    return _sns.opened(READER, body, _parsed)


def _parsed(value: Any) -> Parsed:
    envelope, detail = event(READER, value, expected=lambda source, kind: source == "aws.health" and kind in KINDS)
    account = first(READER.text(detail, "affectedAccount"), READER.text(envelope, "account"))
    entities = members(READER, detail, "affectedEntities") or [{}]
    alerts = tuple(_alert(entity, detail, envelope, account) for entity in entities)
    communication = READER.text(detail, "communicationId")
    digest = sha256(json.dumps(detail, sort_keys=True).encode()).hexdigest()
    return Parsed(key=f"{account}/{communication or digest}", alerts=alerts)


def _alert(entity: dict[str, Any], detail: dict[str, Any], envelope: dict[str, Any], account: str) -> Alert:
    arn, code = READER.needed(detail, "eventArn"), READER.needed(detail, "eventTypeCode")
    value = READER.text(entity, "entityValue")
    credential = value if code.startswith(CREDENTIALS) and not value.startswith("arn:") else ""
    status = READER.text(detail, "statusCode")
    return READER.alert(
        source=NAME,
        id="/".join(part for part in (arn, account, value) if part),
        type=code,
        title=f"AWS Health: {code}" + (f" {value}" if value else ""),
        description=_description(detail),
        account=account,
        region=first(READER.text(detail, "eventRegion"), READER.text(envelope, "region")),
        provider="aws",
        credential=credential,
        resource=first(READER.text(entity, "entityArn"), value),
        access_key_id=credential,
        first_seen=rfc3339(READER.text(detail, "startTime")),
        last_seen=rfc3339(first(READER.text(detail, "lastUpdatedTime"), READER.text(envelope, "time"))),
        url=CONSOLE.format(arn=quote(arn, safe="")),
        resolved=status == "closed" or READER.text(entity, "status") == "RESOLVED",
        labels={
            "service": READER.text(detail, "service"),
            "eventTypeCategory": READER.text(detail, "eventTypeCategory"),
            "statusCode": status,
        }
        | texts(detail.get("eventMetadata"))
        | texts(entity.get("tags")),
        # With its own entity only: thousands of alerts with thousands of entities each would fill any store.
        raw=detail | ({"affectedEntities": [entity]} if entity else {}),
    )


def _description(detail: dict[str, Any]) -> str:
    """What AWS says: in English, if it says it in several languages."""
    found = objects(detail, "eventDescription")
    english = [one for one in found if one.get("language") == "en_US"]
    return first(*(READER.text(one, "latestDescription") for one in (*english, *found)))
