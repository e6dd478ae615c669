"""The data of deadlines: what ships is whole and says how sure it is; a file of one's own stands above it."""

from pathlib import Path

import pytest

from firedoor.deadlines.regimes import limits_of, regimes, shipped
from firedoor.errors import UsageError

HEAD = 'version = "1"\n[x]\ntitle = "X"\nsource = "here"\nreviewed = "2026-11-29"\n'


def test_each_regime_of_the_reference_is_there() -> None:
    """With source, review and version; what is not sure is marked."""
    found = shipped()
    assert set(found) == {
        *("gdpr", "uk-gdpr", "nis2", "dora", "cra-incident", "cra-vulnerability", "sec-8k-1.05", "nydfs"),
        *("california", "new-york", "colorado", "florida", "texas", "hipaa", "circia", "pci-dss"),
        *("australia-ndb", "ccpa", "pipeda"),
    }
    assert all(one.source and one.reviewed and one.data for one in found.values())
    unsure = {
        f"{name}/{key}"
        for name, one in found.items()
        for key, stage in one.stages.items()
        if (stage.confidence or one.confidence) == "unverified"
    }
    assert unsure >= {"dora/intermediate", "circia/incident", "texas/residents"}


@pytest.mark.parametrize(
    ("regime", "stage", "terms"),
    [
        ("gdpr", "authority", [("aware", 72, "hours")]),
        ("gdpr", "controller", [("aware", 0, "hours")]),
        ("nis2", "early_warning", [("aware", 24, "hours")]),
        ("nis2", "final", [("notification.met", 1, "months")]),
        ("dora", "initial", [("classified", 4, "hours"), ("aware", 24, "hours")]),
        ("dora", "intermediate", [("initial.met", 72, "hours")]),
        ("cra-vulnerability", "final", [("fix_available", 14, "days")]),
        ("sec-8k-1.05", "filing", [("materiality_decided", 4, "business_days")]),
        ("nydfs", "notice", [("classified", 72, "hours")]),
        ("california", "attorney_general", [("residents.met", 15, "days")]),
        ("circia", "ransom", [("ransom_paid", 24, "hours")]),
        ("hipaa", "individuals", [("aware", 60, "days")]),
    ],
)
def test_the_terms_are_those_of_the_reference(regime: str, stage: str, terms: list[tuple[str, int, str]]) -> None:
    """Moment, amount, unit."""
    assert [(one.after, one.amount, one.unit) for one in limits_of(shipped()[regime].stages[stage])] == terms


def test_ones_own_file_adds_and_replaces(tmp_path: Path) -> None:
    """By the id of the regime; the rest stays."""
    file = tmp_path / "own.toml"
    file.write_text(HEAD.replace("[x]", "[gdpr]") + '[gdpr.stages.ours]\nlimits = [{after = "detected", amount = 9}]\n')
    found = regimes(str(file))
    assert (list(found["gdpr"].stages), found["gdpr"].data) == (["ours"], "1")
    assert found["nis2"] == shipped()["nis2"]


def test_the_file_in_the_docs_loads(tmp_path: Path) -> None:
    """Whoever copies it has a regime."""
    page = (Path(__file__).resolve().parents[2] / "docs/how-to/clocks.md").read_text()
    file = tmp_path / "own.toml"
    file.write_text(page.partition("# ~/deadlines.toml\n")[2].partition("```")[0])
    assert limits_of(regimes(str(file))["house-rule"].stages["board"])[0].calendar == "DE-BE"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("version = ", "own.toml: Invalid value"),
        pytest.param("version = " + "[" * 50_000, "own.toml: it is nested too deeply", id="bomb"),
        ("[x]\n", "it has no version"),
        ('version = "1"\nx = 3\n', "own.toml: x: Input should be a valid dictionary"),
        (HEAD, "x.stages: Field required"),
        (f"{HEAD}[x.stages.a]\nlimits = []\n", "x.stages.a.limits: "),
        (f'{HEAD}[x.stages.a]\nlimits = [{{after = "b.met"}}]\n', "x.a: b.met starts nothing"),
        (f'{HEAD}[x.stages.a]\nlimits = [{{after = "aware", zone = "Nowhere"}}]\n', "x.a: Nowhere is no time zone"),
        (f'{HEAD}[x.stages.a]\nlimits = [{{after = "aware", ammount = 3}}]\n', "x.stages.a.limits.0.ammount: "),
    ],
)
def test_mistakes_in_it_are_said(tmp_path: Path, text: str, sentence: str) -> None:
    """With the file and the field, before anything starts."""
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        regimes(str(file))
    assert sentence in error.value.what
    assert error.value.next == "docs/how-to/clocks.md says what a file of regimes looks like."


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """And not taken for an empty one."""
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read: No such file"):
        regimes(str(tmp_path / "none.toml"))
