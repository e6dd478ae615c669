"""What is compared with: a plain aiosmtplib loop. `python -m benchmarks.plain_mail PORT FIRST COUNT FOLDER HOW`.

Each customer's message has the texts of the notice in FOLDER with its name in them, and is sent over connections that
stay open. HOW is `messages`: written for each customer as an `EmailMessage` and sent by `send_message`, as one does; or
`bytes`: written once, and the name put into the finished bytes, which is the least that sending can cost. Neither keeps
a record of anything: killed in the middle it does not know whom it has written to. It prints the seconds that took, and
those of its processor.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import aiosmtplib

CONNECTIONS = 10
SENDER = "security@acme.example"


Send = Callable[[aiosmtplib.SMTP, int], Awaitable[object]]


def written(texts: tuple[str, str], name: str, address: str, key: str) -> EmailMessage:
    """A customer's message."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Acme Security <{SENDER}>"
    message["To"] = f"Ada Example <{address}>"
    message["Subject"] = f"[Acme] Action needed: keys of {name} are exposed"
    message["Message-ID"] = f"<{key}@acme.example>"
    text, html = (one.replace("Customer 0", name) for one in texts)
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message


def address_of(number: int) -> str:
    """Where a customer has its mail."""
    return f"security{number}@customer{number % 300}.example"


def sending(texts: tuple[str, str], how: str) -> Send:
    """How one message is sent."""
    finished = written(texts, "CUSTOMER", "ada@customer.example", "KEY").as_bytes()

    async def as_message(client: aiosmtplib.SMTP, number: int) -> object:
        name, key = f"Customer {number}", f"plain-{number}"
        return await client.send_message(written(texts, name, address_of(number), key))

    async def as_bytes(client: aiosmtplib.SMTP, number: int) -> object:
        own = finished.replace(b"CUSTOMER", b"Customer %d" % number).replace(b"KEY", b"plain-%d" % number)
        return await client.sendmail(SENDER, address_of(number), own)

    return as_bytes if how == "bytes" else as_message


async def _connection(port: int, numbers: Iterator[int], send: Send) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        for number in numbers:
            await send(client, number)


async def main(port: int, first: int, count: int, send: Send) -> float:
    """Seconds for so many messages."""
    numbers = iter(range(first, first + count))
    start = time.perf_counter()
    await asyncio.gather(*(_connection(port, numbers, send) for _ in range(CONNECTIONS)))
    return time.perf_counter() - start


if __name__ == "__main__":
    server, start, number = (int(text) for text in sys.argv[1:4])
    home = Path(sys.argv[4])
    bodies = (home / "body.txt").read_text(encoding="utf-8"), (home / "body.html").read_text(encoding="utf-8")
    used = time.process_time()
    print(asyncio.run(main(server, start, number, sending(bodies, sys.argv[5]))), time.process_time() - used)
