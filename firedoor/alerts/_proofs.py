"""How a delivery proves where it comes from: a signature over its raw bytes, or a secret that only the sender knows.

Every comparison takes the same time whatever differs.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from firedoor.alerts._source import Headers, Lock, UnauthenticatedError

#: How old or how far ahead a signed delivery may be. Slack's and Standard Webhooks' own libraries use the same.
WINDOW = timedelta(minutes=5)


def hexdigest(secret: SecretStr, *parts: bytes) -> str:
    """HMAC-SHA256 of the parts one after the other, as hex."""
    mac = hmac.new(secret.get_secret_value().encode(), digestmod=hashlib.sha256)
    for one in parts:
        mac.update(one)
    return mac.hexdigest()


def signed(lock: Lock, given: Iterable[str], *parts: bytes) -> None:
    """Return if one of the signatures `given` (hex) is that of one of the lock's secrets over `parts`.

    Raises `UnauthenticatedError`.
    """
    signatures = [one for one in given if one]
    if not signatures:
        raise UnauthenticatedError("it has no signature")
    expected = [hexdigest(secret, *parts) for secret in required(lock)]
    # All pairs, so that the time tells nothing of which secret is the right one.
    found = [same(one, other) for one in signatures for other in expected]
    if not any(found):
        raise UnauthenticatedError("its signature is not that of this body with any secret of this door")


def shared(lock: Lock, headers: Headers) -> None:
    """Return if a header shows one of the lock's secrets: for sources that sign nothing.

    `Authorization: Bearer SECRET`, basic authentication with SECRET as the password, or the header that the option
    `header` names. Raises `UnauthenticatedError`.
    """
    name = lock.options.get("header", "authorization").lower()
    given = headers.get(name, "")
    if not given:
        raise UnauthenticatedError(f"it has no header `{name}`")
    scheme, _, rest = given.partition(" ")
    shown = {"bearer": rest.strip(), "basic": _password(rest)}.get(scheme.lower(), given)
    found = [same(shown, secret.get_secret_value()) for secret in required(lock)]
    if not any(found):
        raise UnauthenticatedError(f"its header `{name}` shows no secret of this door")


def fresh(lock: Lock, seconds: str | float, window: timedelta = WINDOW) -> None:
    """Return if a Unix time lies within the window around now. Raises `UnauthenticatedError`."""
    try:
        moment = datetime.fromtimestamp(float(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        raise UnauthenticatedError("its timestamp is not a time") from None
    if abs(lock.now - moment) > window:
        raise UnauthenticatedError(f"its timestamp is more than {window.total_seconds():.0f} s from now")


def required(lock: Lock) -> tuple[SecretStr, ...]:
    """The lock's secrets. Raises `UnauthenticatedError` where there is none: an open door stays shut."""
    secrets = tuple(secret for secret in lock.secrets if secret.get_secret_value())
    if not secrets:
        raise UnauthenticatedError("this door has no secret")
    return secrets


def same(one: str, other: str) -> bool:
    """Are two texts the same, in a time that does not tell?"""
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        # Not base64, not ASCII, or not UTF-8.
        return ""
