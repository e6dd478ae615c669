"""`python -m activities.checkup`: can firedoor read the secrets that its settings name, and act with them?

A program of the worker's side (`firedoor.desk`), for `firedoor doctor`: `{}` in, `{"findings": [{"level", "subject",
"says", "next"}]}` out. Every reference of `[providers]` and `[sinks]` is resolved, and what is found is dropped; every
provider with settings is asked for one list; every kind of place that the inventory names is opened; the mail server is
signed in at, or SES's account is asked. Reads only.
"""

import contextlib
import json
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from activities._clients import Clients
from activities._limits import Limits
from activities.transports.checking import SUBJECT, mail_findings
from firedoor.config import Settings, load
from firedoor.errors import FiredoorError, StepError
from firedoor.providers import Verb, providers
from firedoor.providers._provider import ByApi, Setting
from firedoor.sinks import STORES
from firedoor.sinks._references import reading_needs

#: Seconds.
PATIENCE = 45.0
DEFECTS = (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError)
REPORT = "That is a fault of firedoor's: please report it."
READ_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH
#: What the person's own shell says of the worker's environment.
SHELL = "The worker reads its own environment when it starts: set it there, and run doctor with the same one."

Findings = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Named:
    """A setting that holds a reference: `[providers.openai] admin_key`."""

    table: str
    setting: str
    reference: str

    @property
    def subject(self) -> str:
        """As it stands in firedoor.toml."""
        return f"[{self.table}] {self.setting}"


def check(settings: Settings, clients: Clients) -> Findings:
    """What is so of every reference, provider and kind of place, in the order of the settings."""
    checks: dict[str, Callable[[], Findings]] = {"inventory": partial(_places, clients)}
    for name, given in settings.providers.items():
        checks[f"[providers.{name}]"] = partial(_provider, settings, clients, name, given)
    for scheme, given in settings.sinks.items():
        checks[f"[sinks.{scheme}]"] = partial(_sink, settings, clients, scheme, given)
    if settings.mail.transport:
        checks[SUBJECT] = partial(_mail, settings, clients)
    return [finding for findings in _in_time(checks) for finding in findings]


