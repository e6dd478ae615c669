"""AWS CloudTrail: from EventBridge ("… via CloudTrail"), one event bare, or several as a trail writes them into a file.

Format: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html. `type` is the event's name:
CreateAccessKey, ConsoleLogin. CloudTrail judges nothing, so the severity is 0: the rule of EventBridge and the trigger
say what matters. The credential is the key that was made where CreateAccessKey made one, otherwise the one that was
used; account and user are that credential's. Who called is in the labels, and all of these are always there:
`callerArn`, `callerType` (`Root`), `errorCode`, `eventSource`, `sourceIPAddress`, `userAgent`; empty where CloudTrail
says nothing.

Proof: SNS's signature, from one of the door's `topics`. What does not come by SNS, such as an API destination of
EventBridge, shows a secret of the door.

Key: `eventID`, which is unique; the alert's id as well.

Answers: SNS tries again after 5xx, three times within a minute if its subscription says nothing else, never for more
than an hour; 4xx it drops, or puts into the subscription's dead-letter queue. It waits 15 seconds.
"""

from typing import Any

from firedoor.alerts import _sns
from firedoor.alerts._alert import Alert
from firedoor.alerts._eventbridge import event, first, members, rfc3339, together
from firedoor.alerts._reading import Reader, part
from firedoor.alerts._source import Headers, Parsed

NAME = "cloudtrail"
CONSOLE = "https://{region}.console.aws.amazon.com/cloudtrailv2/home?region={region}#/events/{id}"
READER = Reader(
    "an event of CloudTrail", "Send the EventBridge event as JSON, one event of CloudTrail, or a list of them."
)
authenticate = _sns.authenticate


def parse(headers: Headers, body: bytes) -> Parsed:
    """An alert for each event. Raises `UsageError` that says what is wrong with the body."""
    return _sns.opened(READER, body, _parsed)


def _parsed(value: Any) -> Parsed:
    found = _events(value)
    if not found:
        READER.wrong("it holds no event")
    alerts = tuple(_alert(one) for one in found)
    return Parsed(key=together(alert.id for alert in alerts), alerts=alerts)


def _events(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return members(READER, {"Records": value}, "Records")
    _, detail = event(READER, value, expected=lambda source, kind: kind.endswith(" via CloudTrail"))
    return members(READER, detail, "Records") if "Records" in detail else [detail]


def _alert(found: dict[str, Any]) -> Alert:
    identity, name = READER.needed(found, "eventID"), READER.needed(found, "eventName")
    region, moment = READER.text(found, "awsRegion"), rfc3339(READER.text(found, "eventTime"))
    caller = part(found, "userIdentity")
    labels = {
        "callerArn": READER.text(caller, "arn"),
        "callerType": READER.text(caller, "type"),
        "errorCode": READER.text(found, "errorCode"),
        "eventSource": READER.text(found, "eventSource"),
        "sourceIPAddress": READER.text(found, "sourceIPAddress"),
        "userAgent": READER.text(found, "userAgent"),
    }
    who = first(labels["callerArn"], READER.text(caller, "invokedBy"), labels["callerType"], "somebody unknown")
    refused = f" was refused: {labels['errorCode']}" if labels["errorCode"] else ""
    return READER.alert(
        source=NAME,
        id=identity,
        type=name,
        title=f"{name} by {who}{refused}",
        description=READER.text(found, "errorMessage"),
        region=region,
        provider="aws",
        resource=first(*(READER.text(one, "ARN") for one in members(READER, found, "resources"))),
        first_seen=moment,
        last_seen=moment,
        url=_url(region, identity),
        labels=labels,
        raw=found,
        **_subject(found, caller),
    )


def _url(region: str, identity: str) -> str:
    plain = all(part.replace("-", "").isalnum() for part in (region, identity))
    return CONSOLE.format(region=region, id=identity) if plain else ""


def _subject(found: dict[str, Any], caller: dict[str, Any]) -> dict[str, str]:
    """The fields that say which credential it is about, and whose that is."""
    made = part(found, "responseElements", "accessKey")
    key = READER.text(made, "accessKeyId")
    if found.get("eventName") == "CreateAccessKey" and key:
        # Without a name in the request, whoever calls makes a key for himself: root too.
        named = READER.text(found, "requestParameters", "userName")
        return {
            "credential": key,
            "access_key_id": key,
            "account": READER.text(found, "recipientAccountId"),
            "user_name": READER.text(made, "userName"),
            "user_type": "IAMUser" if named else READER.text(caller, "type"),
        }
    key = READER.text(caller, "accessKeyId")
    return {
        "credential": key,
        "access_key_id": key,
        "account": first(READER.text(caller, "accountId"), READER.text(found, "recipientAccountId")),
        "user_name": first(
            READER.text(caller, "userName"), READER.text(caller, "sessionContext", "sessionIssuer", "userName")
        ),
        "user_type": READER.text(caller, "type"),
        "principal_id": READER.text(caller, "principalId"),
    }
