"""Customers of a campaign and the digests of their messages, on disk between being rendered and being stored."""

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from pydantic import TypeAdapter

from firedoor.outbox.preparing import draft
from firedoor.recipient import Message, Recipient, Way

_LINE = TypeAdapter(tuple[Recipient, tuple[tuple[Way, str], ...]])


class Spool:
    """A file without a name, which goes with the process. What it holds are names and addresses of customers."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Generator[Self]:
        """A new one, on the disk of `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            yield cls(file)

    def add(self, recipient: Recipient, contents: tuple[tuple[Way, str], ...]) -> bytes:
        """Keep one, with the digest of what each way carries. Returns the line, for the digest."""
        line = _LINE.dump_json((recipient, contents))
        self._file.write(line + b"\n")
        return line

    def recipients(self) -> Iterator[Recipient]:
        """All of them, in their order."""
        return (recipient for recipient, _ in self._lines())

    def messages(self, version: int) -> Iterator[Message]:
        """The first messages of all of them, in their order."""
        for recipient, contents in self._lines():
            for way, content in contents:
                yield draft(recipient.customer, way, version, content=content)

    def _lines(self) -> Iterator[tuple[Recipient, tuple[tuple[Way, str], ...]]]:
        self._file.seek(0)
        return (_LINE.validate_json(line) for line in self._file)
