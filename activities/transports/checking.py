"""Can mail leave? For `firedoor doctor`: the server is signed in at, SES's account is asked. Nothing is sent."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import boto3
from pydantic import SecretStr

from activities.transports._transport import TransportError
from activities.transports.ses import Account, Ses, open_ses
from activities.transports.smtp import open_smtp
from firedoor.config import Settings
from firedoor.errors import FiredoorError
from firedoor.words import plural

SUBJECT = "[mail]"


class Finding(NamedTuple):
    """What is so of a setting."""

    level: Literal["ok", "warn", "fail"]
    says: str
    next: str = ""


def mail_findings(
    settings: Settings, secret: Callable[[str], SecretStr], session: boto3.Session | None = None
) -> list[Finding]:
    """What is so of `[mail]`, where it is set. Blocks."""
    try:
        match settings.mail.transport:
            case "smtp":
                return [Finding("ok", asyncio.run(_checked(settings, secret))), *_bounces(settings)]
            case "ses":
                return _asked(open_ses(settings, session), settings)
            case _:
                return []
    except TransportError as error:
        return [Finding("warn" if getattr(error, "seconds", 0) else "fail", error.what, error.next)]
    except FiredoorError as error:
        return [Finding("fail", error.what, error.next)]


def _bounces(settings: Settings) -> Iterator[Finding]:
    if not (settings.mail.bounces.address or settings.mail.bounces.secrets):
        yield Finding(
            "warn",
            "[mail.bounces] is not set: whose mail comes back later, by mail, looks as if it had arrived",
            "docs/how-to/mail.md says how bounces come in.",
        )


async def _checked(settings: Settings, secret: Callable[[str], SecretStr]) -> str:
    smtp = open_smtp(settings.mail, secret)
    try:
        return await smtp.check()
    finally:
        await smtp.close()


def _asked(ses: Ses, settings: Settings) -> list[Finding]:
    try:
        return list(_account(ses, settings))
    finally:
        asyncio.run(ses.close())


def _account(ses: Ses, settings: Settings) -> Iterator[Finding]:
    """The account, the sandbox, the identity, the events. Raises `TransportError`."""
    account = ses.account()
    if not account.sends:
        yield Finding("fail", "SES sends nothing: sending is paused for the account", "SES's console says why.")
    identity = ses.verified()
    if not identity:
        yield Finding(
            "fail",
            f"SES does not let us send as {settings.mail.sender}: neither the address nor its domain is verified",
            "Verify the domain in SES, with Easy DKIM.",
        )
    if not account.production:
        yield Finding(
            "warn",
            "SES keeps the account in its sandbox: only verified addresses get mail, 200 in 24 h",
            "Ask AWS for production access now: it takes a day, and an incident does not wait.",
        )
    if not settings.mail.ses.topics:
        yield Finding(
            "warn",
            "[mail.ses] has no topics, so nobody tells what was delivered and what bounced",
            "docs/how-to/mail.md says how SES's events come in.",
        )
    if account.sends and identity:
        yield Finding("ok", f"SES lets us send as {identity}, {_allowance(account)}")


def _allowance(account: Account) -> str:
    left = "" if account.left == float("inf") else f", {plural(int(account.left), 'messages')} left of 24 h"
    return f"{account.rate:g} messages a second{left}"
