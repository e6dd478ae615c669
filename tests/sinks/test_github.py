"""GitHub as a sink: sealed boxes, marks, and what can and cannot be noticed in a store that shows nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from activities._http import Http, Reply, Request
from firedoor.drill.fakes._fake import Asked, Fault, Said
from firedoor.drill.fakes.doppler import FakeDoppler
from firedoor.drill.fakes.github_secrets import FakeGitHubSecrets
from firedoor.errors import StepError
from firedoor.incident import Outcome, Preview
from tests.faking import Fakes
from tests.killing import Killed, attempt, killed_everywhere
from tests.sinks.conftest import Stage, Staging

NAME = "OPENAI_API_KEY"
PLACE = f"github:actions/acme/gateway/{NAME}"
STORE = "/repos/acme/gateway/actions/secrets"
ORGANIZATION = f"github:actions/acme/{NAME}"
ORGANIZATIONS = "/orgs/acme/actions/secrets"
PLACES = {
    PLACE: STORE,
    f"github:actions/acme/gateway/{NAME}?environment=production": "/repos/acme/gateway/environments/production/secrets",
    f"github:dependabot/acme/gateway/{NAME}": "/repos/acme/gateway/dependabot/secrets",
    f"github:codespaces/acme/gateway/{NAME}": "/repos/acme/gateway/codespaces/secrets",
    ORGANIZATION: ORGANIZATIONS,
    f"github:dependabot/acme/{NAME}": "/orgs/acme/dependabot/secrets",
    f"github:codespaces/acme/{NAME}": "/orgs/acme/codespaces/secrets",
}


@pytest.fixture
def github(fakes: Fakes) -> FakeGitHubSecrets:
    """All its stores, empty."""
    return fakes(FakeGitHubSecrets())


@pytest.fixture
def stage(staging: Staging, github: FakeGitHubSecrets) -> Stage:
    """firedoor may write there, and the leaked key is in every store, selected for two repositories of acme."""
    made = staging(github={"base_url": github.url, "token": github.token})
    for store in github.stores:
        among = ("selected", (7, 8)) if store.startswith("/orgs") else ("", ())
        github.write(store, NAME, made.key.value, *among)
        github.write(store, "OTHER", "kept", *among)
    return made


@pytest.mark.parametrize(("place", "store"), PLACES.items(), ids=PLACES)
@pytest.mark.parametrize("mode", ["breach", "rotation"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_call_it_ends_with_the_one_new_key(
    stage: Stage,
    github: FakeGitHubSecrets,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    store: str,
    mode: str,
    *,
    after: bool,
) -> None:
    """GitHub holds the key that OpenAI has, for those who could use the old one; one mark is left, and nobody's.

    In mode rotation GitHub never holds a key that is deleted, whatever is repeated.
    """
    kept = github.stores[store]
    answer, gaps = stage.openai.answer, list[str]()

    def watched(asked: Asked) -> Said:
        said = answer(asked)
        gaps.extend([asked.path] if kept[NAME].value not in {key.value for key in stage.openai.keys.values()} else [])
        return said

    monkeypatch.setattr(stage.openai, "answer", watched)
    stage.killed(monkeypatch, place, mode=mode, after=after)
    assert not gaps or mode == "breach"
    (left,) = stage.openai.keys.values()
    (mark,) = kept.keys() - {NAME, "OTHER"}
    assert mark.startswith("FIREDOOR_")
    assert "canary" not in kept[mark].value
    assert kept[NAME].value == left.value
    assert kept["OTHER"].value == "kept"
    if store.startswith("/orgs"):
        assert (kept[NAME].visibility, kept[NAME].selected) == ("selected", [7, 8])
        assert (kept[mark].visibility, kept[mark].selected) == ("selected", [])


@pytest.mark.parametrize("mode", ["breach", "rotation"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_secret_that_does_not_exist_yet_is_made(
    stage: Stage, github: FakeGitHubSecrets, monkeypatch: pytest.MonkeyPatch, mode: str, *, after: bool
) -> None:
    """Killed at each call as well."""
    del github.stores[STORE][NAME]
    stage.killed(monkeypatch, PLACE, mode=mode, after=after)
    (left,) = stage.openai.keys.values()
    assert github.stores[STORE][NAME].value == left.value


def test_a_write_whose_answer_was_lost_is_known_again(stage: Stage, github: FakeGitHubSecrets) -> None:
    """In mode rotation no moment may come in which GitHub holds a key that is deleted: it is not written twice."""
    github.faults.append(Fault("PUT", f".*/{NAME}", lose_reply=True))
    credential = _credential(stage)
    preview, error = attempt(stage.clients, "credential.rotate", credential=credential, into=[PLACE], mode="rotation")
    assert isinstance(error, StepError)
    assert error.retryable
    written = github.stores[STORE][NAME].value
    _, ended = attempt(
        stage.clients, "credential.rotate", preview, credential=credential, into=[PLACE], mode="rotation"
    )
    assert isinstance(ended, Outcome)
    (left,) = stage.openai.keys.values()
    assert written == github.stores[STORE][NAME].value == left.value


def test_a_second_rotation_replaces_the_mark_of_the_first(stage: Stage, github: FakeGitHubSecrets) -> None:
    """One entry a secret is all that is ever left; those of other secrets stay."""
    stage.rotated(PLACE)
    first = github.stores[STORE].keys() - {NAME, "OTHER"}
    other = next(iter(first)).removesuffix(NAME) + "OTHER"
    github.write(STORE, other, "of another secret")
    again = stage.openai.plant("gateway")
    credential = {"provider": "openai", "id": again.id, "scope": again.project, "name": "gateway"}
    _, ended = attempt(stage.clients, "credential.rotate", credential=credential, into=[PLACE], mode="breach")
    assert isinstance(ended, Outcome)
    left = github.stores[STORE].keys() - {NAME, "OTHER"}
    assert len(left) == 2
    assert left & first == set()
    assert other in left


def test_a_change_by_somebody_else_is_not_overwritten(
    stage: Stage, github: FakeGitHubSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes while the new key is made: firedoor sees it, and deletes that key again."""
    answer = stage.openai.answer

    def sabotage(asked: Asked) -> Said:
        said = answer(asked)
        if asked.method == "POST":
            github.write(STORE, NAME, "theirs")
        return said

    monkeypatch.setattr(stage.openai, "answer", sabotage)
    error = refused(stage, PLACE)
    assert error.reason == "conflict"
    assert f"{PLACE} was changed by somebody else" in error.what
    assert github.stores[STORE][NAME].value == "theirs"
    assert github.stores[STORE].keys() == {NAME, "OTHER"}
    assert list(stage.openai.keys) == [stage.key.id]


