"""Mail that servers send back about a message of ours, each in its own shape: written after RFC 3464, 5965 and 6522."""

from collections.abc import Callable

KEY = "0123456789abcdef0123456789abcdef"
ADDRESS = "security@zenith.example"
ID = f"<{KEY}@acme.example>"
#: What was sent, as its server gives it back.
SENT = f"""\
Return-Path: <bounces@acme.example>
Received: from worker.acme.example (worker.acme.example [192.0.2.9])
\tby mail.acme.example (Postfix) with ESMTPS id 8F7E6D5C4B
\tfor <{ADDRESS}>; Sun, 29 Nov 2026 12:00:01 +0000 (UTC)
From: Acme Security <security@acme.example>
To: Ada <{ADDRESS}>
Subject: =?utf-8?q?Replace_these_keys_today=3A_Schl=C3=BCssel?=
Date: Sun, 29 Nov 2026 12:00:00 +0000
Message-ID: {ID}
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="=_3eb1bd439947eb762998e566ccc2e099c791118b"

--=_3eb1bd439947eb762998e566ccc2e099c791118b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Dear Zenith, keys of yours were stolen.

--=_3eb1bd439947eb762998e566ccc2e099c791118b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<!doctype html><p>Dear Zenith, keys of yours were stolen.

--=_3eb1bd439947eb762998e566ccc2e099c791118b--
"""
HEADERS = SENT.partition("\n\n")[0] + "\n"


def postfix(
    address: str = ADDRESS, sent: str = HEADERS, action: str = "failed", status: str = "5.1.1", said: str = "550 5.1.1"
) -> bytes:
    """Postfix: the headers only, a status in UTF-8, what it calls the recipient twice."""
    return f"""\
Return-Path: <>
Received: by mail.acme.example (Postfix) id 9A1B2C3D4E; Sun, 29 Nov 2026 12:00:03 +0000 (UTC)
Date: Sun, 29 Nov 2026 12:00:03 +0000 (UTC)
From: MAILER-DAEMON@mail.acme.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@acme.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="8F7E6D5C4B.1795953603/mail.acme.example"
Content-Transfer-Encoding: 8bit
Message-Id: <20261129120003.9A1B2C3D4E@mail.acme.example>

This is a MIME-encapsulated message.

--8F7E6D5C4B.1795953603/mail.acme.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mail.acme.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

--8F7E6D5C4B.1795953603/mail.acme.example
Content-Description: Delivery report
Content-Type: message/global-delivery-status
Content-Transfer-Encoding: 8bit

Reporting-MTA: dns; mail.acme.example
X-Postfix-Queue-ID: 8F7E6D5C4B
X-Postfix-Sender: rfc822; bounces@acme.example
Arrival-Date: Sun, 29 Nov 2026 12:00:01 +0000 (UTC)

Final-Recipient: rfc822; {address}
Original-Recipient: rfc822;{address}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.zenith.example
Diagnostic-Code: smtp; {said} <{address}>: Recipient address
    rejected: User unknown in virtual mailbox table

--8F7E6D5C4B.1795953603/mail.acme.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers
Content-Transfer-Encoding: 8bit

{sent}
--8F7E6D5C4B.1795953603/mail.acme.example--
""".encode()