def _in_time(checks: Mapping[str, Callable[[], Findings]]) -> Iterator[Findings]:
    """Make all checks at once; what has not ended in time is said, and left behind."""
    done: dict[str, Findings] = {}

    def run(subject: str, one: Callable[[], Findings]) -> None:
        try:
            done[subject] = one()
        except DEFECTS as error:
            done[subject] = [_finding("fail", subject, f"firedoor's own check failed ({type(error).__name__})", REPORT)]

    threads = [threading.Thread(target=run, args=check, daemon=True) for check in checks.items()]
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        thread.start()
    for subject, thread in zip(checks, threads, strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        late = _finding("warn", subject, f"no answer within {PATIENCE:g} s", "Its list is long, or the way to it is.")
        yield done.get(subject, [late])


def _named(table: str, given: Mapping[str, str], known: Mapping[str, Setting]) -> Iterator[Named]:
    for setting, reference in given.items():
        if setting in known and known[setting].secret:
            yield Named(table, setting, reference)


def _provider(settings: Settings, clients: Clients, name: str, given: Mapping[str, str]) -> Findings:
    """Its references, and if all can be read, one list of it."""
    named = _named(f"providers.{name}", given, providers()[name].settings)
    findings = [finding for one in named for finding in _reference(settings, clients, one)]
    if all(one["level"] != "fail" and not one["says"].endswith(ABSENT) for one in findings):
        findings += _listed(clients, name)
    return findings


def _sink(settings: Settings, clients: Clients, scheme: str, given: Mapping[str, str]) -> Findings:
    named = _named(f"sinks.{scheme}", given, STORES[scheme].settings)
    return [finding for one in named for finding in _reference(settings, clients, one)]


#: Nobody but the worker knows whether it has the variable.
ABSENT = "is not set in this shell"


def _reference(settings: Settings, clients: Clients, one: Named) -> Findings:
    """Read it, and forget what was read."""
    scheme, _, place = one.reference.partition(":")
    if scheme == "env" and not settings.secret_environment.get(place):
        return [_finding("warn", one.subject, f"{place} {ABSENT}", SHELL)]
    try:
        clients.secret(one.reference)
    except StepError as error:
        return [_finding("fail", one.subject, error.what, " ".join(filter(None, (error.next, _needs(one)))))]
    if scheme == "file" and Path(place).stat().st_mode & READ_BY_OTHERS:
        return [_finding("warn", one.subject, f"others may read {place}", f"chmod 600 {place}")]
    says = f"{one.reference} holds a value" + (", in this shell; the worker has its own" if scheme == "env" else "")
    needs = _needs(one)
    return [_finding("ok", one.subject, f"{says}. {needs}" if needs else says)]


def _needs(one: Named) -> str:
    permissions = reading_needs(one.reference)
    return f"Reading it needs {', '.join(permissions)}." if permissions else ""


def _listed(clients: Clients, name: str) -> Findings:
    """Ask a provider for the credentials of the first kind that it lists: that shows whether it lets firedoor in."""
    subject = f"[providers.{name}]"
    provider = providers()[name]
    kind = next((one for one in provider.kinds if isinstance(one.means(Verb.INVENTORY), ByApi)), None)
    if kind is None:
        return [_finding("ok", subject, f"{provider.title} has no list by which its access could be tried")]
    means = kind.means(Verb.INVENTORY)
    permission = means.permission if isinstance(means, ByApi) else ""
    try:
        module, api = clients.provider(name)
        found = module.inventory(api, kind, "")
    except StepError as error:
        level = "warn" if error.retryable else "fail"
        needs = f"Listing needs: {permission}." if permission else ""
        return [_finding(level, subject, error.what, " ".join(filter(None, (error.next, needs))))]
    says = f"{provider.title} lets firedoor list: {kind.title}, {len(found)} found"
    return [_finding("ok", subject, says + (f" ({permission})" if permission else ""))]


def _places(clients: Clients) -> Findings:
    """Open one place of each kind that the inventory names. Nothing is read of it."""
    try:
        inventory = clients.inventory()
    except StepError:
        return []  # `firedoor doctor` says what is wrong with it.
    kinds: dict[str, str] = {}
    for entry in inventory.credentials.values():
        for where in entry.where:
            kinds.setdefault(where.partition(":")[0], where)
    findings: Findings = []
    for scheme, where in kinds.items():
        if scheme not in STORES:
            continue
        try:
            clients.sink(where)
        except StepError as error:
            said = f"the inventory has places such as {where}. {error.what}"
            findings.append(_finding("fail", f"[sinks.{scheme}]", said, error.next))
    return findings


def _mail(settings: Settings, clients: Clients) -> Findings:
    """Whether mail can leave. Its secrets are read for it; nothing is sent."""
    return [_finding(one.level, SUBJECT, one.says, one.next) for one in mail_findings(settings, clients.secret)]


def _finding(level: str, subject: str, says: str, next: str = "") -> dict[str, str]:
    return {"level": level, "subject": subject, "says": says, "next": next}


def answer() -> dict[str, object]:
    """The answer, as JSON."""
    try:
        settings = load()
        # A folder that is not there yet is not made: doctor changes nothing.
        limits = Limits(settings.limits_path, settings.limits, urgent=True) if settings.home.is_dir() else None
        with contextlib.closing(Clients(settings, limits)) as clients:
            return {"findings": check(settings, clients)}
    except FiredoorError as error:
        return {"error": {"reason": error.reason, "what": error.what, "changed": error.changed, "next": error.next}}


if __name__ == "__main__":
    sys.stdin.buffer.readline()
    sys.stdout.write(json.dumps(answer()) + "\n")
