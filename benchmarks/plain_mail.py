"""What is compared with: a plain aiosmtplib loop. `python -m benchmarks.plain_mail PORT FIRST COUNT FOLDER`.

The message is written once, with the texts of the notice in FOLDER; for each customer its name and id are put in, and
the bytes are sent over connections that stay open. It renders nothing and keeps no record of anything: killed in the
middle it does not know whom it has written to. Sent as `EmailMessage`s, as one would at first, it takes three times as
long.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import aiosmtplib

CONNECTIONS = 10
SENDER = "security@acme.example"


def written(folder: Path) -> bytes:
    """The message, with marks where each customer's own goes."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Acme Security <{SENDER}>"
    message["To"] = "Ada Example <TO@customer.example>"
    message["Subject"] = "[Acme] Action needed: keys of CUSTOMER are exposed"
    message["Message-ID"] = "<KEY@acme.example>"
    message.set_content((folder / "body.txt").read_text(encoding="utf-8"))
    message.add_alternative((folder / "body.html").read_text(encoding="utf-8"), subtype="html")
    return message.as_bytes()


async def _connection(port: int, numbers: Iterator[int], message: bytes) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        for number in numbers:
            own = message.replace(b"CUSTOMER", b"Customer %d" % number).replace(b"KEY", b"plain-%d" % number)
            await client.sendmail(SENDER, f"security{number}@customer{number % 300}.example", own)


async def main(port: int, first: int, count: int, folder: Path) -> float:
    """Seconds for so many messages."""
    message = written(folder)
    numbers = iter(range(first, first + count))
    start = time.perf_counter()
    await asyncio.gather(*(_connection(port, numbers, message) for _ in range(CONNECTIONS)))
    return time.perf_counter() - start


if __name__ == "__main__":
    server, start, number = (int(text) for text in sys.argv[1:4])
    print(asyncio.run(main(server, start, number, Path(sys.argv[4]))))