def exim() -> bytes:
    """Exim: a status without detail, the whole message."""
    return f"""\
Return-path: <>
Envelope-to: bounces@acme.example
Delivery-date: Sun, 29 Nov 2026 12:00:04 +0000
Received: from Debian-exim by mail.acme.example with local (Exim 4.96)
\tid 1rAbCd-000123-4E
\tfor bounces@acme.example;
\tSun, 29 Nov 2026 12:00:04 +0000
X-Failed-Recipients: {ADDRESS}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mail.acme.example>
To: bounces@acme.example
References: {ID}
Content-Type: multipart/report; report-type=delivery-status; boundary=1795953604-eximdsn-804289383
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1rAbCd-000123-4E@mail.acme.example>
Date: Sun, 29 Nov 2026 12:00:04 +0000

--1795953604-eximdsn-804289383
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {ADDRESS}
    host mx.zenith.example [192.0.2.25]
    SMTP error from remote mail server after RCPT TO:<{ADDRESS}>:
    550 No such user here

--1795953604-eximdsn-804289383
Content-type: message/delivery-status

Reporting-MTA: dns; mail.acme.example

Action: failed
Final-Recipient: rfc822;{ADDRESS}
Status: 5.0.0
Remote-MTA: dns; mx.zenith.example
Diagnostic-Code: smtp; 550 No such user here

--1795953604-eximdsn-804289383
Content-type: message/rfc822

{SENT}
--1795953604-eximdsn-804289383--
""".encode()


def exchange() -> bytes:
    """Exchange: a page of HTML first, names in odd cases, fields of its own; what is returned has lost its body."""
    return f"""\
From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@zenith.example>
To: <bounces@acme.example>
Date: Sun, 29 Nov 2026 12:00:05 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="0db7cd5e-1a2b-4c3d-8e9f-001122334455"
X-MS-Exchange-Message-Is-Ndr:
Content-Language: en-US
Message-ID: <f00dcafe-0000-4000-8000-aabbccddeeff@EXCH01.zenith.example>
In-Reply-To: {ID}
References: {ID}
Subject: Undeliverable: Replace these keys today
Auto-Submitted: auto-replied
MIME-Version: 1.0

--0db7cd5e-1a2b-4c3d-8e9f-001122334455
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="aa1bb2cc-3dd4-4ee5-8ff6-778899001122"

--aa1bb2cc-3dd4-4ee5-8ff6-778899001122
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Delivery has failed to these recipients or groups:

security@zenith.example<mailto:security@zenith.example>
The email address you entered couldn't be found.=

--aa1bb2cc-3dd4-4ee5-8ff6-778899001122
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

<html><body><p>Delivery has failed to these recipients or groups:</p></body=
></html>

--aa1bb2cc-3dd4-4ee5-8ff6-778899001122--

--0db7cd5e-1a2b-4c3d-8e9f-001122334455
Content-Type: message/delivery-status

Reporting-MTA: dns;EXCH01.zenith.example
Received-From-MTA: dns;mail.acme.example
Arrival-Date: Sun, 29 Nov 2026 12:00:04 +0000

Original-Recipient: rfc822;Security@Zenith.Example
Final-Recipient: rfc822;security@zenith.example
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
X-Display-Name: security@zenith.example

--0db7cd5e-1a2b-4c3d-8e9f-001122334455
Content-Type: message/rfc822

From: Acme Security <security@acme.example>
To: Ada <security@zenith.example>
Subject: Replace these keys today
Message-ID: {ID}
Content-Type: text/plain

--0db7cd5e-1a2b-4c3d-8e9f-001122334455--
""".encode()


def opensmtpd() -> bytes:
    """OpenSMTPD: a multipart/mixed, lines end with CRLF, no blank line is left between header and boundary."""
    return (
        f"""\
Received: from mail.acme.example (vm [local])
\tby vm (OpenSMTPD) with ESMTPA id 43ae5cb4
\tfor <bounces@acme.example>;
\tSun, 29 Nov 2026 12:00:03 +0000 (UTC)
Subject: Delivery status notification: failed
From: Mailer Daemon <MAILER-DAEMON@mail.acme.example>
To: bounces@acme.example
Date: Sun, 29 Nov 2026 12:00:03 +0000 (UTC)
MIME-Version: 1.0
Content-Type: multipart/mixed;boundary="11765808339108235474/mail.acme.example"
Message-ID: <ef2fd063da75e8d0@vm>

This is a MIME-encapsulated message.

--11765808339108235474/mail.acme.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this email.

{ADDRESS}: 550 5.1.1 no such user

--11765808339108235474/mail.acme.example
Content-Description: Delivery Report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.acme.example

Final-Recipient: rfc822; {ADDRESS}
Action: failed
Status: 5.0.0

--11765808339108235474/mail.acme.example
Content-Description: Message headers
Content-Type: text/rfc822-headers

{SENT}
--11765808339108235474/mail.acme.example--
"""
    ).replace("\n", "\r\n").encode()  # fmt: skip


