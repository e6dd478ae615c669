"""What lies inside a message of SNS: an event, or news of the subscription."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firedoor.alerts import SOURCES, UnauthenticatedError, _sns, guardduty
from firedoor.alerts._secrets import scrubbed
from firedoor.errors import UsageError
from tests.alerts.sns import (
    AWS,
    EVENT,
    TOPIC,
    Shelf,
    certificate,
    control,
    lock,
    notification,
    posted,
    signed,
)
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "aws_sns"


def test_the_event_inside() -> None:
    """Decoded twice; stored without the envelope, whose UnsubscribeURL would let its reader silence the topic."""
    parsed = guardduty.parse({}, posted(signed(notification(EVENT))))
    assert [alert.id for alert in parsed.alerts] == ["36b01b60"]
    assert parsed.kept is not None
    assert json.loads(parsed.kept) == EVENT
    again = guardduty.parse({}, parsed.kept)
    assert (again.key, again.alerts, again.kept) == (parsed.key, parsed.alerts, None)
    assert guardduty.parse({}, posted(EVENT["detail"])).alerts == parsed.alerts


def test_a_message_that_cannot_be_read() -> None:
    """It is kept whole, but not the URL with which whoever reads it could end the subscription."""
    message = notification("plain text")
    kept = scrubbed(posted(signed(message)))
    assert b"plain text" in kept
    assert b"Action=Unsubscribe" not in kept


def test_what_the_door_takes_out_leaves_the_confirmation_whole() -> None:
    """The token in its URL is SNS's, and without it nothing is confirmed."""
    parsed = guardduty.parse({}, posted(signed(control())))
    assert scrubbed(parsed.confirm) == parsed.confirm


def test_an_event_in_the_spelling_of_lambda() -> None:
    """A file that somebody attaches may have it: it is read, as reading proves nothing."""
    message = notification(EVENT)
    message["SigningCertUrl"] = message.pop("SigningCertURL")
    assert guardduty.parse({}, posted(message)).alerts[0].id == "36b01b60"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (notification("plain text"), "it is not JSON"),
        (notification(""), "it has no `Message`"),
        (notification('"text"'), "it is not a JSON object"),
        (notification(Message=5), "`Message` is not a text"),
        (notification(json.dumps(notification(EVENT))), "it has no `id`"),
        (control(MessageId=None), "it has no `MessageId`"),
        (control(SubscribeURL=""), "it has no `SubscribeURL`"),
    ],
)
def test_what_lies_inside_and_is_none(message: dict[str, Any], says: str) -> None:
    """What a topic sends otherwise; an envelope in an envelope is no finding."""
    with pytest.raises(UsageError) as caught:
        guardduty.parse({}, posted(message))
    assert says in caught.value.what


@pytest.mark.parametrize("source", AWS)
def test_a_subscription(source: str) -> None:
    """SNS asks each of the doors; the door is told where to confirm."""
    parsed = SOURCES[source].parse({}, posted(control()))
    assert parsed.confirm == control()["SubscribeURL"]
    assert (parsed.alerts, parsed.key) == ((), "sns/22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324")
    assert parsed.note == f"SNS asks to confirm the subscription of {TOPIC}."


@pytest.mark.parametrize("source", AWS)
def test_the_end_of_a_subscription(source: str) -> None:
    """It is told, and nothing is confirmed: that would restore the subscription."""
    parsed = SOURCES[source].parse({}, posted(control("UnsubscribeConfirmation")))
    assert (parsed.alerts, parsed.confirm) == ((), "")
    assert f"The subscription of {TOPIC} to this door was ended at SNS" in parsed.note


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com.evil.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://x@sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com:81/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com/x?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://169.254.169.254/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}-2&Token=x",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Action=x&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x&Endpoint=y",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x y",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x\r\nHost: y",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=ä",
    ],
)
def test_confirmations_of_anything_else(url: str) -> None:
    """A URL is only handed on if it confirms a subscription of this topic at SNS in its region."""
    with pytest.raises(UsageError, match="does not confirm a subscription"):
        guardduty.parse({}, posted(control(SubscribeURL=url.format(topic=TOPIC))))


def test_a_confirmation_of_no_topic() -> None:
    """Without a topic there is no host to compare with."""
    with pytest.raises(UsageError, match="does not confirm a subscription"):
        guardduty.parse({}, posted(control(TopicArn="alerts")))


@needs_shared
def test_recorded_messages() -> None:
    """Their certificates are gone, but not their shapes: a subscription, and an alarm that is no finding."""
    parsed = guardduty.parse({}, (PAYLOADS / "subscription_confirmation.json").read_bytes())
    assert parsed.confirm.startswith("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws")
    alarm = (PAYLOADS / "notification.json").read_bytes()
    with pytest.raises(UsageError, match="it has no `id`"):
        guardduty.parse({}, alarm)
    topic = json.loads(alarm)["TopicArn"]
    with pytest.raises(UnauthenticatedError, match="its timestamp is more than 3900 s from now"):
        _sns.authenticate({}, alarm, lock(topics=(topic,)))
    then = datetime(2019, 2, 15, 23, 54, tzinfo=UTC)
    pem = certificate(first=then - timedelta(days=1))
    with pytest.raises(UnauthenticatedError, match="its signature is not that of its certificate"):
        _sns.authenticate({}, alarm, lock(Shelf(pem), topics=(topic,), now=then))
