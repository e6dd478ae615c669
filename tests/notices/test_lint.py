"""Every mistake of a notice is found before it is sent, each with its file and line."""

from pathlib import Path

import pytest

from firedoor.config import Settings
from firedoor.notices.lint import mistakes, mistakes_of, secret_in
from tests.noticing import BODY, Write

HTML = '<!doctype html>\n<html lang="en"><head><title>t</title></head><body><p>{}</p>\n{}</body></html>'


def found(settings: Settings, write: Write, **changed: str) -> list[str]:
    """The mistakes, without the folder before them."""
    folder = write(**changed).folder
    return [str(one).removeprefix(f"{folder}/") for one in mistakes(Path(folder), settings)]


def test_good_notice_has_no_mistake(settings: Settings, write: Write) -> None:
    """The notice that the other tests spoil is whole."""
    assert found(settings, write) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{{ customer.nam }}", "customer has no nam. Did you mean name?"),
        ("{{ costumer }}", "There is no variable costumer. Did you mean customer"),
        ("{{ costumer.name }}", "There is no variable costumer. Did you mean customer"),
        ("{{ customer['nam'] }}", "customer has no nam. Did you mean name?"),
        ("{% for key in credentials %}{{ key.nme }}{% endfor %}", "key has no nme. Did you mean name?"),
        ("{{ values.whatever }}", "values.whatever is not declared"),
        ("{{ company|shout }}", "There is no filter shout here."),
        ("{{ company is lovely }}", "There is no test lovely here."),
        ("{{ company() }}", "A call: a notice has values, conditions, loops and a layout."),
        ("https://beacon.example/login", "leads to a log-in"),
        ("https://sso.beacon.example/", "leads to a log-in"),
        ("https://beacon.example/a?next=/sign-in", "leads to a log-in"),
        ("https://status.example/", "leads to status.example, which is neither ours nor among `hosts`"),
        ("http://notices.beacon.example/", "is not https"),
        ("https://{{ customer.id }}.example/", "an address is one variable"),
        ("https://beac\u2100n.example/", "is no address"),
        ("sk-proj-canary0123456789abcdefgh", "sk-pro… looks like the value of a secret"),
        ("AKIACANARY0123456789"[:20], "AKIACA… looks like the value of a secret"),
        ("{{ customer.name", "unexpected"),
    ],
)
def test_mistake_has_its_line(line: str, says: str, settings: Settings, write: Write) -> None:
    """A mistake in a text is told with the file and the line in which it stands."""
    told = found(settings, write, en__body_txt=f"{BODY}\n{line}\n")
    assert any(one.startswith("en/body.txt:3: ") and says in one for one in told), told


@pytest.mark.parametrize(
    "line",
    [
        "https://notices.beacon.example/keys",
        "https://docs.example/authors",
        "The key id ends in 4f2a, fingerprint sha256:0123456789abcdef.",
        "{% for key in credentials if key.hint %}{{ loop.index }}. {{ key.name }}{% endfor %}",
        "{{ 'a key' if credentials|length == 1 else 'keys' }}{% set n = reminder + 1 %}{{ n }}",
        "{% if customer.exposure in ('confirmed', 'likely') %}read{% endif %}",
    ],
)
def test_what_is_fine_is_not_minded(line: str, settings: Settings, write: Write) -> None:
    """Our own addresses and those of `hosts`, ids, loops and conditions are no mistakes."""
    manifest = 'title = "t"\nhosts = ["docs.example"]\n[variables.happened]\ndescription = "What happened"\n'
    assert found(settings, write, notice_toml=manifest, en__body_txt=f"{BODY}{line}\n") == []


@pytest.mark.parametrize(
    ("element", "says"),
    [
        ('<img src="https://t.example/pixel.gif" alt="">', "An image from elsewhere tells who has read the mail"),
        ('<img src="data:image/png;base64,AA" width="1" alt="">', "An image that nobody sees only counts readers."),
        ('<img src="data:image/png;base64,AA">', "An image says in alt= what it shows."),
        ("<script>1</script>", "<script> has no place in a mail"),
        ('<form action="/"></form>', "<form> has no place in a mail"),
        ('<p onclick="x()">a</p>', "onclick= would run something."),
        ('<a href="javascript:x()">a</a>', "A link leads to a page, and runs nothing."),
        ("<p style=\"background: url( 'https://t.example/a')\">a</p>", "A style loads from elsewhere"),
        ('<style>@import "https://t.example/a.css";</style>', "A style loads from elsewhere"),
        ('<td background="https://t.example/a.png"></td>', "background= loads from elsewhere"),
        ('<meta http-equiv="refresh" content="0">', "A mail does not lead anywhere by itself"),
    ],
)
def test_html_loads_and_runs_nothing(element: str, says: str, settings: Settings, write: Write) -> None:
    """A mail that counts its readers, runs or asks is a mistake, whoever is linked to."""
    told = found(settings, write, en__body_html=HTML.format(BODY, element))
    assert any(one.startswith("en/body.html:4: ") and says in one for one in told), told


