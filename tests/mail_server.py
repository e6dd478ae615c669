"""aiosmtpd as a process of its own: `python -m tests.mail_server FOLDER`, its port in FOLDER/port.

Each message that it has accepted is a line of FOLDER/accepted, its Message-ID, written before the answer.
"""

import asyncio
import os
import sys
from email import message_from_bytes
from pathlib import Path
from types import SimpleNamespace

from aiosmtpd.smtp import SMTP, Envelope, Session


class Accepting:
    """Takes everything."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def accept(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Write down the id of a message, then accept it."""
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content)
        os.write(self._file, f"{message['Message-ID']}\n".encode())
        return "250 2.0.0 Ok"


async def main(folder: Path) -> None:
    """Serve until killed."""
    handler = SimpleNamespace(handle_DATA=Accepting(folder / "accepted").accept)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    part = folder / "port.part"
    part.write_text(str(server.sockets[0].getsockname()[1]))
    part.rename(folder / "port")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
