"""What a plan that was read tells of the run: what is changed, and what is known to depend on that."""

import pytest

from firedoor.cli.views.forecast import touched
from firedoor.forecast import Touched, dependents, radius
from firedoor.incident import Dependent, IncidentView, Inverse, Preview, Progress, StepState
from tests.cli.pictures import VIEW, drawn, step

ROLE = "arn:aws:iam::210987654321:role/gateway"
S3, BILLING = Dependent(kind="services", name="s3"), Dependent(kind="services", name="billing")


def read(**previews: tuple[Preview, ...]) -> IncidentView:
    """A plan run whose steps would make these changes."""
    steps = [step(name, StepState.DONE, previews=found) for name, found in previews.items()]
    return VIEW.model_copy(update={"steps": tuple(steps)})


def test_what_depends_counts_once() -> None:
    """A service that two keys and two steps use is one service; each step says how many it names."""
    off = Preview(change="off", dependents=(S3,))
    view = read(deactivate=(off, Preview(change="off", dependents=(S3, BILLING))), delete=(off,))
    assert dependents(view) == (Touched("services", 2, {"deactivate": 2, "delete": 1}),)


def test_those_without_a_name_count_too_and_what_was_not_read_is_no_dependent() -> None:
    """`3 others` are three; where CloudTrail could not be read nothing is counted, and the number is a least."""
    others = Dependent(kind="sessions", name="3 others of gateway", count=3)
    unread = Dependent(kind="sessions", name="CloudTrail of eu-west-1", says="could not be read", count=0)
    one = Dependent(kind="sessions", name="ASIA1")
    [found] = dependents(read(deny=(Preview(change="deny", dependents=(one, others, unread)),)))
    assert (found.count, found.least) == (4, True)


@pytest.mark.parametrize(
    ("preview", "accounts"),
    [
        (Preview(change="off", before={"account": "123456789012"}, blast={"credentials": 1}), 1),
        (Preview(change="off", before={"secret": ROLE}, inverse=Inverse(action="on", arguments={"arn": ROLE})), 1),
        (Preview(change="nothing to change", before={"account": "123456789012"}), 0),
        (Preview(change="off", before={"policy": "arn:aws:iam::aws:policy/X", "note": "arn:x"}, blast={"keys": 1}), 0),
    ],
)
def test_accounts_are_those_in_which_something_changes(preview: Preview, accounts: int) -> None:
    """By a value that is called so, or an ARN; not where nothing would change, and not AWS's own."""
    found = {one.kind: one.count for one in radius(read(off=(preview,)))}
    assert found.get("accounts", 0) == accounts


def test_one_account_of_two_steps_is_one() -> None:
    """Also where one names it and the other has an ARN in it; the sums of what the steps count stay sums."""
    arguments = {"principal_arn": ROLE}
    off = step(
        "off",
        StepState.DONE,
        blast={"principals": 1},
        previews=(Preview(change="off", before={"account": "210987654321"}, blast={"principals": 1}),),
    )
    deny = step(
        "deny",
        StepState.DONE,
        arguments=arguments,
        blast={"principals": 1},
        previews=(Preview(change="deny", blast={"principals": 1}),),
    )
    view = VIEW.model_copy(update={"steps": (off, deny)})
    assert radius(view) == (
        Touched("principals", 2, {"off": 1, "deny": 1}),
        Touched("accounts", 1, {"off": 1, "deny": 1}),
    )
    page = drawn(touched(view), 100)
    assert "Accounts, and what depends, count once, however many steps name them." in page
    assert "What several steps change is counted in each of them." in page


def test_accounts_of_targets_that_are_not_shown_may_be_more() -> None:
    """Of a thousand targets only the first are known by their changes: their accounts are a least."""
    shown = Preview(change="off", before={"account": "123456789012"}, blast={"credentials": 1})
    many = step("off", StepState.DONE, previews=(shown,), progress=Progress(total=1000), blast={"credentials": 1000})
    [credentials, accounts] = radius(VIEW.model_copy(update={"steps": (many,)}))
    assert not credentials.least
    assert accounts.least
    assert " accounts         ≥ 1  off" in drawn(touched(VIEW.model_copy(update={"steps": (many,)})), 100)


def test_the_table_tells_what_is_changed_from_what_depends() -> None:
    """Two parts with their own heads; and that the second is what was known, no more."""
    page = drawn(touched(read(deactivate=(Preview(change="off", dependents=(S3,)),))), 100)
    assert " depends on it  count  in" in page
    assert " services           1  deactivate" in page
    assert "What depends on it is what was known when this was read: there may be more." in page
