"""What mail servers send back is read: of which message it is, to whom, and what became of it. All else is left alone."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.campaign import MessageState
from firedoor.errors import UsageError
from firedoor.outbox.feedback import Feedback
from firedoor.outbox.mail_reports import MOST_READ, read
from tests.returned_mail import ADDRESS, HEADERS, ID, KEY, SENT, SERVERS, complaint, postfix


def one(raw: bytes) -> Feedback:
    """What a mail says, of its one recipient."""
    [feedback] = read(raw).feedback
    return feedback


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_server_s_bounce_is_read(server: str, end: str) -> None:
    """Whatever it looks like: the key, the address, that it was given up, and why, without anybody's address."""
    raw = re.sub(rb"\r?\n", end.encode(), SERVERS[server]())
    feedback = one(raw)
    assert (feedback.key, feedback.state, feedback.to) == (KEY, MessageState.BOUNCED, frozenset({ADDRESS}))
    assert feedback.reason.startswith("failed 5.")
    assert "@" not in feedback.reason


def test_the_reason_is_one_short_line() -> None:
    """What the receiver's server has said, unfolded; nothing of it can steer a terminal, and it is no book."""
    assert one(postfix(said="550 5.1.1")).reason == (
        "failed 5.1.1: 550 5.1.1 <(an address)>: Recipient address rejected: User unknown in virtual mailbox table"
    )
    said = one(postfix(said="550 \x1b[31mred\x1b[0m " + "x" * 9_000)).reason
    assert "\x1b" not in said
    assert len(said) == 200


@pytest.mark.parametrize(
    ("action", "status", "state"),
    [
        ("failed", "5.1.1", MessageState.BOUNCED),
        ("Failed", "5.2.2 (mailbox full)", MessageState.BOUNCED),
        # It was tried for five days, and is not tried any more (RFC 3464, 2.3.3).
        ("failed", "4.4.1", MessageState.BOUNCED),
        ("failed", "2.0.0", None),
        ("failed", "", None),
        ("delayed", "4.4.1", None),
        ("delayed", "5.1.1", None),
        ("delivered", "2.0.0", MessageState.DELIVERED),
        ("relayed", "2.0.0", None),
        ("expanded", "2.0.0", None),
        ("", "5.1.1", None),
    ],
)
def test_only_what_was_given_up_has_bounced(action: str, status: str, state: MessageState | None) -> None:
    """A message that is late is tried on, whatever its status says."""
    assert one(postfix(action=action, status=status)).state is state


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("abuse", MessageState.COMPLAINED),
        ("fraud", MessageState.COMPLAINED),
        ("not-spam", None),
        ("auth-failure", None),
        ("dmarc", None),
    ],
)
def test_a_complaint_is_one(kind: str, state: MessageState | None) -> None:
    """What is about signatures is none, and what takes one back."""
    assert one(complaint(kind)) == Feedback(KEY, "", state, f"complaint {kind}", "email", frozenset({ADDRESS}))


def test_who_complains_may_be_left_out() -> None:
    """Many receivers do so for their customers' sake: the message alone says which it is."""
    assert one(complaint(to="")).to == frozenset()


def test_international_addresses_are_the_same_in_both_forms() -> None:
    """RFC 6533: the domain in Unicode, or as DNS has it."""
    written = one(postfix("käse@müller.example").replace(b"rfc822; k", b"utf-8; k"))
    assert written.to == frozenset({"käse@xn--mller-kva.example"})
    assert one(postfix("käse@xn--mller-kva.example")).to == written.to


def test_a_report_in_a_mail_of_somebody_s_is_not_heard() -> None:
    """Whoever forwards a bounce to us says nothing of it themselves; an attached mail is not looked into."""
    forwarded = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
    assert read(forwarded + postfix() + b"\n--b--\n").note == "no report of a mail server"


