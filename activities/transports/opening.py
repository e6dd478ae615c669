"""The transports of an installation: those that its settings configure, by channel."""

from collections.abc import Callable, Iterable, Mapping

import boto3
from pydantic import SecretStr

from activities.transports._transport import Transport
from activities.transports.ses import open_ses
from activities.transports.slack import open_slack
from activities.transports.smtp import open_smtp
from activities.transports.webhook import open_webhooks
from firedoor.campaign import Channel
from firedoor.config import Settings
from firedoor.errors import UsageError


def open_transports(
    settings: Settings,
    secret: Callable[[str], SecretStr],
    channels: Iterable[str] | None = None,
    *,
    session: boto3.Session | None = None,
) -> Mapping[str, Transport]:
    """A transport for each channel that is asked for; without `channels`, for each that the settings configure.

    `secret` gives the value at a reference (`Clients.secret`). It blocks: secrets and certificates are read. Every
    transport is used, and closed, in one event loop. Raises `UsageError` for a channel that is not configured, or
    wrongly, and what `secret` raises; then nothing is open.
    """
    wanted = [Channel(one) for one in channels] if channels is not None else configured(settings)
    openings: dict[Channel, Callable[[], Transport]] = {
        Channel.EMAIL: lambda: _open_mail(settings, secret, session),
        Channel.WEBHOOK: lambda: open_webhooks(settings.webhooks, secret),
        # The last, because it opens a file.
        Channel.SLACK: lambda: open_slack(settings, secret),
    }
    return {channel.value: opening() for channel, opening in openings.items() if channel in wanted}


def configured(settings: Settings) -> list[Channel]:
    """The channels by which customers can be written to here. Webhooks need no settings."""
    mail = [Channel.EMAIL] if settings.mail.transport else []
    slack = [Channel.SLACK] if settings.slack.bot_token else []
    return [*slack, *mail, Channel.WEBHOOK]


def _open_mail(settings: Settings, secret: Callable[[str], SecretStr], session: boto3.Session | None) -> Transport:
    match settings.mail.transport:
        case "smtp":
            return open_smtp(settings.mail, secret)
        case "ses":
            return open_ses(settings, session)
        case _:
            raise UsageError(
                "[mail] has no transport, so no mail can be sent.",
                next='Say how, in firedoor.toml: [mail] transport = "smtp" or "ses". docs/how-to/mail.md has both.',
            )
