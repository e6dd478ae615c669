"""The docs are tested: what is generated is current, what is written by hand names everything, examples work."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from docs.generate import pages
from firedoor.cli.verbs import VERBS
from firedoor.compiler import compile_runbook
from firedoor.config import Aws, AwsAccount, Limit, Notify, Person, Settings, load
from firedoor.steps import STEPS
from firedoor.timeline.entry import Kind

ROOT = Path(__file__).resolve().parents[1]
DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = [
    *ROOT.glob("*.py"),
    *(path for name in ("firedoor", "workflows", "activities") for path in (ROOT / name).rglob("*.py")),
]


def text_of(name: str) -> str:
    """A file of the repository."""
    return (ROOT / name).read_text()


def blocks(language: str) -> Iterator[object]:
    """Every code block of a language in the docs, with its place as the test's id."""
    for path in DOCS:
        text = path.read_text()
        for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 2
            yield pytest.param(match[1], id=f"{path.relative_to(ROOT)}:{line}")


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in pages()])
def test_generated_pages_are_current(path: Path) -> None:
    """`make docs` would change nothing."""
    assert path.read_text() == pages()[path], "run `make docs`"


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCS])
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link names a file that exists."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_messages_name_pages_that_exist() -> None:
    """A page of the docs that code or an error message mentions is there."""
    named = {
        (str(path.relative_to(ROOT)), page)
        for path in [*SOURCES, *DOCS]
        for page in re.findall(r"docs/[a-z-]+/(?:[a-z-]+\.md|\d{4})", path.read_text())
    }
    assert [one for one in sorted(named) if not list(ROOT.glob(f"{one[1]}*"))] == []


@pytest.mark.parametrize("model", [Settings, Aws, AwsAccount, Person, Notify, Limit])
def test_every_setting_is_documented(model: type[BaseModel]) -> None:
    """The settings page has a row for each field."""
    page = text_of("docs/reference/settings.md")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    tables = set(re.findall(r"^## `\[(\w+)", page, re.MULTILINE))
    assert set(model.model_fields) <= rows | tables


def test_every_variable_is_documented() -> None:
    """The settings page names each variable that `config.py` reads."""
    code = text_of("firedoor/config.py")
    read = set(re.findall(r'"(FIREDOOR_[A-Z]+)"', code))
    listed = re.search(r"for name in \(([^)]+)\)", code)
    assert listed is not None
    read |= {f"FIREDOOR_{name.upper()}" for name in re.findall(r'"(\w+)"', listed[1])}
    page = text_of("docs/reference/settings.md")
    assert sorted(name for name in read if f"`{name}`" not in page) == []


def test_every_kind_of_entry_is_documented() -> None:
    """The timeline page names each kind, and none that does not exist."""
    table = re.search(r"^## Kinds\n(.*?)^## ", text_of("docs/reference/timeline.md"), re.MULTILINE | re.DOTALL)
    assert table is not None
    rows = "".join(re.findall(r"^\| [a-z ]+ \| (`.*) \|$", table[1], re.MULTILINE))
    assert set(re.findall(r"`([a-z_.]+)`", rows)) == {kind.value for kind in Kind}


@pytest.mark.parametrize("action", sorted(STEPS))
def test_every_step_documents_itself(action: str) -> None:
    """A contract says what it does, where the API is described, and what each field means."""
    step = STEPS[action]
    # The API of a credential verb is the provider's: docs/reference/providers.md has its page for each. A file has none.
    if not action.startswith(("credential.", "customers.", "inventory.")):
        assert "https://" in (step.__doc__ or ""), "name the page that describes the API"
    undescribed = [
        name for model in (step, step.result) for name, field in model.model_fields.items() if not field.description
    ]
    assert undescribed == []


def typed(path: Path) -> str:
    """What a page tells people to type: its shell blocks and inline code, one command a line."""
    text = path.read_text()
    shell = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([shell.replace(" && ", "\n"), *inline])


def test_commands_in_the_docs_exist() -> None:
    """Each `firedoor VERB` that the docs tell people to type is a verb."""
    verbs = {verb.name for verb in VERBS}
    named = {
        (str(path.relative_to(ROOT)), verb)
        for path in DOCS
        for verb in re.findall(r"^firedoor ([a-z]+)", typed(path), re.MULTILINE)
    }
    assert named
    assert [one for one in sorted(named) if one[1] not in verbs] == []


def test_make_targets_in_the_docs_exist() -> None:
    """Each `make TARGET` that the docs tell people to type is a target."""
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    named = {target for path in DOCS for target in re.findall(r"^make ([a-z]+)", typed(path), re.MULTILINE)}
    assert {"drill", "test"} <= named <= targets


@pytest.mark.parametrize("block", list(blocks("yaml")))
def test_runbooks_in_the_docs_compile(block: str) -> None:
    """Every runbook that the docs show is one that the compiler takes."""
    assert compile_runbook(block).steps


@pytest.mark.parametrize("block", list(blocks("toml")))
def test_settings_in_the_docs_load(block: str, tmp_path: Path) -> None:
    """Every settings file that the docs show loads."""
    file = tmp_path / "firedoor.toml"
    file.write_text(block)
    assert load({"HOME": str(tmp_path), "FIREDOOR_CONFIG": str(file)}) != load({"HOME": str(tmp_path)})


def test_every_page_is_listed() -> None:
    """The start page of the docs leads to each how-to, each reference and each runbook's page."""
    index = text_of("docs/README.md")
    folders = ("how-to", "reference", "runbooks")
    found = [path for name in folders for path in sorted((ROOT / "docs" / name).glob("*.md"))]
    assert found
    assert [path.name for path in found if f"({path.parent.name}/{path.name})" not in index] == []


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in sorted((ROOT / "runbooks").glob("*"))])
def test_every_runbook_has_a_page(path: Path) -> None:
    """It names each step, input and clock, who is asked, what it needs, what it does not do, how it is rehearsed."""
    plan, page = compile_runbook(path), text_of(f"docs/runbooks/{path.stem}.md")
    names = {name for row in re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert names == {step.id for step in plan.steps} | plan.inputs.keys() | {clock.name for clock in plan.clocks}
    for heading in ("What it needs", "What it does not do", "Rehearse"):
        assert f"\n## {heading}\n" in page
    assert f"firedoor drill {path.stem}\n" in page
    roles = {source for policy in plan.policies.values() for source in policy.sources}
    assert [role for role in roles if role.startswith("role:") and f"`{role}`" not in page] == []


def test_decisions_are_listed() -> None:
    """The list of decisions has each of them."""
    index = text_of("docs/adr/README.md")
    assert [path.name for path in sorted((ROOT / "docs/adr").glob("0*.md")) if path.name not in index] == []


def test_what_a_newcomer_types_stands_at_the_top() -> None:
    """The README begins with the two commands that work in a fresh clone."""
    assert re.findall(r"^make (\w+)", text_of("README.md"), re.MULTILINE)[:2] == ["drill", "test"]