def test_a_list_that_adds_a_footer_changes_nothing() -> None:
    """The report is a part of a part."""
    inner = postfix().partition(b"MIME-Version: 1.0\n")[2]
    footed = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + inner + b"\n--b\n\nfooter\n--b--\n"
    assert one(footed).key == KEY


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (b"Subject: Re: keys\n\nWhat is this?", "no report of a mail server"),
        (b"Subject: Away\nAuto-Submitted: auto-replied\n\nI am away.", "an automatic answer"),
        (b"Subject: Away\nPrecedence: auto_reply\n\nI am away.", "an automatic answer"),
        (b"Subject: Away\nX-Autoreply: yes\n\nI am away.", "an automatic answer"),
        (
            b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/disposition-notification\n\n--b--",
            "a receipt that somebody has read something",
        ),
        (postfix(sent=HEADERS.replace(ID, "<abc@acme.example>")), "about no message of firedoor's"),
        (postfix(sent="Subject: x\n"), "about no message of firedoor's"),
        (postfix("somebody", sent="Subject: x\n"), "about no message of firedoor's"),
        (b"Subject: failure notice\n\nHi. This is the qmail-send program.\n" + SENT.encode(), "no report"),
        (b"", "no report"),
        (b"\xff\x00" * 1_000, "no report"),
        (b"Content-Type: multipart/report\n\nno boundary", "no report"),
        (b"Content-Type: multipart/report; boundary*=x; boundary*0=y\n\n--y\n", "no report"),
    ],
    ids=range(13),
)
def test_other_mail_is_left_alone(raw: bytes, note: str) -> None:
    """Answers of people and machines, receipts, bounces of other mail, prose, garbage: it says what it was taken for."""
    reading = read(raw)
    assert reading.feedback == ()
    assert note in reading.note


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (re.sub(rb"(?s)Reporting-MTA.*?table\n", b"", postfix()), "no fields"),
        (re.sub(rb"(Final|Original)-Recipient", b"Recipient", postfix()), "names no recipient"),
        (postfix("somebody"), "names no recipient"),
        (complaint().replace(b"Feedback-Type", b"Feedback"), "no Feedback-Type"),
    ],
)
def test_a_broken_report_is_refused(raw: bytes, says: str) -> None:
    """In a sentence: nobody can tell what it says."""
    with pytest.raises(UsageError, match=says):
        read(raw)


def test_what_is_returned_may_be_long() -> None:
    """What a report says stands before it, and the rest is not looked at."""
    assert one(postfix(sent=SENT + "A line of a notice.\n" * 100_000)).key == KEY
    assert read(b"Subject: x\n" + b"\n" * MOST_READ + postfix()).feedback == ()


def test_nothing_can_make_it_work_for_long() -> None:
    """Parts in parts, thousands of parts, thousands of recipients, one endless header: it looks at some, and that is all."""
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(6_000))
    wide = b"Content-Type: multipart/report; boundary=b\n\n" + b"--b\n\nx\n" * 100_000
    many = postfix().replace(
        b"Final-Recipient", b"Final-Recipient: rfc822; a@b.example\n\n" * 9_000 + b"Final-Recipient"
    )
    long = b"Content-Type: multipart/report; boundary=" + b"b" * MOST_READ
    folded = b"Content-Type: multipart/report;" + b"\n boundary*0=b;" * 15_000 + b"\n\n--b\n"
    assert [read(raw).feedback for raw in (deep, wide, long, folded)] == [()] * 4
    assert len(read(many).feedback) <= 20


WORDS = [
    b"Content-Type: multipart/report; boundary=b", b"Content-Type: message/delivery-status", b"--b", b"--b--", b"",
    b"Content-Type: message/feedback-report", b"Content-Transfer-Encoding: base64", b"Content-Type: message/rfc822",
    b"Content-Transfer-Encoding: x-uuencode", b"Content-Transfer-Encoding: quoted-printable", b"Feedback-Type: abuse",
    f"Message-ID: {ID}".encode(), b"Final-Recipient: rfc822; a@b.example", b"Action: failed", b"Status: 5.1.1", b" x",
    b"Final-Recipient: utf-8; \xff\xc3\xa4@\xc3\xa4.example", b"boundary*0*=utf-9'x'%ff", b"=?utf-8?b?////?=", b"\x00\r",
    b"Content-Type: multipart/mixed; boundary*=b; boundary*1=c; boundary=b", b"begin 644 x", b"From x", b"Status",
    b"Content-Type: text/plain; charset=\xff; boundary*99999999999=b", b"In-Reply-To: \xff<\xfe>", b"Action: \xf0\x9f",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=40)), max_size=40), st.sampled_from([b"\n", b"\r\n"])
)
def test_whatever_comes_is_read_or_refused(lines: list[bytes], end: bytes) -> None:
    """Never anything but what it says, or a sentence; and all that it says the store can keep."""
    try:
        reading = read(end.join(lines))
    except UsageError:
        return
    for feedback in reading.feedback:
        assert re.fullmatch(r"[0-9a-f]{32}", feedback.key)
        "".join([feedback.reason, *feedback.to]).encode()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*SERVERS]), st.integers(0, 3_000), st.binary(max_size=30))
def test_whatever_is_put_into_a_report_is_read_or_refused(server: str, at: int, junk: bytes) -> None:
    """A byte changed anywhere: it still tells of our message, or of none."""
    raw = SERVERS[server]()
    try:
        reading = read(raw[:at] + junk + raw[at + len(junk) :])
    except UsageError:
        return
    for feedback in reading.feedback:
        "".join([feedback.key, feedback.reason, *feedback.to]).encode()
