"""Customers out of CSV and JSON: what is read, and the sentence for each thing that does not fit."""

import json
from collections.abc import Sequence

import pytest

from firedoor.alerts._secrets import scrubbed
from firedoor.campaign import Channel
from firedoor.customers.model import Contact, Customer, Dependency, Role
from firedoor.customers.reading import MistakesError, Reading, decoded, read_pages, read_rows
from firedoor.customers.sharing import same_addresses
from firedoor.errors import UsageError

HEAD = (
    "customer,name,language,time_zone,notify_within_hours,role,channel,address,contact_name,provider,credential,store"
)
ACME = "acme,Acme,de,Europe/Berlin,24,security,email,security@acme.example,Ada,openai,OPENAI_API_KEY,braintrust:ai_secret/ACME"


def read(text: str, **columns: str) -> Reading:
    """Read a text as the command line does."""
    return read_pages([text], columns, lambda one: scrubbed(one) != one)


def table(*rows: str) -> Reading:
    """Read rows under the usual head."""
    return read("\n".join([HEAD, *rows, ""]))


def said(reading: Reading) -> list[str]:
    """The mistakes, as a person reads them."""
    return [f"{fault.line}: {fault.what} ({fault.allowed})" for fault in reading.faults]


def test_rows_of_one_customer_are_one_customer() -> None:
    """A row may be a customer, a contact, a credential, or all three; what stands there twice is there once."""
    reading = table(ACME, "acme,,,,,admin,slack,C0123456789,,anthropic,KEY,aws-sm:acme", ACME, "globex,,,,,,,,,,,", "")
    acme, globex = reading.customers
    assert reading.faults == ()
    assert acme == Customer(
        id="acme",
        name="Acme",
        language="de",
        zone="Europe/Berlin",
        hours=24,
        contacts=(
            Contact(role=Role.SECURITY, channel=Channel.EMAIL, address="security@acme.example", name="Ada"),
            Contact(role=Role.ADMIN, channel=Channel.SLACK, address="C0123456789"),
        ),
        credentials=(
            Dependency(provider="anthropic", name="KEY", store="aws-sm:acme"),
            Dependency(provider="openai", name="OPENAI_API_KEY", store="braintrust:ai_secret/ACME"),
        ),
    )
    assert (globex.contacts, globex.language, globex.zone, globex.hours) == ((), "en", "UTC", 0)


def test_one_column_a_contact() -> None:
    """The columns of a customer-success tool, mapped; what nobody maps is left alone, and told."""
    text = "Account ID;Security Contact;Security Name;Renewal\nacme;sec@acme.example;Ada;2027\n"
    columns = {"customer": "Account ID", "security.email": "Security Contact", "security.name": "Security Name"}
    reading = read(text, **columns)
    assert reading.ignored == ("Renewal",)
    [acme] = reading.customers
    assert acme.contacts == (
        Contact(role=Role.SECURITY, channel=Channel.EMAIL, address="sec@acme.example", name="Ada"),
    )


def test_json_in_each_of_its_shapes() -> None:
    """A list, an object around it, a customer on each line: the same customers."""
    one = {"id": "acme", "hours": 24, "contacts": [{"role": "owner", "channel": "slack", "address": "U0123456789"}]}
    two = {"id": "globex", "credentials": [{"provider": "openai", "id": "key_1"}], "zone": "Asia/Tokyo"}
    listed = json.dumps([one, two], indent=1)
    wanted = [Customer.model_validate(one), Customer.model_validate(two)]
    for text in (listed, f'{{"customers": {listed}}}', f"{json.dumps(one)}\n\n{json.dumps(two)}\n"):
        assert list(read(text).customers) == wanted
    assert list(read("[]").customers) == []


def test_what_a_query_answers() -> None:
    """Rows are read as CSV is; lines count from the first row."""
    rows = [["acme", "Acme"], ["b c", ""]]
    assert said(read_rows(["customer", "name"], rows, {}, lambda _: False)) == [
        "2: customer: “b c” is no id. (letters, digits, and _ . @ - after the first; at most 100)"
    ]
    assert read_rows(["customer", "name"], rows[:1], {}, lambda _: False).customers[0].name == "Acme"


