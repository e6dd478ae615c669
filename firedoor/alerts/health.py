"""AWS Health: above all AWS_RISK_CREDENTIALS_EXPOSED, a key that AWS has found in public.

Format: https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html, the EventBridge event
or its `detail`. Each affected entity is an alert. Of the events AWS_RISK_CREDENTIALS_… the entity is the id of an
access key. The account is `affectedAccount`; events that do not have it name the receiver's, which in the account that
sees a whole organization is not the affected one. Health has no severity, so it is 0: compare `type`.

Proof: SNS's signature, from one of the door's `topics`. What does not come by SNS, such as an API destination of
EventBridge, shows a secret of the door.

Key: the account and `communicationId`, which AWS made for this: a copy that comes by another region has the same, a
page of a long list one of its own. Events without it are known by a digest of the detail. An alert's id is the event's
ARN, which many accounts share, with the account and the entity.

Answers: SNS tries again after 5xx, three times within a minute if its subscription says nothing else, never for more
than an hour; 4xx it drops, or puts into the subscription's dead-letter queue. It waits 15 seconds.
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
