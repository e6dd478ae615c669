"""What keeps a campaign from being sent before anybody is looked at: settings, the notice, its values."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from firedoor.campaign import Channel, PrepareCall
from firedoor.config import Settings
from firedoor.notices.addresses import links, why_not
from firedoor.notices.folder import Notice
from firedoor.notices.lint import mistakes_of, secret_in

#: Mistakes of the notice that are told; the rest is the lint's.
TOLD = 10


def obstacles(call: PrepareCall, notice: Notice, settings: Settings) -> Iterator[str]:
    """Each as a sentence that says what to do."""
    unset = list(_settings(call, settings))
    yield from unset
    if unset:
        yield "The workers read firedoor.toml when they start: once it is set, start `firedoor up` again, then retry."
    yield from _values(call, notice)
    found = mistakes_of(notice, settings, escalates=bool(call.spec.escalates))
    yield from (str(one) for one in found[:TOLD])
    if len(found) > TOLD:
        yield f"… and {len(found) - TOLD} more mistakes: firedoor notices lint {notice.name}"


def _settings(call: PrepareCall, settings: Settings) -> Iterator[str]:
    channels = call.spec.channels
    if Channel.EMAIL in channels and not (settings.mail.transport and settings.mail.sender):
        yield "Mail is not configured: set transport and sender of [mail] in firedoor.toml."
    if Channel.SLACK in channels and not settings.slack.bot_token:
        yield "Slack is not configured: set bot_token of [slack] in firedoor.toml."
    if not settings.server.public_url:
        yield "Readers could not acknowledge: set public_url of [server], the address of firedoor serve."
    if not settings.notices.company:
        yield "The notice would be signed by nobody: set company of [notices] in firedoor.toml."


def _values(call: PrepareCall, notice: Notice) -> Iterator[str]:
    manifest = notice.manifest
    for name in manifest.missing(call.values):
        yield f"The notice {notice.name} needs {name}: {manifest.variables[name].description}. Give it below `with:`."
    for name in manifest.unknown(call.values):
        known = ", ".join(manifest.variables) or "none"
        yield f"The notice {notice.name} has no variable {name}; it has {known}."
    for name, value in call.values.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for _, link in links(text):
            # Where a value leads is for who approves it to see; a trap, or what anybody can change on the way, is not.
            if why := why_not(link, frozenset({urlsplit(link).hostname or ""})):
                yield f"The value of {name} leads where no notice may: {why}"
        if secret := secret_in(text):
            yield f"The value of {name} has {secret}, which looks like a secret. It would be sent to every customer."