def test_html_in_a_name_stays_text() -> None:
    """Whoever writes HTML escapes it; here it is what the company is called."""
    reading = table("acme,<b>Acme</b> & Söhne 株式会社,,,,,,,,,,")
    assert reading.customers[0].name == "<b>Acme</b> & Söhne 株式会社"


def test_international_addresses() -> None:
    """Kept as people write them, one way whichever way they were written."""
    rows = ("сек@пример.рф", "ops@BÜCHER.example", "ops@xn--bcher-kva.example", "o'neil+x@acme.example")
    found = [table(f"acme,,,,,owner,email,{one},,,,").customers[0].contacts[0].address for one in rows]
    assert found == ["сек@пример.рф", "ops@bücher.example", "ops@bücher.example", "o'neil+x@acme.example"]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (",Acme,,,,,,,,,,", "The row names no customer."),
        ("-acme,,,,,,,,,,,", "customer: “-acme” is no id."),
        ("acme", "The row has 1 field, and the header 12."),
        ("acme,,english,,,,,,,,,", "acme: language “english” is no language tag."),
        ("acme,,pt_BR,,,,,,,,,", "“pt_BR” is no language tag: write pt-BR."),
        (
            "acme,,,Europe/Berln,,,,,,,,",
            "“Europe/Berln” is no time zone. (IANA names, like Europe/Berlin. Did you mean Europe/Berlin?)",
        ),
        ("acme,,,,soon,,,,,,,", "acme: hours “soon” is no number of hours. (0 to 8760)"),
        ("acme,,,,,boss,email,a@b.example,,,,", "the role of a contact is “boss”. (security, admin, owner)"),
        ("acme,,,,,,email,a@b.example,,,,", "the role of a contact is missing."),
        ("acme,,,,,owner,fax,1,,,,", "the channel of a contact is “fax”. (slack, email, webhook)"),
        ("acme,,,,,owner,email,,,,,", "acme: a contact has a channel and no address."),
        ("acme,,,,,owner,email,a b@acme.example,,,,", "“a b@acme.example” is no mail address"),
        ("acme,,,,,owner,email,root@localhost,,,,", "“root@localhost” is no mail address"),
        ("acme,,,,,owner,email,a@host.invalid,,,,", "“a@host.invalid” is no mail address"),
        ("acme,,,,,owner,slack,#security,,,,", "“#security” is no Slack id."),
        ("acme,,,,,owner,webhook,http://a.example/x,,,,", "“http://a.example/x” is no webhook."),
        ("acme,,,,,owner,webhook,https://u@a.example/x,,,,", "“https://u@a.example/x” is no address of a webhook."),
        ('acme,,,,,owner,email,a@b.example,"Ada\r\nBcc: x@evil.example",,,', "the name of a contact holds a line end"),
        ('"acme","Ac\nme",,,,,,,,,,', "acme: name holds a line end or a control character. (one line of text)"),
        ("acme,\u202eemcA,,,,,,,,,,", "acme: name holds a line end or a control character."),
        (f"acme,{'A' * 201},,,,,,,,,,", "acme: name has 201 characters. (at most 200)"),
        ("acme,,,,,,,,,,KEY,x:y", "acme: a credential has no provider."),
        ("acme,,,,,,,,,openai,KEY,", "acme: a credential of openai has nothing to recognise it by."),
        ("acme,,,,,,,,,Open AI,KEY,x:y", "provider of a credential “Open AI” is no provider."),
        ("acme,,,,,,,,,openai,sk-proj-canaryCANARYcanary0123,x:y", "credential holds what looks like a secret."),
        (
            "acme,,,,,owner,webhook,https://hooks.slack.com/services/T00000000/B00000000/canaryCANARYcanary,,,,",
            "address holds what looks like a secret.",
        ),
    ],
)
def test_what_does_not_fit_in_a_row(row: str, sentence: str) -> None:
    """Each mistake is one sentence, with its line and what is allowed; no value that is a secret is shown."""
    faults = said(table(row))
    assert len(faults) == 1
    assert faults[0].startswith("2: ")
    assert sentence in faults[0]
    assert "canary" not in faults[0]


