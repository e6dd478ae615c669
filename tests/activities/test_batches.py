"""Many leaked values at once: few calls, each value proved by its own, and no value in what comes of it."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities._action import Context
from activities._clients import Clients
from activities.credentials.batches import SILENT, SPLITS
from activities.providers import github, huggingface
from activities.providers._provider import BatchModule
from activities.providers._reading import fingerprint
from firedoor.compiler import compile_runbook
from firedoor.config import Aws, Settings
from firedoor.drill.fakes._fake import Allowance, Fake, Fault, Said, canary
from firedoor.drill.fakes.github import FakeGitHub
from firedoor.drill.fakes.huggingface import FakeHuggingFace
from firedoor.errors import StepError
from firedoor.incident import Call, Mode, Outcome, Preview, Target
from firedoor.plan import Verdict
from firedoor.runbook.diagnostics import RunbookErrors
from firedoor.steps import STEPS
from tests.activities.performing import FUNCTIONS
from tests.faking import Fakes
from tests.killing import Ended, Killed, attempt, killed_everywhere

ACTION = "credential.revoke_values"
REVOKE = "/credentials/revoke"
INVENTORY = """
credentials:
  ci:
    provider: github
    kind: personal_access_token
    fingerprint: {mark}
    consumers: [pipeline]
consumers:
  pipeline: {{customers: [acme]}}
customers: {{acme: {{}}}}
"""
#: The modules that have batches keep to the shape: mypy proves it here.
MODULES: tuple[BatchModule, ...] = (github, huggingface)


class Stage:
    """A provider, a list of leaked tokens in a file, and what a worker reaches."""

    def __init__(self, fake: Fake, kind: str, home: Path) -> None:
        self.fake, self.kind, self.home = fake, kind, home
        self.clients = Clients(
            Settings(home=home, providers={fake.name: {"base_url": fake.url}}, aws=Aws(settle_seconds=0))
        )
        self.tokens: list[str] = []

    def plant(self, count: int) -> list[str]:
        """So many tokens that leaked, in the list; one more is nobody's business."""
        self.tokens = [self.fake.plant_credential(self.kind, f"ci-{number}").value for number in range(count)]
        self.write(self.tokens)
        return self.tokens

    def write(self, lines: list[str], name: str = "leaked") -> str:
        """A list, as a scanner leaves it; where it is."""
        (self.home / name).write_text("\n".join(lines) + "\n")
        return f"file:{self.home}/{name}"

    def attempt(self, earlier: Preview | None = None, *places: str) -> tuple[Preview, Ended | Killed]:
        """One attempt at the list."""
        values = places or (f"file:{self.home}/leaked",)
        return attempt(self.clients, ACTION, earlier, provider=self.fake.name, kind=self.kind, values=values)

    def outcome(self, *places: str) -> Outcome:
        """What comes of it, in which no value stands."""
        preview, ended = self.attempt(None, *places)
        assert isinstance(ended, Outcome), ended
        assert "canary" not in preview.model_dump_json() + ended.model_dump_json()
        return ended

    def refused(self, *places: str) -> StepError:
        """The error with which it ends, in which no value stands."""
        try:
            _, ended = self.attempt(None, *places)
        except StepError as error:
            ended = error
        assert isinstance(ended, StepError), ended
        assert "canary" not in f"{ended.what} {ended.changed} {ended.next}"
        return ended

    def calls(self, path: str) -> int:
        """How often a path was called."""
        return sum(one.path == path for one in self.fake.log)


@pytest.fixture
def on(fakes: Fakes, tmp_path: Path) -> Generator[Stage]:
    """GitHub."""
    stage = Stage(fakes(FakeGitHub()), "personal_access_token", tmp_path)
    with closing(stage.clients):
        yield stage


@pytest.fixture
def face(fakes: Fakes, tmp_path: Path) -> Generator[Stage]:
    """Hugging Face."""
    stage = Stage(fakes(FakeHuggingFace()), "user_token", tmp_path)
    with closing(stage.clients):
        yield stage


def marks(values: list[str]) -> list[str]:
    """Their fingerprints."""
    return [fingerprint(SecretStr(value)) for value in values]


def test_hundreds_die_by_one_call_and_each_is_proved(on: Stage) -> None:
    """GitHub takes 60 calls an hour and 1,000 tokens a call: one call, without a credential; others live on."""
    other = on.fake.plant_credential(on.kind, "laptop").value
    tokens = on.plant(300)
    done = on.outcome()
    assert (done.verdict, done.changed) == (Verdict.CONTAINED, True)
    assert (on.calls(REVOKE), on.calls("/user")) == (1, 300)
    assert "authorization" not in on.fake.log[0].headers
    assert on.fake.alive(on.kind) == {other}
    assert (done.result["count"], done.result["dead"]) == (300, marks(tokens))
    assert done.summary == "Of 300 values (GitHub personal access token) GitHub refuses 300."
    assert [one.says for one in done.evidence] == [
        "took 300 tokens for revocation, as it does whether or not there is such a token",
        "refused the value with 401: 300 values",
    ]


