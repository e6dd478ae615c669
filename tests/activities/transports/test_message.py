"""Letters as internet messages: what a reader's program makes of them, and that nobody can write into their headers."""

import base64
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from activities.transports._transport import BouncedError, Letter
from activities.transports.dkim import Signer, open_signer, signer_of
from activities.transports.message import mailbox_of, sender_of, write
from firedoor.errors import UsageError
from firedoor.mailing import Dkim
from firedoor.notices.rendered import Rendered
from tests.activities.transports.letters import RENDERED, letter, mail

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
SENDER = sender_of(mail(reply_to="help@acme.example"))


def written(one: Letter) -> bytes:
    """The bytes of a letter."""
    return write(one, SENDER, NOW).data


def read(data: bytes) -> EmailMessage:
    """A message as a mail program reads it."""
    found = message_from_bytes(data, policy=policy.default)
    assert isinstance(found, EmailMessage)
    assert found.defects == []
    return found


def test_a_reader_gets_what_was_rendered() -> None:
    """Headers, and both bodies, as they were; a single dot and lines that begin with From survive."""
    found = read(written(letter(language="de-AT")))
    assert str(found["subject"]) == RENDERED.subject
    assert [str(one) for one in found["from"].addresses] == ["Acme Security <security@acme.example>"]
    assert [str(one) for one in found["to"].addresses] == ["Ada <ada1@customer.example>"]
    assert found["reply-to"].addresses[0].addr_spec == "help@acme.example"
    assert found["date"].datetime == NOW
    assert found["message-id"] == f"<{1:040x}@acme.example>"
    assert (found["auto-submitted"], found["content-language"]) == ("auto-generated", "de-AT")
    assert found.get_content_type() == "multipart/alternative"
    plain, html = found.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == RENDERED.text
    assert html.get_content().strip() == RENDERED.html


def test_the_same_letter_gives_the_same_bytes() -> None:
    """So that what was sent can be shown again."""
    assert written(letter()) == written(letter())
    assert written(letter()) != written(letter(2))


def test_only_what_is_informational_can_be_unsubscribed() -> None:
    """A security notice says nothing of it; RFC 8058 wants both headers."""
    url = "https://acme.example/n/canary/unsubscribe"
    assert read(written(letter(unsubscribe=url)))["list-unsubscribe"] is None
    found = read(written(letter(informational=True, unsubscribe=url)))
    assert found["list-unsubscribe"] == f"<{url}>"
    assert found["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert read(written(letter(informational=True, unsubscribe="https://a>\r\nBcc: x@y")))["list-unsubscribe"] is None


def test_a_notice_without_html_is_plain() -> None:
    """One part, no multipart."""
    found = read(written(letter(rendered=Rendered("s", "text ä", "", ""))))
    assert (found.get_content_type(), found.get_content()) == ("text/plain", "text ä\r\n")


@pytest.mark.parametrize(
    "name",
    [
        "Acme, Inc.",
        'Ada "the first" <ada@evil.example>',
        "Ada\r\nBcc: all@evil.example",
        "=?utf-8?q?a=40b=2Cc?=",
        "Käse, <x@y.example>; GmbH" * 9,
        "\u202eevil\u0000 name\u2028next",
        "<script>alert(1)</script>",
    ],
)
def test_a_name_is_a_name_and_nothing_else(name: str) -> None:
    """There is one recipient, whatever a customer calls itself, and no header more than for anybody."""
    found = read(written(letter(recipient=name)))
    (to,) = found["to"].addresses
    assert to.addr_spec == "ada1@customer.example"
    assert found.keys() == read(written(letter())).keys()
    assert found["bcc"] is None
    assert to.display_name.isprintable()


def test_a_name_reads_as_it_is_written() -> None:
    """Commas, quotes and umlauts are a customer's own."""
    for name in ("Acme, Inc.", 'The "Big" Company', "Käse & Co. KG", "株式会社", "a" * 100):
        assert read(written(letter(recipient=name)))["to"].addresses[0].display_name == name


@settings(max_examples=40)
@given(name=st.text(max_size=300), subject=st.text(max_size=1200), language=st.text(max_size=20))
def test_no_text_breaks_a_message(name: str, subject: str, language: str) -> None:
    """Anything at all: one recipient, the same headers, lines that every server takes."""
    one = letter(recipient=name, language=language, rendered=Rendered(subject, subject, f"<p>{name}</p>", ""))
    data = written(one)
    found = read(data)
    assert [to.addr_spec for to in found["to"].addresses] == ["ada1@customer.example"]
    assert set(found.keys()) <= {*read(written(letter())).keys()}
    assert found.get_content_type() == "multipart/alternative"
    assert all(len(line) <= 998 and b"\r" not in line and b"\n" not in line for line in data.split(b"\r\n"))
    assert data.isascii()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ada@customer.example", ("ada", "customer.example")),
        ("ada@müller.example", ("ada", "xn--mller-kva.example")),
        ("käse@müller.example", ("käse", "xn--mller-kva.example")),
        ("ada+key@[192.0.2.1]", ("ada+key", "[192.0.2.1]")),
    ],
)
def test_addresses_become_mailboxes(address: str, expected: tuple[str, str]) -> None:
    """Domains in ASCII; only what stands before the @ makes an address international."""
    found = mailbox_of(address)
    assert (found.local, found.domain) == expected
    assert found.international is not expected[0].isascii()


