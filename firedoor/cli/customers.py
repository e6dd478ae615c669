"""`firedoor customers`: who has to be told, imported, looked at, and found by what was exposed."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import RenderableType

from firedoor import desk
from firedoor.alerts._secrets import scrubbed
from firedoor.cli.console import err, out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import Output
from firedoor.cli.views import customers as view
from firedoor.config import Settings, load
from firedoor.customers.exposure import Reach
from firedoor.customers.inquiry import MOST_NAMES, inquire, reach_of
from firedoor.customers.model import Customer
from firedoor.customers.reading import MOST_BYTES, UNCHANGED, MistakesError, Reading, decoded, read_pages, read_rows
from firedoor.customers.registry import Registry
from firedoor.customers.sharing import same_addresses, sharing
from firedoor.errors import Exit, UsageError

Task = Annotated[
    Literal["import", "list", "show", "affected", "versions"],
    Parameter(
        help=(
            "import: replace them all by what a source says. list, show: look. affected: by what was exposed. "
            "versions: earlier imports."
        ),
        show_choices=False,
    ),
]
Names = Annotated[
    str,
    Parameter(
        help=(
            "Of import: a CSV or JSON file (/dev/stdin: what is piped in), an https address, a database. Of show: a "
            "customer. "
            "Of affected: places (braintrust:, aws-sm:acme/openai) and ids of credentials."
        )
    ),
]
Query = Annotated[str, Parameter(help="Of import from a database: the SELECT, its columns named as those of CSV.")]
Secret = Annotated[
    str,
    Parameter(help="Of import: a reference to the database's password, or the bearer token: env:FIREDOOR_SECRET_…."),
]
DryRun = Annotated[
    bool, Parameter(name="--dry-run", negative="", help="Of import: change nothing, and say what would.")
]
Anyway = Annotated[
    bool, Parameter(name="--anyway", negative="", help="Of import: although many customers would be forgotten.")
]
Contactless = Annotated[
    bool, Parameter(name="--missing-contact", negative="", help="Of list: those without any contact.")
]
Same = Annotated[bool, Parameter(name="--same-address", negative="", help="Of list: those who share an address.")]
Number = Annotated[int, Parameter(name="--version", help="Of list and show: as they were after an earlier import.")]
Confirmed = Annotated[
    tuple[str, ...],
    Parameter(name="--confirmed", negative="", help="Of affected: a place or id known to have been read. Repeatable."),
]
ProviderName = Annotated[str, Parameter(help="Of affected: only credentials of this provider.")]
Limit = Annotated[int, Parameter(help="How many are shown. Default: 50; with -o json: all.")]

SHOWN = 50
STDIN = "-"
#: The tasks that each option is for.
OF = {
    **dict.fromkeys(("--query", "--secret", "--dry-run", "--anyway"), ("import",)),
    **dict.fromkeys(("--missing-contact", "--same-address"), ("list",)),
    **dict.fromkeys(("--confirmed", "--provider"), ("affected",)),
    "--version": ("list", "show"),
}


async def customers(
    task: Task,
    /,
    *names: Names,
    query: Query = "",
    secret: Secret = "",
    dry_run: DryRun = False,
    anyway: Anyway = False,
    missing_contact: Contactless = False,
    same_address: Same = False,
    version: Number = 0,
    confirmed: Confirmed = (),
    provider: ProviderName = "",
    limit: Limit = SHOWN,
    output: Output = "text",
) -> int:
    """Keep the registry of customers: whom to tell, and how.

    An import replaces all of them by what a source says, in one step, or lists
    every mistake and changes nothing. Earlier imports stay readable.

    Examples
      firedoor customers import customers.csv --dry-run
      firedoor customers import postgresql+psycopg://crm@db/crm --query 'SELECT …'
      firedoor customers list --missing-contact
      firedoor customers affected braintrust: --confirmed aws-sm:acme/openai
    """
    settings = load()
    given = {"--query": query, "--secret": secret, "--dry-run": dry_run, "--anyway": anyway, "--version": version}
    given |= {"--missing-contact": missing_contact, "--same-address": same_address}
    _refuse_stray(task, names, given | {"--confirmed": confirmed, "--provider": provider})
    if task == "import":
        source = Source(names[0] if names else "", query, secret)
        return await _import(settings, source, dry_run=dry_run, anyway=anyway, output=output)
    with Registry.open(settings.customers_path) as registry:
        if task == "versions":
            _print(output, [view.version_row(one) for one in registry.versions()], view.versions(registry.versions()))
        elif task == "show":
            one = registry.customer(names[0], version)
            _print(output, one.model_dump(mode="json"), view.customer(one))
        elif task == "affected":
            _affected(settings, registry, reach_of(names, confirmed, provider), limit, output)
        else:
            found = _chosen(registry.all(version), missing_contact=missing_contact, same_address=same_address)
            rows = [one.model_dump(mode="json") for one in found]
            _print(output, rows, view.listing(found, limit, registry.version()))
    return Exit.OK


class Source:
    """Where customers come from, as it was asked for."""

    def __init__(self, name: str, query: str, secret: str) -> None:
        self.name, self.query, self.secret = name, query, secret

    @property
    def is_file(self) -> bool:
        """A file or standard input, which need nobody else."""
        return "://" not in self.name


def _refuse_stray(task: str, names: tuple[str, ...], given: Mapping[str, object]) -> None:
    """What is given and would not be looked at is a slip of the keyboard. Raises `UsageError`."""
    needs = {"show": (1, 1, "CUSTOMER"), "import": (0, 1, "SOURCE"), "affected": (0, MOST_NAMES, "PLACE|ID…")}
    least, most, words = needs.get(task, (0, 0, ""))
    usage = f"Usage: firedoor customers {task} {words}".rstrip()
    missing = len(names) < least or (task == "affected" and not names and not given["--confirmed"])
    if missing or len(names) > most:
        said = "something is missing" if missing else f"`{names[most]}` is one too many"
        raise UsageError(f"firedoor customers {task}: {said}.", changed="Nothing was changed.", next=usage)
    if stray := next((name for name, value in given.items() if value and task not in OF[name]), ""):
        what = f"{stray} is for {' and '.join(OF[stray])}; {task} takes none."
        raise UsageError(what, changed="Nothing was changed.", next=usage)


async def _import(settings: Settings, source: Source, *, dry_run: bool, anyway: bool, output: str) -> int:
    where, reading = await _read(settings, source)
    if reading.faults:
        if output == "json":
            write_json({"imported": False, "source": where, "mistakes": [fault._asdict() for fault in reading.faults]})
            return Exit.USAGE
        raise MistakesError(where, reading.faults)
    shared = same_addresses(reading.customers)
    with Registry.open(settings.customers_path) as registry:
        before = version = registry.version()
        refused = ""
        if dry_run:
            difference = registry.compare(reading.customers)
            refused = "" if anyway else registry.loss(difference)
        else:
            by = responder(settings).principal
            version = registry.replace(reading.customers, source=where, by=by, anyway=anyway)
            difference = registry.difference(version.number if version != before else 0)
    outcome = view.Import(where, reading, difference, version, shared, dry_run=dry_run, refused=refused)
    _print(output, outcome.facts(), outcome.said(settings.customers.same_address))
    return Exit.OK


async def _read(settings: Settings, source: Source) -> tuple[str, Reading]:
    """What a source says, and what it is called where it is recorded."""
    known = settings.customers
    if not source.name:
        if not known.source:
            raise UsageError(
                "Import from where?",
                changed=UNCHANGED,
                next="Usage: firedoor customers import FILE|URL, or [customers] source in firedoor.toml.",
            )
        source = Source(known.source, source.query or known.query, source.secret or known.secret)
    if source.is_file:
        if source.query or source.secret:
            raise UsageError("A file has no query and no secret.", changed=UNCHANGED, next="Leave them out.")
        where, data = _file(source.name)
        return where, read_pages([decoded(data, where)], known.columns, _suspicious)
    question = {"source": source.name, "query": source.query, "secret": source.secret or known.secret}
    with err().status("Asking for the customers…"):
        answer = await desk.ask("activities.customer_source", question)
    where = str(answer["source"])
    if "rows" in answer:
        return where, read_rows(answer["titles"], answer["rows"], known.columns, _suspicious)
    return where, read_pages(answer["pages"], known.columns, _suspicious)


def _file(name: str) -> tuple[str, bytes]:
    if name == STDIN:
        return "standard input", sys.stdin.buffer.read(MOST_BYTES + 1)
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            return str(path), file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", changed=UNCHANGED, next="Check the path."
        ) from None


def _suspicious(text: str) -> bool:
    return scrubbed(text) != text


def _chosen(found: list[Customer], *, missing_contact: bool, same_address: bool) -> list[Customer]:
    if missing_contact:
        found = [one for one in found if not one.contacts]
    return sharing(found) if same_address else found


def _affected(settings: Settings, registry: Registry, reach: Reach, limit: int, output: str) -> None:
    answer = inquire(settings, registry, reach)
    rows = {
        "affected": [one.model_dump(mode="json") for one in answer.found.affected],
        "unknown": list(answer.found.unknown),
        "unregistered": list(answer.strangers),
        "version": answer.version,
    }
    _print(output, rows, view.affected(answer.found, answer.strangers, limit))


def _print(output: str, facts: Any, said: RenderableType) -> None:
    if output == "json":
        write_json(facts)
    else:
        out().print(said)