def test_a_change_long_after_the_mark_is_not_taken_for_its_own(
    stage: Stage, github: FakeGitHubSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """firedoor died between mark and value, and somebody wrote an hour later: that is theirs, and a conflict."""
    preview = _dies_before_the_value(stage, monkeypatch)
    github.clock += timedelta(hours=1)
    github.write(STORE, NAME, "theirs")
    _, ended = attempt(
        stage.clients, "credential.rotate", preview, credential=_credential(stage), into=[PLACE], mode="rotation"
    )
    assert isinstance(ended, StepError)
    assert ended.reason == "conflict"
    assert github.stores[STORE][NAME].value == "theirs"
    assert github.stores[STORE].keys() == {NAME, "OTHER"}
    assert list(stage.openai.keys) == [stage.key.id]


def test_a_mark_of_the_same_second_as_the_old_value_proves_nothing(
    stage: Stage, github: FakeGitHubSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """firedoor died between mark and value, within the second in which the old value was written: it writes."""
    github.tick = timedelta()
    github.write(STORE, NAME, stage.key.value)
    preview = _dies_before_the_value(stage, monkeypatch)
    github.tick = timedelta(seconds=1)
    _, ended = attempt(
        stage.clients, "credential.rotate", preview, credential=_credential(stage), into=[PLACE], mode="rotation"
    )
    assert isinstance(ended, Outcome)
    (left,) = stage.openai.keys.values()
    assert github.stores[STORE][NAME].value == left.value


def test_killed_while_it_writes_for_the_second_time(
    stage: Stage, github: FakeGitHubSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first store has its value, the second one not; then the same again with the key that replaced the lost one."""
    first, second = list(PLACES)[:2]
    died = _dies_before_the_value(stage, monkeypatch, into=(first, second), store=PLACES[second])
    died = _dies_before_the_value(stage, monkeypatch, died, into=(first, second), store=PLACES[first])
    _, ended = attempt(
        stage.clients, "credential.rotate", died, credential=_credential(stage), into=[first, second], mode="rotation"
    )
    assert isinstance(ended, Outcome)
    (left,) = stage.openai.keys.values()
    assert {github.stores[PLACES[place]][NAME].value for place in (first, second)} == {left.value}


def test_what_cannot_be_noticed(stage: Stage, github: FakeGitHubSecrets) -> None:
    """As docs/reference/sinks.md says: after our last look, and within the same second."""
    github.meanwhile += [lambda: None, lambda: github.write(STORE, NAME, "theirs")]
    stage.rotated(PLACE)
    assert "theirs" not in {kept.value for kept in github.stores[STORE].values()}
    github.tick = timedelta()
    sink = stage.clients.sink(PLACE)
    before = sink.look().version
    github.write(STORE, NAME, "theirs")
    assert sink.look().version == before


def test_two_writes_within_a_second_are_not_claimed(stage: Stage, github: FakeGitHubSecrets) -> None:
    """GitHub took the value, and its time did not move: that is tried again until it does."""
    github.tick = timedelta()
    github.write(STORE, NAME, stage.key.value)
    error = refused(stage, PLACE)
    assert error.reason == "not_stable"
    assert error.retryable
    assert "does not say yet that it changed" in error.what


@pytest.mark.parametrize("visibility", ["all", "private"])
def test_who_may_use_a_secret_of_an_organization_stays(
    stage: Stage, github: FakeGitHubSecrets, visibility: str
) -> None:
    """And is part of the evidence."""
    github.write(ORGANIZATIONS, NAME, "old", visibility)
    ended = stage.rotated(ORGANIZATION)
    assert github.stores[ORGANIZATIONS][NAME].visibility == visibility
    assert any(f"Its visibility is {visibility}" in one.says for one in ended.evidence)


def test_many_selected_repositories_and_many_secrets_are_read_to_the_end(
    stage: Stage, github: FakeGitHubSecrets
) -> None:
    """More than a page of each."""
    for number in range(150):
        github.write(ORGANIZATIONS, f"A_{number}", "x", "all")
    github.write(ORGANIZATIONS, NAME, "old", "selected", tuple(range(250)))
    stage.rotated(ORGANIZATION)
    assert github.stores[ORGANIZATIONS][NAME].selected == list(range(250))


def test_a_new_secret_of_an_organization_needs_a_word_about_who_may_use_it(
    stage: Stage, github: FakeGitHubSecrets
) -> None:
    """Nothing is written to all repositories because nobody said anything."""
    del github.stores[ORGANIZATIONS][NAME]
    error = refused(stage, ORGANIZATION)
    assert "it is not said who may use it" in error.what
    assert NAME not in github.stores[ORGANIZATIONS]
    assert list(stage.openai.keys) == [stage.key.id]
    stage.rotated(f"{ORGANIZATION}?visibility=private")
    assert github.stores[ORGANIZATIONS][NAME].visibility == "private"


@pytest.mark.parametrize(
    ("place", "spoil", "reason", "what"),
    [
        (PLACE, lambda fake: setattr(fake, "may_write", False), "permission_missing", "which needs Secrets: write"),
        (
            f"github:dependabot/acme/{NAME}",
            lambda fake: setattr(fake, "may_write", False),
            "permission_missing",
            "which needs Organization dependabot secrets: write",
        ),
        (
            PLACE,
            lambda fake: setattr(fake, "token", "another"),
            "credentials_expired",
            "does not accept the credential",
        ),
        ("github:actions/acme/absent/X", lambda fake: None, "not_found", "GitHub shows no acme/absent to the token"),
        (
            f"{PLACE}?environment=staging/eu",
            lambda fake: None,
            "not_found",
            "GitHub shows no acme/gateway/staging/eu to the token",
        ),
        ("github:codespaces/absent/X", lambda fake: None, "not_found", "GitHub shows no absent to the token"),
        (
            f"{ORGANIZATION}?environment=x",
            lambda fake: None,
            "invalid_arguments",
            "only repositories have environments",
        ),
        (PLACE, lambda fake: fake.faults.append(_limited(fake)), "throttled", "is throttling firedoor"),
        (PLACE, lambda fake: fake.faults.append(_keyless()), "provider_error", "public key is none"),
    ],
    ids=["read-only", "read-only-org", "token", "repository", "environment", "org", "where", "limit", "key"],
)
def test_what_cannot_be_written_is_a_sentence(
    stage: Stage,
    github: FakeGitHubSecrets,
    place: str,
    spoil: Callable[[FakeGitHubSecrets], object],
    reason: str,
    what: str,
) -> None:
    """What is wrong is said; every secret is as it was, and where it is no use to try again, no key is left over."""
    spoil(github)
    before = {path: dict(store) for path, store in github.stores.items()}
    error = refused(stage, place)
    assert error.reason == reason
    assert what in error.what
    assert "canary" not in str(error)
    assert github.stores == before
    if not error.retryable:
        assert list(stage.openai.keys) == [stage.key.id]


@pytest.mark.parametrize(
    "text", ["github:actions/acme/gateway/GITHUB_X", "github:actions/acme/gateway/github_x", "github:agents/a/b/X"]
)
def test_a_name_that_github_does_not_allow_reaches_nobody(stage: Stage, text: str) -> None:
    """Found before anything is sent."""
    with pytest.raises(StepError, match="names no place for a secret"):
        stage.clients.sink(text)


def test_the_two_tables_of_github_are_told_apart(stage: Stage, github: FakeGitHubSecrets) -> None:
    """The provider has a table of its own, with the same name and address."""
    github.token = "another"
    assert "[sinks.github]" in refused(stage, PLACE).next


def test_a_value_refused_after_the_mark_leaves_neither(stage: Stage, github: FakeGitHubSecrets) -> None:
    """Larger than GitHub takes, say: mark and key are deleted again."""
    github.faults.append(Fault("PUT", f".*/{NAME}", instead=Said(422, {"message": "Value is too large"})))
    error = refused(stage, PLACE)
    assert "Value is too large" in error.what
    assert github.stores[STORE].keys() == {NAME, "OTHER"}
    assert github.stores[STORE][NAME].value == stage.key.value
    assert list(stage.openai.keys) == [stage.key.id]


def test_two_stores_and_one_that_can_be_read(fakes: Fakes, staging: Staging, github: FakeGitHubSecrets) -> None:
    """Killed between them, all of them end with the same key."""
    doppler = fakes(FakeDoppler())
    stage = staging(
        doppler={"base_url": doppler.url, "token": doppler.token},
        github={"base_url": github.url, "token": github.token},
    )
    doppler.secrets_now["OPENAI"] = stage.key.value
    into = ["doppler:gateway/prd/OPENAI", *list(PLACES)[:3]]
    for store in list(PLACES.values())[:3]:
        github.write(store, NAME, stage.key.value)
    credential = _credential(stage)
    preview = None
    for store in list(PLACES.values())[:3]:
        github.faults.append(Fault("PUT", f"{store}/{NAME}", lose_reply=True))
        given, ended = attempt(
            stage.clients, "credential.rotate", preview, credential=credential, into=into, mode="breach"
        )
        assert isinstance(ended, StepError)
        preview = preview or given
    _, ended = attempt(stage.clients, "credential.rotate", preview, credential=credential, into=into, mode="breach")
    assert isinstance(ended, Outcome)
    (left,) = stage.openai.keys.values()
    assert doppler.secrets_now["OPENAI"] == left.value
    assert {github.stores[store][NAME].value for store in list(PLACES.values())[:3]} == {left.value}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_beside_a_store_that_can_be_read_it_never_holds_a_deleted_key(
    fakes: Fakes, staging: Staging, github: FakeGitHubSecrets, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    """In whichever order they are named: the other is written first, and the value found there again."""
    doppler = fakes(FakeDoppler())
    stage = staging(
        doppler={"base_url": doppler.url, "token": doppler.token},
        github={"base_url": github.url, "token": github.token},
    )
    doppler.secrets_now["OPENAI"] = stage.key.value
    github.write(STORE, NAME, stage.key.value)
    answer, gaps = stage.openai.answer, list[str]()

    def watched(asked: Asked) -> Said:
        said = answer(asked)
        alive = {key.value for key in stage.openai.keys.values()}
        gaps.extend([asked.path] if github.stores[STORE][NAME].value not in alive else [])
        return said

    arguments: dict[str, Any] = {"credential": _credential(stage), "into": [PLACE, "doppler:gateway/prd/OPENAI"]}
    with monkeypatch.context() as patched:
        patched.setattr(stage.openai, "answer", watched)
        ended, points = killed_everywhere(
            patched,
            lambda earlier: attempt(stage.clients, "credential.rotate", earlier, **arguments, mode="rotation"),
            after=after,
        )
    assert isinstance(ended, Outcome), ended
    assert points > 10
    assert gaps == []
    (left,) = stage.openai.keys.values()
    assert github.stores[STORE][NAME].value == doppler.secrets_now["OPENAI"] == left.value


def test_a_secret_is_no_reference(stage: Stage) -> None:
    """Nobody can read it."""
    with pytest.raises(StepError, match="never shows the values"):
        stage.clients.secret(PLACE)


def _dies_before_the_value(
    stage: Stage,
    patching: pytest.MonkeyPatch,
    earlier: Preview | None = None,
    *,
    into: tuple[str, ...] = (PLACE,),
    store: str = STORE,
) -> Preview:
    """An attempt whose worker dies when the mark is written to a store and the value is not."""
    send = Http.send

    def dying(http: Http, request: Request) -> Reply:
        if request.method == "PUT" and request.path == f"{store}/{NAME}":
            raise Killed
        return send(http, request)

    with patching.context() as patched:
        patched.setattr(Http, "send", dying)
        preview, ended = attempt(
            stage.clients, "credential.rotate", earlier, credential=_credential(stage), into=into, mode="rotation"
        )
    assert isinstance(ended, Killed)
    return earlier or preview


def _credential(stage: Stage) -> dict[str, str]:
    return {"provider": "openai", "id": stage.key.id, "scope": stage.key.project, "name": "gateway"}


def _limited(github: FakeGitHubSecrets) -> Fault:
    """The primary limit: a 403 that is none."""
    said = Said(403, {"message": "API rate limit exceeded"}, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"})
    return Fault("PUT", ".*", instead=said)


def _keyless() -> Fault:
    return Fault("GET", ".*/public-key", instead=Said(200, {"key_id": "1", "key": "AAAA"}))


def refused(stage: Stage, place: str) -> StepError:
    """A rotation in mode rotation that ends with an error."""
    try:
        _, ended = attempt(
            stage.clients, "credential.rotate", credential=_credential(stage), into=[place], mode="rotation"
        )
    except StepError as error:
        return error
    assert isinstance(ended, StepError), ended
    return ended
