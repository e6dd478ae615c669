"""Customers out of what a source gave: a CSV or JSON text, the rows of a query. All of it, or every mistake. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from firedoor.customers.building import Builder, Fault
from firedoor.customers.document import read_json
from firedoor.customers.fields import Suspicion
from firedoor.customers.model import Customer
from firedoor.customers.table import Row, read_csv, read_table
from firedoor.errors import UsageError
from firedoor.words import plural

#: A hundred thousand customers with three contacts and two credentials each have a third of it.
MOST_BYTES = 128 * 1024 * 1024
SHOWN = 20
UNCHANGED = "Nothing was changed: what was imported before stands."


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source says: the customers by id, or the mistakes; `ignored` are columns that nobody asked for."""

    customers: Sequence[Customer] = ()
    faults: Sequence[Fault] = ()
    ignored: tuple[str, ...] = ()


class MistakesError(UsageError):
    """A source with mistakes in it; `faults` are all of them."""

    def __init__(self, where: str, faults: Sequence[Fault]) -> None:
        lines = [
            f"line {fault.line:,}: {fault.what}" + (f"\n    allowed: {fault.allowed}" if fault.allowed else "")
            for fault in faults[:SHOWN]
        ]
        more = f"\n… and {len(faults) - SHOWN:,} more: -o json lists them all" if len(faults) > SHOWN else ""
        what = f"{plural(len(faults), 'mistakes')} in {where}:\n" + "\n".join(lines) + more
        super().__init__(what, changed=UNCHANGED, next="Correct the source, and import it again.")
        self.where = where
        self.faults = tuple(faults)


def read_pages(pages: Iterable[str], columns: Mapping[str, str], suspicious: Suspicion) -> Reading:
    """Read CSV or JSON, whichever it is, in one page or several; lines are counted on from page to page.

    `columns` maps our names of columns to those of the source.
    """
    builder, ignored, line = Builder(), dict[str, None](), 1
    for page in pages:
        # One look at the whole is a hundred times quicker than one at each of its rows.
        wary = suspicious if suspicious(page) else _trusting
        text = page.removeprefix("\ufeff")
        if text.lstrip()[:1] in {"[", "{"}:
            read_json(text, builder, wary, line)
        else:
            ignored |= dict.fromkeys(read_csv(text, builder, columns, wary, line))
        line += text.count("\n") + (not text.endswith("\n"))
    return _reading(builder, tuple(ignored))


def read_rows(
    titles: Sequence[str], rows: Iterable[Sequence[str]], columns: Mapping[str, str], suspicious: Suspicion
) -> Reading:
    """Read the rows of a query; their lines count from 1, without the titles."""
    builder = Builder()
    numbered: Iterable[Row] = enumerate([list(titles), *map(list, rows)])
    return _reading(builder, read_table(numbered, builder, columns, suspicious))


def decoded(data: bytes, where: str) -> str:
    """The text of a file or an answer. Raises `UsageError` where it is too large, empty, or no UTF-8."""
    if len(data) > MOST_BYTES:
        raise UsageError(f"{where} is larger than {MOST_BYTES >> 20} MiB.", changed=UNCHANGED)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{where} is no UTF-8 from line {line:,} on.",
            changed=UNCHANGED,
            next="Export it as UTF-8: spreadsheets call it “CSV UTF-8”.",
        ) from None
    if not text.strip():
        raise UsageError(f"{where} is empty.", changed=UNCHANGED, next="Look at the export.")
    return text


def _reading(builder: Builder, ignored: tuple[str, ...]) -> Reading:
    if builder.faults:
        return Reading(faults=sorted(builder.faults), ignored=ignored)
    return Reading(builder.customers(), ignored=ignored)


def _trusting(_: str) -> bool:
    return False