@pytest.mark.parametrize(
    ("strangers", "calls", "after"),
    # Nothing is killed after a call that is refused.
    [([], 1 + 3, False), ([], 1 + 3, True), ([canary("ghp_")], 5 + 4, False)],
    ids=["before", "after", "halved"],
)
def test_killed_at_each_call_it_goes_on(
    on: Stage, strangers: list[str], calls: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent is sent again, which changes nothing, and all are dead in the end; also in the midst of halves."""
    on.write([*on.plant(3), *strangers])
    assert isinstance(on.fake, FakeGitHub)
    on.fake.malformed = set(strangers)
    with monkeypatch.context() as patching:
        ended, points = killed_everywhere(patching, on.attempt, after=after)
    assert isinstance(ended, Outcome), ended
    assert (ended.verdict, points, on.fake.alive(on.kind)) == (Verdict.CONTAINED, calls, set())
    assert ended.result["not_taken"] == marks(strangers)


def test_without_leave_to_change_nothing_is_sent(on: Stage) -> None:
    """Plan mode ends with the preview; what went on all the same would be refused at the door."""
    tokens = on.plant(3)
    arguments = {"provider": "github", "values": [f"file:{on.home}/leaked"]}
    target = Target(key="0", arguments=arguments)
    call = Call(incident="test", plan="0" * 64, step="kill", targets=(target,), mode=Mode.PLAN)
    context = Context(clients=on.clients, call=call, target=target)
    stages = FUNCTIONS[ACTION](STEPS[ACTION].model_validate(arguments), context)
    assert isinstance(next(stages), Preview)
    with pytest.raises(StepError) as raised:
        next(stages)
    assert raised.value.reason == "not_in_plan_mode"
    assert (on.fake.log, on.fake.alive(on.kind)) == ([], set(tokens))


def test_hugging_face_is_asked_once_of_each(face: Stage) -> None:
    """Batches of 100, and one whoami a token, also of those for which that does not tell."""
    tokens = face.plant(102)
    face.fake.faults.append(Fault("GET", "/api/whoami-v2", times=2, instead=Said(429, {})))
    done = face.outcome()
    assert (face.calls("/api/credentials/revoke"), face.calls("/api/whoami-v2")) == (2, 102)
    assert (done.verdict, done.result["unknown"]) == (Verdict.UNKNOWN, marks(tokens)[:2])
    assert f"refuses 100; does not tell of 2 ({', '.join(marks(tokens)[:2])})." in done.summary
    assert face.fake.alive(face.kind) == set()


def test_a_provider_that_has_had_enough_is_left_alone(on: Stage) -> None:
    """All are revoked; of those that its limit hides it does not tell, and they are no longer asked about."""
    on.plant(100)
    on.fake.allowance = Allowance(rate=0, burst=41)
    done = on.outcome()
    assert on.fake.alive(on.kind) == set()
    assert (done.verdict, len(done.result["dead"]), len(done.result["unknown"])) == (Verdict.UNKNOWN, 40, 60)
    assert len(on.fake.log) == 1 + 40 + SILENT


def test_one_that_is_still_accepted_is_named(on: Stage) -> None:
    """Not contained, with its fingerprint, although all others are dead."""
    tokens = on.plant(3)
    on.fake.faults.append(Fault("GET", "/user", instead=Said(200, {})))
    done = on.outcome()
    assert (done.verdict, done.result["live"]) == (Verdict.NOT_CONTAINED, marks(tokens)[:1])
    assert f"GitHub refuses 2; still accepts 1 ({marks(tokens)[0]})" in done.summary


def test_a_refresh_token_is_revoked_and_never_called_dead(on: Stage) -> None:
    """GitHub refuses one in every call, dead or alive: it is sent, and proves nothing."""
    tokens = on.plant(3)
    refreshing = [canary("ghr_") for _ in range(SILENT + 5)]
    done = on.outcome(on.write([*refreshing, *tokens]))
    assert (done.verdict, on.calls(REVOKE), on.calls("/user")) == (Verdict.UNKNOWN, 1, 3)
    assert (done.result["unknown"], done.result["dead"]) == (marks(refreshing), marks(tokens))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["{good}", "", "AKIAIOSFODNN7CANARY"], "Line 3 of {place} is no GitHub personal access token"),
        (["{good},", "'{good}'"], "Lines 1, 2 of {place} are no GitHub personal access token"),
        (["ghs_canary0123456789abcdef"] * 12, "Lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, … of {place} are no"),
        (["", "  "], "There is no value in {place}"),
    ],
)
def test_a_list_with_something_else_is_refused_by_its_lines(on: Stage, lines: list[str], says: str) -> None:
    """Nothing was sent, and what stands in the line is not shown."""
    [good] = on.plant(1)
    place = on.write([line.format(good=good) for line in lines])
    error = on.refused(place)
    assert says.format(place=place) in error.what
    assert error.what.endswith("nothing was sent.")
    assert on.fake.log == []


def test_lists_in_several_places_count_each_value_once(on: Stage) -> None:
    """With the line ends of another system, and spaces around."""
    first, second, third = on.plant(3)
    places = on.write([f"{first}\r", f"  {second} ", first], "one"), on.write([second, "", third], "two")
    assert on.outcome(*places).result["dead"] == marks([first, second, third])


def test_too_many_are_several_steps(on: Stage) -> None:
    """More than can be proved in the time of one."""
    tokens = [f"ghp_canary{number:020}" for number in range(5001)]
    places = [on.write(tokens[start : start + 1000], f"part-{start}") for start in range(0, 5001, 1000)]
    error = on.refused(*places)
    assert (error.reason, on.fake.log) == ("limit_reached", [])
    assert "There are 5,001 values, and a step revokes at most 5,000" in error.what


def test_what_github_takes_for_no_token_keeps_nobody_alive(on: Stage) -> None:
    """A batch with it is refused whole: it is halved until all others are taken, and the one is named."""
    tokens = on.plant(100)
    assert isinstance(on.fake, FakeGitHub)
    stranger = canary("ghp_")
    on.fake.malformed = {stranger}
    done = on.outcome(on.write([*tokens[:33], stranger, *tokens[33:]]))
    assert on.fake.alive(on.kind) == set()
    assert done.result["not_taken"] == marks([stranger])
    assert (done.verdict, len(done.result["dead"])) == (Verdict.CONTAINED, 101)
    assert on.calls(REVOKE) <= 2 * 7 + 1
    assert f"did not take for revocation 1 ({marks([stranger])[0]})" in done.summary


def test_a_list_full_of_what_github_takes_for_none(on: Stage) -> None:
    """The search ends before the calls of an hour do; the sentence says how many were taken until then."""
    tokens = on.plant(100)
    assert isinstance(on.fake, FakeGitHub)
    on.fake.malformed = set(tokens[3:])
    error = on.refused()
    assert "takes no list in which a value is none of its own" in error.what
    assert error.changed == "GitHub took 3 of 100 values (GitHub personal access token) for revocation."
    assert on.calls(REVOKE) <= 2 * SPLITS + 1 < 60
    assert on.calls("/user") == 0


def test_a_failure_between_two_batches_says_what_was_taken(face: Stage) -> None:
    """The first hundred are revoked, and the error does not say that nothing was changed."""
    face.plant(150)
    face.fake.faults += [
        Fault("POST", "/api/credentials/revoke", instead=Said(202)),
        Fault("POST", "/api/credentials/revoke", instead=Said(503, b"down")),
    ]
    error = face.refused()
    assert (error.reason, error.retryable) == ("provider_error", True)
    assert "Hugging Face took 100 of 150 values (Hugging Face access token) for revocation." in error.changed


def test_another_list_is_another_change(on: Stage) -> None:
    """After a crash it goes on with the same values or not at all: nobody approved the others."""
    tokens = on.plant(2)
    preview, _ = on.attempt()
    on.write([*tokens, on.fake.plant_credential(on.kind, "laptop").value])
    sent = len(on.fake.log)
    with pytest.raises(StepError, match="not the one with which the revocation was begun") as raised:
        on.attempt(preview)
    assert raised.value.reason == "changed_since"
    assert len(on.fake.log) == sent


def test_the_preview_shows_how_many_and_who_is_hit_before_anything_is_sent(on: Stage) -> None:
    """The same in two looks, by fingerprints only; nobody can take it back."""
    [token, *_] = on.plant(7)
    (on.home / "inventory.yaml").write_text(INVENTORY.format(mark=fingerprint(SecretStr(token))))
    on.fake.faults.append(Fault("POST", REVOKE, times=9, instead=Said(503, b"down")))
    (one, _), (two, _) = on.attempt(), on.attempt()
    assert one == two
    assert (one.blast, one.inverse) == ({"credentials": 7}, None)
    assert one.change == "7 values (GitHub personal access token): revoked for good"
    assert one.before["fingerprints"] == sorted(marks(on.tokens))
    assert [dependent.name for dependent in one.dependents] == ["pipeline", "acme"]
    assert "canary" not in one.model_dump_json()
    assert on.calls("/user") == 0


RUNBOOK = """
name: many
approvals: {{all: {{from: ['user:ada'], count: 1}}}}
steps:
  kill: {{uses: credential.revoke_values, approval: all, with: {arguments}}}
"""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"provider": "openai"}, "no call of OpenAI revokes many of its service_account_key by their values"),
        (
            {"provider": "github", "kind": "installation_token"},
            "no call of GitHub revokes many of its installation_token",
        ),
        ({"provider": "github", "kind": "nope"}, "there is no such kind: GitHub has no 'nope'"),
        ({"provider": "nobody"}, "firedoor knows no provider 'nobody'"),
    ],
)
def test_what_has_no_batch_is_refused_when_the_runbook_is_compiled(given: dict[str, Any], says: str) -> None:
    """With the way that there is: one by one."""
    with pytest.raises(RunbookErrors) as raised:
        compile_runbook(RUNBOOK.format(arguments={**given, "values": ["file:/leaked"]}))
    assert says in str(raised.value)