def test_html_says_its_language_and_title(settings: Settings, write: Write) -> None:
    """Who has a mail read aloud hears it in its language."""
    told = found(settings, write, en__body_html=f"<html><body>{BODY}</body></html>")
    assert told == [
        "en/body.html:1: <html> says in lang= which language it is in: screen readers pronounce it by that.",
        "en/body.html:1: The document has no <title>.",
    ]


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("One\nTwo\n", "A subject is one line."),
        ("{{ values.happened }}" * 10, "more than 120 are cut in most mailboxes"),
        ("{% if reminder %}Again{% endif %}\n", "It is empty."),
    ],
)
def test_subject_is_one_short_line(subject: str, says: str, settings: Settings, write: Write) -> None:
    """A subject that is cut, broken or empty for some readers is a mistake."""
    assert any(says in one for one in found(settings, write, en__subject_txt=subject))


def test_slack_text_fits(settings: Settings, write: Write) -> None:
    """A text that Slack would not take as one is a mistake."""
    assert any("Slack takes 3,000" in one for one in found(settings, write, en__slack_md=BODY + "a" * 3000))


def test_security_notice_owes_its_reader_two_links(settings: Settings, write: Write) -> None:
    """Without them nobody could acknowledge it, or tell it from a fake; in each text, for each may be the only one."""
    told = found(settings, write, en__slack_md="{{ values.happened }} {{ links.public }}")
    assert told == [
        "en/slack.md:1: It does not use links.acknowledge: the reader cannot acknowledge, or see what is left to do."
    ]
    manifest = 'title = "t"\nkind = "informational"\n[variables.happened]\ndescription = "What happened"\n'
    assert found(settings, write, notice_toml=manifest, en__slack_md="{{ values.happened }}") == []


def test_escalation_is_announced(settings: Settings, write: Write) -> None:
    """A campaign that will disable something says when, or its notice is a mistake."""
    told = [one.what for one in mistakes_of(write(), settings, escalates=True)]
    assert told == ["It does not use escalates_at: the campaign escalates, and the reader is not told when."] * 3


def test_variables_are_declared_and_used(settings: Settings, write: Write) -> None:
    """What nobody reads need not be asked for; the line is that of the declaration."""
    manifest = 'title = "t"\n[variables.happened]\ndescription = "a"\n\n[variables.idle]\ndescription = "b"\n'
    assert found(settings, write, notice_toml=manifest) == [
        "notice.toml:5: values.idle is declared, and no text uses it."
    ]


def test_optional_variable_may_be_left_out(settings: Settings, write: Write) -> None:
    """An optional value that is not given is empty, and can be asked for."""
    manifest = 'title = "t"\n[variables.happened]\ndescription = "a"\noptional = true\n'
    assert (
        found(settings, write, notice_toml=manifest, en__body_txt=BODY + "{% if values.happened %}a{% endif %}") == []
    )


def test_files_are_complete_and_read(settings: Settings, write: Write) -> None:
    """A file that is missing in a language, one that nobody reads, a language of its own that it does not have."""
    told = found(settings, write, de__body_txt=BODY, en__body_htm="typo", notice_toml='title = "t"\nlanguage = "fr"\n')
    assert [one.partition(": ")[0] for one in told if "missing" in one] == [
        "de/body.html:1",
        "de/slack.md:1",
        "de/subject.txt:1",
    ]
    assert any(one.startswith("en/body.htm:1: It is read by nobody") for one in told)
    assert any(one.startswith("notice.toml:1: Its own language is fr") for one in told)


@pytest.mark.parametrize(
    "text",
    ["da39a3ee5e6b4b0d3255bfef95601890afd80709", "proj_abc", "an API key", "evaluation-of-the-summaries-in-the-team"],
)
def test_what_is_no_secret_passes(text: str) -> None:
    """Hashes, ids and names are told to customers."""
    assert secret_in(text) == ""


def test_what_cannot_be_read_is_a_mistake_too(settings: Settings, write: Write) -> None:
    """One broken file does not hide what is wrong with the other versions."""
    folder = Path(write(en__body_txt=BODY + "{{ costumer }}").folder)
    (folder / "v2").mkdir()
    (folder / "v2" / "notice.toml").write_text("title = ")
    told = [one.what for one in mistakes(folder, settings)]
    assert any("is not valid TOML" in one for one in told)
    assert any("no variable costumer" in one for one in told)
