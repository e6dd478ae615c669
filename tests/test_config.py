"""Settings: one file, some variables, and a sentence for what is wrong."""

from pathlib import Path

import pytest

from firedoor.cli import checks
from firedoor.cli.identity import responder
from firedoor.config import LIMITS, Limit, Notify, Settings, default_limits, load, local_identity
from firedoor.errors import UsageError


def written(tmp_path: Path, text: str) -> dict[str, str]:
    """An environment whose home has this `firedoor.toml`."""
    (tmp_path / "firedoor.toml").write_text(text)
    return {"FIREDOOR_HOME": str(tmp_path)}


def test_file_and_variables(tmp_path: Path) -> None:
    """Variables override the file; only what is named is read of the environment."""
    environment = written(tmp_path, 'log = "example.test/log"\n[roles]\nsecurity = ["user:ada"]\n')
    environment |= {
        "FIREDOOR_TASK_QUEUE": "other",
        "FIREDOOR_SECRET_OPENAI": "fake",
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "PATH": "/bin",
    }
    settings = load(environment)
    assert (settings.log, settings.task_queue) == ("example.test/log", "other")
    assert settings.roles_of("user:ada") == ("security",)
    assert settings.roles_of("user:bob") == ()
    assert settings.temporal_environment == {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    assert settings.secret_environment == {"FIREDOOR_SECRET_OPENAI": "fake"}
    assert "fake" not in repr(settings)


def test_without_anything_there_are_defaults(tmp_path: Path) -> None:
    """No file, no variables: a folder in the user's home."""
    assert load({"HOME": str(tmp_path)}).home == tmp_path / ".firedoor"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("log = ", "is not valid TOML"),
        pytest.param("log = " + "[" * 50_000, "is nested too deeply", id="bomb"),
        ("[aws]\nregon = 'x'\n", "aws.regon: Extra inputs are not permitted"),
        ("[aws]\nsettle_seconds = 'soon'\n", "aws.settle_seconds: Input should be a valid number"),
        (
            "[people.ada]\nidentities = ['os:ada']\n[people.bob]\nidentities = ['os:ada']\n",
            "people: os:ada is an identity of ada and of bob, and can be one's.",
        ),
        ("[people.ada]\nidentities = ['ada']\n", "people.ada.identities.0: String should match pattern"),
        ("[people.'os:ada']\nidentities = []\n", "people.os:ada.[key]: String should match pattern"),
        ("[groups]\n'slack:@security' = ['ada']\n", "groups.slack:@security.0: String should match pattern"),
        ("[limits]\n'aws.iamm' = {rate = 1, burst = 1}\n", "limits: aws.iamm is none of aws.iam, "),
        ("[limits]\n'aws.iam' = {rate = inf, burst = 1}\n", "limits.aws.iam.rate: Input should be"),
        ("[limits]\n'aws.iam' = {rate = 0, burst = 1}\n", "limits.aws.iam.rate: Input should be greater"),
        ("[limits]\n'aws.iam' = {rate = 1, burst = 0}\n", "limits.aws.iam.burst: Input should be greater"),
        ("[notify]\ncommand = ['page']\n", "notify.command: 'page' is not the whole path of a program."),
        ("deployment = 'a.b'\n", "deployment: String should match pattern"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """The file, the field, the reason."""
    with pytest.raises(UsageError) as caught:
        load(written(tmp_path, text))
    assert str(tmp_path / "firedoor.toml") in caught.value.what
    assert sentence in caught.value.what


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A variable that names no file is a mistake, not a default."""
    with pytest.raises(UsageError, match=r"FIREDOOR_CONFIG names .*, which does not exist"):
        load({"FIREDOOR_HOME": str(tmp_path), "FIREDOOR_CONFIG": str(tmp_path / "gone.toml")})


WHO = """
[people.ada]
identities = ["os:ada.l", "slack:T01/U02", "oidc:ada@example.com"]
[people.grace]
identities = ["os:bob"]
[roles]
security = ["user:ada", "user:dan"]
[groups]
"slack:@security" = ["user:ada", "user:grace"]
"""


def who(tmp_path: Path) -> Settings:
    """Settings that know some people."""
    return load(written(tmp_path, WHO))


@pytest.mark.parametrize("identity", ["os:ada.l", "slack:T01/U02", "oidc:ada@example.com"])
def test_one_person_by_every_door(tmp_path: Path, identity: str) -> None:
    """However ada comes in she is one principal, and counts once."""
    settings = who(tmp_path)
    assert settings.principal_of(identity) == "user:ada"
    assert settings.roles_of("user:ada") == ("security",)
    assert settings.groups_of("user:ada") == ("slack:@security",)


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        ("os:dan", "user:dan"),  # Nobody's, and no person has the name.
        ("os:ada", "user:os:ada"),  # A user who calls themselves ada is not the ada of the settings.
        ("os:grace", "user:os:grace"),
        ("os:bob", "user:grace"),
        ("slack:T01/U99", "user:slack:T01/U99"),
        ("slack:ada", "user:slack:ada"),
        ("oidc:ada", "user:oidc:ada"),
        ("os:", "user:"),
    ],
)
def test_nobody_becomes_somebody_else(tmp_path: Path, identity: str, principal: str) -> None:
    """A name alone makes nobody the person of that name; only a listed identity does."""
    assert who(tmp_path).principal_of(identity) == principal


def test_names_of_people_cannot_be_those_of_strangers(tmp_path: Path) -> None:
    """No person can be called as an identity that belongs to nobody: there is a colon in it."""
    settings = who(tmp_path)
    strangers = {settings.principal_of(one) for one in ("os:ada", "slack:ada", "oidc:ada")}
    assert strangers.isdisjoint({f"user:{name}" for name in settings.people})
    assert len(strangers) == 3


def test_members_of_a_policy(tmp_path: Path) -> None:
    """Roles, groups and people: everybody once."""
    sources = ("role:security", "slack:@security", "user:eve", "slack:@unknown", "role:unknown")
    assert who(tmp_path).members(sources) == ("user:ada", "user:dan", "user:eve", "user:grace")


def test_variables_make_nobody_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user id says who somebody is; LOGNAME and USER say what they would like to be."""
    before = local_identity()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert local_identity() == before


def test_the_local_user_is_a_responder_with_everything_known(tmp_path: Path) -> None:
    """The terminal says how it knows somebody, and what the settings give them."""
    text = f"""
[people.ada]
identities = ["{local_identity()}"]
[roles]
security = ["user:ada"]
[groups]
"slack:@oncall" = ["user:ada"]
"""
    found = responder(load(written(tmp_path, text)))
    assert (found.principal, found.auth, found.identity) == ("user:ada", "os", local_identity())
    assert (found.roles, found.groups) == (("security",), ("slack:@oncall",))


def test_limits_that_are_not_given_have_their_defaults(tmp_path: Path) -> None:
    """One changed limit leaves the others as they are."""
    settings = load(written(tmp_path, '[limits]\n"aws.iam" = {rate = 3.5, burst = 7}\n'))
    assert settings.limits == {**default_limits(), "aws.iam": Limit(rate=3.5, burst=7)}
    assert Settings(home=tmp_path).limits == default_limits()
    assert default_limits()["openai"].rate == 5
    assert LIMITS["aws.cloudtrail"].rate == 2
    assert LIMITS["aws.ssm"].rate < 40, "the Parameter Store is not for firedoor alone"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("sk-ant-canary", "must be a reference such as env:FIREDOOR_SECRET_NAME, file:/PATH, aws-sm:…"),
        ("user:canary", "must be a reference such as"),
        ("env:HOME", "must be a reference such as"),
        ("file:relative", "must be a reference such as"),
        ("braintrust:ai_secret/X", "cannot be read from Braintrust, which never shows the values that it holds"),
        ("vault:canary", "names no place of Vault or OpenBao (KV version 2): it looks like vault:secret/gateway"),
    ],
)
def test_a_secret_is_a_reference_that_can_be_read(tmp_path: Path, value: str, why: str) -> None:
    """Found when the settings are read; what stands there is not repeated: it may be the secret itself."""
    with pytest.raises(UsageError) as raised:
        load(written(tmp_path, f'[providers.openai]\nadmin_key = "{value}"\n'))
    assert f"openai.admin_key {why}" in str(raised.value)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    ("tables", "schemes"),
    [
        ({"vault": "vault:secret/x"}, "vault"),
        ({"vault": "doppler:a/b/C", "doppler": "vault:secret/x"}, "doppler, vault"),
        ({"vault": "aws-sm:x", "doppler": "vault:secret/x"}, ""),
    ],
)
def test_stores_whose_secrets_lie_in_one_another(tmp_path: Path, tables: dict[str, str], schemes: str) -> None:
    """Nobody could open the first; a chain that ends somewhere is all right."""
    variables = written(tmp_path, "".join(f'[sinks.{name}]\ntoken = "{place}"\n' for name, place in tables.items()))
    if not schemes:
        assert load(variables).sinks.keys() == tables.keys()
        return
    with pytest.raises(UsageError, match=f"the secrets of {schemes} lie in one another"):
        load(variables)


def test_doctor_says_who_you_are(tmp_path: Path) -> None:
    """Also that you are nobody's, where the settings know somebody of your name."""
    name = local_identity().removeprefix("os:")
    found = checks.you(Settings(home=tmp_path))
    assert (found.level, found.says) == ("ok", f"user:{name}, as os:{name}; roles: none")
    found = checks.you(load(written(tmp_path, f'[people."{name}"]\nidentities = ["oidc:x"]\n')))
    assert found.level == "warn"
    assert f"user:os:{name}, as os:{name}" in found.says


def test_doctor_looks_at_those_who_decide(tmp_path: Path) -> None:
    """Names in roles that lead to nobody, and a program for notices that is not there."""
    settings = load(written(tmp_path, WHO + "[notify]\ncommand = ['/no/such/page']\n"))
    [unknown] = checks.people(settings, [])
    assert "name user:dan, and `[people]` does not" in unknown.says
    assert checks.notify(settings).level == "fail"
    assert checks.notify(Settings(home=tmp_path)).level == "warn"
    assert checks.notify(Settings(home=tmp_path, notify=Notify(command=("/bin/sh",)))).level == "ok"
