"""`firedoor doctor`: is everything ready for three in the morning?"""

import asyncio
import dataclasses

from firedoor.cli import checks, doors, outreach, workspace
from firedoor.cli.console import err, out, write_json
from firedoor.cli.parameters import Output
from firedoor.cli.permissions import check
from firedoor.cli.views.checklist import Finding, checklist
from firedoor.config import Settings, load
from firedoor.errors import Exit


async def doctor(*, output: Output = "text") -> int:
    """Check everything that an incident will need.

    The data folder and its keys, the timeline, Temporal and its workers, every
    runbook, who may approve and how people are told, the inventory, each door for
    alerts and the server behind it, Slack (tokens, scopes, workspace, channel, user
    groups, the way in), what customers are told (who they are, by which notices and
    ways, what of it waits for a person), every secret that the settings refer to
    (read where it is used, never shown), whether each configured provider and the
    mail server lets firedoor in, and in AWS who firedoor is and whether it has each
    permission that the runbooks need.
    Each line is ok, warn or FAIL, with what to do. Nothing is changed.

    Exit code 1 when something failed.
    """
    settings = load()
    with err().status("Checking…"):
        findings = await _findings(settings)
    if output == "json":
        write_json([dataclasses.asdict(one) for one in findings])
    else:
        out().print(checklist(findings))
    failed = any(one.level == "fail" for one in findings)
    return int(Exit.FAILED if failed else Exit.OK)


async def _findings(settings: Settings) -> list[Finding]:
    about_runbooks, plans = checks.shipped(settings)
    places = checks.places(settings)
    in_aws = asyncio.create_task(asyncio.to_thread(lambda: list(check(settings.aws, plans, places))))
    elsewhere = asyncio.create_task(checks.secrets(settings))
    findings = [*checks.folder(settings), *checks.keys(settings), checks.timeline(settings)]
    findings += [one async for one in checks.temporal(settings)]
    findings += [checks.programs(settings), checks.emulator(settings), *about_runbooks]
    findings += [checks.you(settings), *checks.people(settings, plans), checks.notify(settings)]
    findings += [*checks.inventory(settings), *doors.doors(settings), *await doors.server(settings)]
    findings += await workspace.slack(settings, plans)
    findings += outreach.outreach(settings, plans)
    return findings + await elsewhere + await in_aws
