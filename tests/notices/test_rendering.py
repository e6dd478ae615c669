"""What templates may do, what they may not, and what becomes of what strangers call themselves."""

from dataclasses import replace
from pathlib import Path

import pytest

from firedoor.config import Settings
from firedoor.customers.model import Dependency
from firedoor.notices.composing import Composer
from firedoor.notices.links import Links, Purpose
from firedoor.notices.rendering import NoticeError, Text
from firedoor.notices.specimen import SOMEBODY, shown_to, specimen
from firedoor.notices.variables import described, said
from firedoor.recipient import Recipient, Way
from tests.noticing import Write

NOW = 1_777_939_200.0
READER = shown_to(SOMEBODY)


def composer(settings: Settings, name: str = "provider-keys-exposed") -> Composer:
    """What renders a campaign with the sample values."""
    return Composer(settings, specimen(settings, name, 1, NOW))


def rendered(settings: Settings, write: Write, text: str, **variables: object) -> str:
    """A body.txt of these words, rendered."""
    return Text(write(en__body_txt=text), "en/body.txt").render(variables)


def test_reader_gets_its_own_keys_links_and_deadline(settings: Settings) -> None:
    """A notice names the reader, each of its keys, the date, and links that are its own."""
    made = composer(settings).compose(READER, READER.ways[0])
    for text in (made.text, made.html, made.slack):
        for credential in SOMEBODY.credentials:
            assert credential.name in text
        assert "2026-05-09 00:00 UTC" in text
        assert "https://notices.beacon.example/n/" in text
        assert "https://notices.beacon.example/notices/preview.provider-keys-exposed" in text
    assert made.subject == "Security notice from Beacon AI: replace 3 keys"


def test_same_reader_gets_the_same_again(settings: Settings) -> None:
    """What is rendered twice is the same, or nothing that was approved could be sent."""
    first, second = (composer(settings).compose(READER, READER.ways[0]).digest() for _ in range(2))
    other = composer(settings).compose(replace(READER, name="Another"), READER.ways[0]).digest()
    assert first == second != other


def test_campaign_keeps_the_notice_that_it_began_with(settings: Settings, write: Write) -> None:
    """Whoever edits a notice changes the next campaign, not the one that is under way."""
    notice = write()
    row = specimen(settings, "test", 1, NOW)
    (Path(notice.folder) / "en/body.txt").write_text("edited")
    assert "«What happened»" in Composer(settings, row).compose(READER, READER.ways[0]).text


def test_reminder_says_that_it_is_one(settings: Settings) -> None:
    """The same folder renders the reminders."""
    made = composer(settings).compose(READER, READER.ways[0], reminder=2)
    assert made.subject.startswith("Reminder: ")
    assert "reminder 2" in made.text


def test_reader_can_unsubscribe(settings: Settings) -> None:
    """The address at which a reader ends informational notices is its own, and acknowledges nothing."""
    url = composer(settings).unsubscribe(READER, READER.ways[0])
    link = Links.open(settings).read(url.rpartition("/")[2], NOW)
    assert (link.customer, link.purpose) == (READER.customer, Purpose.UNSUBSCRIBE)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ('"><img src=x onerror=alert(1)>', "&#34;&gt;&lt;img src=x onerror=alert(1)&gt;"),
        ("Müller & Söhne", "Müller &amp; Söhne"),
        ("{{ links.public }}", "{{ links.public }}"),
        ("a\u202egpj.exe", "a gpj.exe"),
    ],
)
def test_name_of_a_company_is_text(name: str, shown: str, settings: Settings) -> None:
    """HTML, templates and characters that turn text around are shown, never obeyed."""
    assert shown in composer(settings).compose(replace(READER, name=name), READER.ways[0]).html


@pytest.mark.parametrize("name", ["Acme\r\nBcc: all@acme.example", "Acme\nX: y", "Acme\u2028X", "Acme\x00\x1b[2J"])
def test_name_does_not_break_a_line(name: str, settings: Settings, write: Write) -> None:
    """A name with a line break in it makes no header and no second line."""
    write(en__subject_txt="For {{ customer.name }}\n")
    made = composer(settings, "test").compose(replace(READER, name=name), READER.ways[0])
    assert made.subject.isprintable()
    assert made.subject.startswith("For Acme ")
    assert made.text.count("\n") == 1


def test_name_is_no_link_in_slack(settings: Settings) -> None:
    """A key that is called like a link, or ends a code span, is a name."""
    keys = (Dependency(provider="openai", name="a`b [here](https://evil.example) **now**"),)
    made = composer(settings).compose(replace(READER, credentials=keys), READER.ways[0])
    assert "`a'b [here] (https: //evil.example) * *now* *`" in made.slack


def test_several_lines_of_the_runbook_stay_that(settings: Settings) -> None:
    """A value of the runbook may have paragraphs; what steers in it is taken out."""
    row = specimen(settings, "provider-keys-exposed", 1, NOW)
    row = replace(row, values={**row.values, "happened": "One.\n\nTwo.\x1b[31m"})
    assert "One.\n\nTwo. [31m\n" in Composer(settings, row).compose(READER, READER.ways[0]).text


