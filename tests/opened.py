"""What Temporal's history holds of an incident, decrypted: to look for what must not be there."""

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.client import Client


async def opened(client: Client, incident: str) -> bytes:
    """The contents of all payloads of an incident's history."""
    history = await client.get_workflow_handle(incident).fetch_history()
    payloads = [payload for event in history.events for payload in payloads_in(event)]
    codec = client.data_converter.payload_codec
    assert codec is not None
    assert payloads
    return b"\n".join(payload.data for payload in await codec.decode(payloads))


def payloads_in(message: Message) -> list[Payload]:
    """The payloads anywhere in a message."""
    if isinstance(message, Payload):
        return [message]
    found: list[Payload] = []
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            members = [one for one in value.values() if isinstance(one, Message)]
        else:
            members = [value] if isinstance(value, Message) else list(value)
        found += [payload for member in members for payload in payloads_in(member)]
    return found