def gmail() -> bytes:
    """Gmail: a page with a picture first, a diagnosis of several lines, the message that it answers."""
    return f"""\
Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: bounces@acme.example
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: {ID}
In-Reply-To: {ID}
X-Failed-Recipients: {ADDRESS}
Message-ID: <656f0001.050a0220.1a2b3.c4d5.GMR@mx.google.com>
Date: Sun, 29 Nov 2026 04:00:06 -0800 (PST)
MIME-Version: 1.0
Content-Type: multipart/report; boundary="000000000000a1b2c3060b2f4e5d"; report-type=delivery-status

--000000000000a1b2c3060b2f4e5d
Content-Type: multipart/related; boundary="000000000000a1c2d3060b2f4e63"

--000000000000a1c2d3060b2f4e63
Content-Type: multipart/alternative; boundary="000000000000a1d3e4060b2f4e64"

--000000000000a1d3e4060b2f4e64
Content-Type: text/plain; charset="UTF-8"

** Address not found **

Your message wasn't delivered to {ADDRESS} because the address couldn't be found.

--000000000000a1d3e4060b2f4e64
Content-Type: text/html; charset="UTF-8"

<html><body><p>Address not found</p></body></html>

--000000000000a1d3e4060b2f4e64--
--000000000000a1c2d3060b2f4e63
Content-Type: image/png; name="icon.png"
Content-Disposition: attachment; filename="icon.png"
Content-Transfer-Encoding: base64
Content-ID: <icon.png>

iVBORw0KGgo=
--000000000000a1c2d3060b2f4e63--
--000000000000a1b2c3060b2f4e5d
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Received-From-MTA: dns; bounces@acme.example
Arrival-Date: Sun, 29 Nov 2026 04:00:05 -0800 (PST)
X-Original-Message-ID: {ID}

Final-Recipient: rfc822; {ADDRESS}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.zenith.example. (192.0.2.25, the server for the domain zenith.example.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.
 550-5.1.1 Please try double-checking the recipient's email address for typos
 550 5.1.1 https://support.google.com/mail/?p=NoSuchUser
Last-Attempt-Date: Sun, 29 Nov 2026 04:00:06 -0800 (PST)

--000000000000a1b2c3060b2f4e5d
Content-Type: message/rfc822

{SENT}
--000000000000a1b2c3060b2f4e5d--
""".encode()


#: What each server sends back where there is no such user.
SERVERS: dict[str, Callable[[], bytes]] = {
    "Postfix": postfix,
    "Exim": exim,
    "Exchange": exchange,
    "OpenSMTPD": opensmtpd,
    "Gmail": gmail,
}


def complaint(kind: str = "abuse", to: str = f"Original-Rcpt-To: <{ADDRESS}>\n", sent: str = SENT) -> bytes:
    """An abuse report, as RFC 5965 has it in its appendix."""
    return f"""\
From: <abusedesk@receiver.example>
Date: Sun, 29 Nov 2026 17:40:36 +0000
Subject: FW: Replace these keys today
To: <bounces@acme.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
     boundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for an email message received from IP
192.0.2.1 on Sun, 29 Nov 2026 14:00:00 +0000.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <bounces@acme.example>
{to}Arrival-Date: Sun, 29 Nov 2026 14:00:00 +0000
Reporting-MTA: dns; mail.receiver.example
Source-IP: 192.0.2.1

--part1_13d.2e68ed54_boundary
Content-Type: message/rfc822
Content-Disposition: inline

{sent}
--part1_13d.2e68ed54_boundary--
""".encode()