def test_rows_that_disagree() -> None:
    """Two rows of one customer with two names are a mistake of somebody."""
    assert said(table("acme,Acme,,,,,,,,,,", "acme,Acne,,,,,,,,,,")) == [
        "3: acme: name is “Acne” here and “Acme” in line 2. (the same in every row of a customer, or empty)"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("customer,emial\na,b\n", "1: There is no column “emial”."),
        ("name\nAcme\n", "1: No column names the customer."),
        ("customer,customer\na,b\n", "1: The column “customer” stands there twice."),
        ('customer,name\nacme,"Acme\n', "2: This is no CSV: unexpected end of data."),
        ("customer,name\nacme," + "x" * 70_000 + "\n", "2: This is no CSV: field larger than field limit (65536)."),
        ('[{"id": "a"},\n {"id": "a"}]', "2: a stands there twice, first in line 1."),
        ('[{"id": "a", "id": "b"}]', "1: “id” stands there twice in one object."),
        ('[{"id": "a"}', "1: This is no JSON, or the end of it is missing"),
        ('[{"id": "a"}] []', "1: Something stands behind the list of customers."),
        (
            '{"customers": [{"id": "a"}], "next_cursor": "x"}',
            "1: Something stands behind the list of customers. (one list, and nothing else: a next page is found by",
        ),
        ("[\n7]", "2: This is no customer."),
        ('[{"name": "Acme"}]', "1: A customer has no id."),
        ('[{"id": "a", "contact": []}]', "1: a: there is no “contact”."),
        ('[{"id": "a", "contacts": [{"mail": "x"}]}]', "1: a: contacts have no “mail”."),
        ('[{"id": "a", "contacts": {}}]', "1: a: contacts is no list of objects."),
        ('[{"id": "a", "name": 7}]', "1: a: name is int, and no text."),
        ('[{"id": "a", "name": []}]', "1: a: name is list, and no text."),
        ('[{"id": "a", "name": "api_key=canaryCANARY0123"}]', "1: “a” holds what looks like a secret."),
        ("[" * 5000, "1: This is no JSON"),
    ],
)
def test_what_does_not_fit_in_a_document(text: str, sentence: str) -> None:
    """A wrong head, a text that is cut off, JSON of another shape: told with the line, never with a trace."""
    assert any(one.startswith(sentence) for one in said(read(text))), said(read(text))


def test_a_misspelt_column_of_the_settings() -> None:
    """A mapping to a column that is not there would be contacts that nobody has."""
    reading = read("Account\nacme\n", customer="Account", **{"security.email": "Security"})
    assert said(reading) == ["1: There is no column “Security”, which [customers.columns] names. (Account)"]


@pytest.mark.parametrize(("data", "sentence"), [(b" \n", "is empty"), (b"a\n\xff\n", "is no UTF-8 from line 2 on")])
def test_what_is_no_text(data: bytes, sentence: str) -> None:
    """An empty export must not forget every customer; another encoding is told by its line."""
    with pytest.raises(UsageError, match=sentence):
        decoded(data, "x.csv")
    assert decoded("\ufeffcustomer".encode(), "x.csv") == "customer"


def test_a_hundred_thousand_rows_with_three_bad_ones() -> None:
    """Three sentences, in the order of their lines; none of the others is kept."""
    rows = [f"c{number},s@c{number}.example," for number in range(100_000)]
    rows[7] = rows[7].replace("s@c7", "s c7")
    rows[500] = "c 500,s@c500.example,"
    rows[99_999] = "c1,,de-"
    reading = read("\n".join(["customer,security.email,language", *rows]))
    assert [fault.line for fault in reading.faults] == [9, 502, 100_001]
    assert not reading.customers
    text = str(MistakesError("x.csv", reading.faults))
    assert text.startswith("3 mistakes in x.csv:\nline 9: c7: “s c7.example” is no mail address")
    assert "Nothing was changed" in text


def test_addresses_that_several_have() -> None:
    """Told by address, however it is written."""
    rows: Sequence[str] = [
        f"{id},,,,,owner,email,{mail},,,," for id, mail in (("a", "X@y.example"), ("b", "x@y.example"))
    ]
    assert same_addresses(table(*rows).customers) == {"email:x@y.example": ["a", "b"]}
