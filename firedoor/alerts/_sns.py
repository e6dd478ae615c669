"""Amazon SNS over HTTPS: who has signed a message, and what lies inside."""

from firedoor.alerts._source import Headers, Lock, UnauthenticatedError


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if SNS has signed the message and it is from a topic of this door. Raises `UnauthenticatedError`."""
    raise UnauthenticatedError("not built yet")