def test_value_may_be_given_by_language(settings: Settings) -> None:
    """What happened is told in the reader's language where the runbook says it in that, else in the notice's own."""
    row = specimen(settings, "provider-keys-exposed", 1, NOW)
    values = {**row.values, "happened": {"en": "It happened.", "de": "Es ist geschehen."}, "since": {"en": "4 May"}}
    made = Composer(settings, replace(row, values=values)).compose(replace(READER, language="de"), READER.ways[0])
    assert "Es ist geschehen.\n\nSeit wann: 4 May\n" in made.text


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ customer.__class__ }}",
        "{{ customer['__class__'] }}",
        "{{ customer.items() }}",
        "{{ values.update({}) }}",
        "{{ self }}",
        "{{ range(10) }}",
        "{{ cycler }}",
        "{% include 'en/subject.txt' %}",
        "{% import 'layout.html' as a %}",
        "{% extends '../../private.html' %}",
        "{% extends customer.name %}",
        "{% macro m() %}{% endmacro %}",
        "{% set a %}{{ a }}{{ a }}{% endset %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ company ~ company }}",
        "{{ company + company }}",
        "{{ [company, company]|join }}",
        "{% for a in (1, 2) recursive %}{{ loop(a) }}{% endfor %}",
        "{{ 'a'|center(1000000000) }}",
        "{{ 'a'|replace('a', 'aa') }}",
        "{% for a in credentials %}{% for b in credentials %}{% for c in credentials %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ customer.nobody }}",
        "{{ values.a.b }}",
        "{{ 1 / 0 }}",
    ],
)
def test_template_can_do_nothing_but_write(text: str, settings: Settings, write: Write) -> None:
    """No call, no way out of the folder, no text that grows of itself; each is told with its file and line."""
    with pytest.raises(NoticeError, match=r"test/en/body\.txt:2: "):
        rendered(
            settings, write, f"a\n{text}", customer={"name": "a"}, company="a", credentials=[{}], values={"a": "a"}
        )


def test_text_without_an_end_is_stopped(settings: Settings, write: Write) -> None:
    """A loop over a long list of long texts is ended where no letter would be so long."""
    with pytest.raises(NoticeError, match="longer than 200,000 characters"):
        rendered(
            settings,
            write,
            "{% for a in credentials %}{{ company }}{% endfor %}",
            credentials=[1] * 10**6,
            company="a" * 99,
        )


def test_line_of_a_mistake_in_the_layout_is_that_of_the_layout(settings: Settings, write: Write) -> None:
    """Whoever looks for a mistake is sent to the file that has it."""
    layout = "<p>\n{{ customer.nobody }}\n{% block b %}{% endblock %}"
    notice = write(layout_html=layout, en__body_html="{% extends 'layout.html' %}{% block b %}{% endblock %}")
    with pytest.raises(NoticeError, match=r"test/layout\.html:2: "):
        Text(notice, "en/body.html").render({"customer": {}})


def test_each_credential_says_how_it_is_replaced() -> None:
    """Steps and place come from what firedoor knows of the provider; a strange one is shown as it is called."""
    keys = [
        Dependency(provider="openai", kind="user_key", name="PROD", id="key_0123456789"),
        Dependency(provider="acme"),
    ]
    openai, acme = described(keys)
    assert openai["where"] == "platform.openai.com/api-keys"
    assert openai["rotate"].startswith("Ask its owner to create a new secret key")
    assert (openai["hint"], openai["kind_title"]) == ("6789", "user key")
    assert (acme["provider_title"], acme["kind_title"], acme["where"], acme["hint"]) == ("acme", "key", "", "")
    assert described([Dependency(provider="openai", kind="of-yesterday")])[0]["kind_title"] == "key"


@pytest.mark.parametrize(
    ("store", "name"),
    [
        ("braintrust:ai_secret/ACME", "ACME"),
        ("aws-sm:gateway", "gateway"),
        ("vault:kv/acme?field=openai", "openai"),
        ("aws-ssm:/prod/acme/openai/", "openai"),
        ("", ""),
    ],
)
def test_a_credential_without_a_name_is_called_by_its_place(store: str, name: str) -> None:
    """`store` is all that most registries know of it, and a notice about "OpenAI, key:" would name none."""
    assert described([Dependency(provider="openai", store=store)])[0]["name"] == name
    assert described([Dependency(provider="openai", store=store, id="key_1")])[0]["name"] == "key_1"


def test_said_leaves_plain_text_alone() -> None:
    """Nothing is done to what is one line of printable text."""
    assert said("Ünïcode, Inc. 株式会社") == "Ünïcode, Inc. 株式会社"


def test_missing_file_is_said(settings: Settings, write: Write) -> None:
    """A notice that lacks a text of a language is not sent in part."""
    write(en__slack_md="")
    with pytest.raises(NoticeError, match=r"en/slack\.md:1: The file is missing"):
        composer(settings, "test")


def test_rendering_keeps_up_with_the_sender(settings: Settings) -> None:
    """A message is rendered in far less time than it takes to send one; on its own it is ten times as fast as here."""
    made, reader, way = composer(settings), READER, Way("owner", "", "email", "a@b.example")
    many: list[Recipient] = [replace(reader, customer=f"c{number}") for number in range(200)]
    assert len({made.compose(one, way).digest() for one in many}) == 200
