"""A table of customers: CSV as a customer-success tool exports it, or the rows of a query. Pure.

One row is a customer, a contact of it, a credential of it, or all three; rows of one customer are one customer.
"""

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from firedoor.campaign import Channel
from firedoor.customers import fields
from firedoor.customers.building import Builder
from firedoor.customers.model import Role
from firedoor.words import plural

ID = "customer"
#: Columns, and the field that each is.
OWN = {"name": "name", "language": "language", "time_zone": "zone", "notify_within_hours": "hours"}
CONTACT = {"role": "role", "channel": "channel", "address": "address", "contact_name": "name"}
CREDENTIAL = {
    "provider": "provider",
    "credential": "name",
    "kind": "kind",
    "credential_id": "id",
    "scope": "scope",
    "fingerprint": "fingerprint",
    "store": "store",
}
#: One column a contact, for tools that keep them so: `security.email`, and `security.name` for the person's.
WIDE = {f"{role}.{way}": (role, way) for role in Role for way in (*Channel, "name")}
COLUMNS = (ID, *OWN, *CONTACT, *CREDENTIAL, *WIDE)

DELIMITERS = ",;\t|"
#: Larger than any field of ours, and small enough that a quote which is never closed is found soon.
MOST_FIELD = 65_536

Row = tuple[int, list[str]]


def read_csv(
    text: str, builder: Builder, columns: Mapping[str, str], suspicious: fields.Suspicion, first: int = 1
) -> tuple[str, ...]:
    """Read CSV: a header, and rows. Returns the columns that nobody asked for; mistakes go into `builder`.

    `first` is the number of its first line.
    """
    previous = csv.field_size_limit(MOST_FIELD)
    try:
        return read_table(_numbered(text, builder, first), builder, columns, suspicious)
    finally:
        csv.field_size_limit(previous)


def _numbered(text: str, builder: Builder, first: int) -> Iterator[Row]:
    """Rows, each with the line where it begins. One that is no CSV ends the table."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = first
    try:
        for row in reader:
            yield line, row
            line = first + reader.line_num
    except csv.Error as error:
        builder.fault(
            line, f"This is no CSV: {error}.", "quotes around a field with a comma, a quote or a line end in it"
        )


def read_table(
    rows: Iterable[Row], builder: Builder, columns: Mapping[str, str], suspicious: fields.Suspicion
) -> tuple[str, ...]:
    """Read rows, the first of which is the header. `columns` maps our names to those of the source."""
    ahead = iter(rows)
    line, header = next(ahead, (1, []))
    places, ignored = _places(line, header, builder, columns)
    if ID not in places:
        return ignored
    for line, row in ahead:
        if not any(row):
            continue
        if len(row) != len(header):
            builder.fault(
                line, f"The row has {plural(len(row), 'fields')}, and the header {len(header)}.", "one field a column"
            )
            continue
        values = {name: value for name, at in places.items() if (value := row[at].strip())}
        if suspicious("\n".join(values.values())):
            name = next((name for name, value in values.items() if suspicious(value)), "a field")
            builder.fault(line, f"{name} holds what looks like a secret.", "where it is kept, never the value")
            continue
        _row(line, values, builder)
    return ignored


def _row(line: int, values: Mapping[str, str], builder: Builder) -> None:
    id = values.get(ID, "")
    if not id:
        builder.fault(line, "The row names no customer.", "an id in the column `customer`")
        return
    if not builder.customer(line, id, _part(values, OWN)):
        return
    if contact := _part(values, CONTACT):
        builder.contact(line, id, contact)
    if credential := _part(values, CREDENTIAL):
        builder.credential(line, id, credential)
    for name, (role, way) in WIDE.items():
        if way != "name" and (address := values.get(name)):
            person = values.get(f"{role}.name", "")
            builder.contact(line, id, {"role": role, "channel": way, "address": address, "name": person})


def _part(values: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, str]:
    return {field: values[name] for name, field in columns.items() if name in values}


def _places(
    line: int, header: Sequence[str], builder: Builder, columns: Mapping[str, str]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Where each of our columns stands, and the columns of the source that nobody asked for."""
    titles = [title.strip() for title in header]
    for title in {one for one in titles if titles.count(one) > 1}:
        builder.fault(line, f"The column {fields.shown(title)} stands there twice.", "one of them")
    theirs = {title: name for name, title in columns.items()}
    places, ignored = dict[str, int](), list[str]()
    for at, title in enumerate(titles):
        name = theirs.get(title) or title.lower().replace(" ", "_")
        if name in COLUMNS and (title in theirs or name not in columns):
            places[name] = at
        else:
            ignored.append(title)
    for name, title in columns.items():
        if name in COLUMNS and title not in titles:
            builder.fault(
                line, f"There is no column {fields.shown(title)}, which [customers.columns] names.", _some(titles)
            )
    if ignored and not columns:
        # A misspelt column would be contacts that nobody has.
        for title in ignored:
            near = difflib.get_close_matches(title.lower(), COLUMNS, 1)
            hint = f" Did you mean {near[0]}?" if near else " [customers.columns] says which of your columns is which."
            builder.fault(line, f"There is no column {fields.shown(title)}.{hint}", ", ".join(COLUMNS))
    if ID not in places and not any(fault.line == line for fault in builder.faults):
        builder.fault(line, "No column names the customer.", f'{ID}, or [customers.columns] {ID} = "your column"')
    return places, tuple(ignored)


def _some(titles: Sequence[str]) -> str:
    return ", ".join(titles[:20]) or "there are none"


def _delimiter(text: str) -> str:
    """What parts the fields: whichever stands most often in the header."""
    header = text.partition("\n")[0]
    return max(DELIMITERS, key=header.count)