@pytest.mark.parametrize(
    "address", ["", "ada", "@x.example", "a b@x.example", "a@x\r\n.example", "a@b@c", "ä@", "<a@b>"]
)
def test_what_is_no_address_bounces(address: str) -> None:
    """So that the next contact is tried."""
    with pytest.raises(BouncedError):
        mailbox_of(address)


@pytest.mark.parametrize("sender", ["", "Acme", "käse@acme.example", "a@b, c@d"])
def test_a_sender_has_to_be_one_address(sender: str) -> None:
    """The sentence says which setting is wrong."""
    with pytest.raises(UsageError, match=r"\[mail\]"):
        sender_of(mail(sender=sender))


def test_a_sender_may_have_a_comma_and_an_international_domain() -> None:
    """As people write their company."""
    found = sender_of(mail(sender="Acme, Inc. <security@acmé.example>")).mailbox
    assert found.header("From") == 'From: "Acme, Inc." <security@xn--acm-dma.example>'


RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """A private key as a file."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def record(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """The public key as DNS has it."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(key.public_key().public_bytes_raw())
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(key.public_key().public_bytes(*form))


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_a_receiver_takes_the_signature(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> None:
    """By the key in DNS, over the headers of List-Unsubscribe too; a changed message or header is refused."""
    url = "https://acme.example/n/canary/unsubscribe"
    data = signer_of("acme.example", "s1", pem(key)).sign(written(letter(informational=True, unsubscribe=url)))
    asked: list[bytes] = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record(key)

    assert dkim.verify(data, dnsfunc=dns)
    assert asked == [b"s1._domainkey.acme.example."]
    signed = data.partition(b"\r\n\r\n")[0].lower()
    assert b"list-unsubscribe : list-unsubscribe-post" in b" ".join(signed.split())
    assert not dkim.verify(data.replace(b"stolen", b"sold"), dnsfunc=dns)
    assert not dkim.verify(data.replace(b"/canary/", b"/other/"), dnsfunc=dns)


def test_without_a_key_nothing_is_signed() -> None:
    """A key without its place in DNS is a mistake, and so is what is no key; the sentence shows none of it."""

    def secret(reference: str) -> SecretStr:
        return SecretStr("canary, no key" if reference == "env:BAD" else pem(RSA).decode())

    assert open_signer(Dkim(), secret) is None
    signer = open_signer(Dkim(key="env:GOOD", selector="s1", domain="acme.example"), secret)
    assert isinstance(signer, Signer)
    assert "PRIVATE" not in repr(signer)
    with pytest.raises(UsageError, match="no selector and no domain"):
        open_signer(Dkim(key="env:GOOD"), secret)
    with pytest.raises(UsageError, match="no private key") as caught:
        open_signer(Dkim(key="env:BAD", selector="s1", domain="acme.example"), secret)
    assert "canary" not in str(caught.value)
