"""SNS on this machine: it signs messages, serves its certificate over TLS by an authority of its own, and is confirmed."""

import base64
import contextlib
import datetime
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from firedoor.alerts._sns import SIGNED
from firedoor.server.fetch import Fetch

HOST = "sns.us-east-1.amazonaws.com"
TOPIC = "arn:aws:sns:us-east-1:111122223333:findings"
CERTIFICATE = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
NOW = datetime.datetime.now(datetime.UTC)


def key() -> rsa.RSAPrivateKey:
    """A new private key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(private: rsa.RSAPrivateKey) -> bytes:
    """A private key as a file."""
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate(
    name: str, private: rsa.RSAPrivateKey, issuer: tuple[str, rsa.RSAPrivateKey] | None = None
) -> x509.Certificate:
    """A certificate of a name, by an issuer or by itself."""
    by, signer = issuer or (name, private)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, by)]))
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(signer, hashes.SHA256())


@dataclass
class Sns:
    """What runs, and what it was asked. `answer` may be replaced: path → status, headers, body."""

    port: int
    ca_file: str
    signer: rsa.RSAPrivateKey
    pem: bytes
    asked: list[str] = field(default_factory=list)
    answer: Callable[[str], tuple[int, dict[str, str], bytes]] = field(default=lambda path: (404, {}, b""))

    def fetch(self, host: str = "127.0.0.1") -> Fetch:
        """A door's way to it."""
        return Fetch(lookup=lambda name: (host,), permitted=lambda address: True, port=self.port, ca_file=self.ca_file)

    def message(self, kind: str, **fields: str) -> bytes:
        """A signed message."""
        message = {
            "Type": kind,
            "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
            "TopicArn": TOPIC,
            "Timestamp": datetime.datetime.now(datetime.UTC).isoformat(),
            "SignatureVersion": "2",
            "SigningCertURL": f"https://{HOST}{CERTIFICATE}",
            **fields,
        }
        text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED[kind] if name in message)
        signature = self.signer.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return json.dumps({**message, "Signature": base64.b64encode(signature).decode()}).encode()

    def subscription(self) -> bytes:
        """The message that asks to confirm."""
        url = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=canary-token"
        return self.message(
            "SubscriptionConfirmation", Message="You have chosen", Token="canary-token", SubscribeURL=url
        )


@contextlib.contextmanager
def sns(folder: Path) -> Generator[Sns]:
    """It runs."""
    authority, tls, signer = key(), key(), key()
    (folder / "ca.pem").write_bytes(certificate("A test", authority).public_bytes(serialization.Encoding.PEM))
    chain = certificate(HOST, tls, ("A test", authority)).public_bytes(serialization.Encoding.PEM)
    (folder / "tls.pem").write_bytes(chain + pem(tls))
    signing = certificate("sns.amazonaws.com", signer).public_bytes(serialization.Encoding.PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            status, headers, body = found.answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        found = Sns(server.server_port, str(folder / "ca.pem"), signer, signing)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
