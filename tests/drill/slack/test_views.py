"""Modals and Home tabs: triggers, the stack, changes, and what is refused."""

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, BOB
from tests.slack_said import Client, actions, button, modal, refusal, section, text_input

HOME = {"type": "home", "blocks": [section("x")]}


async def test_a_trigger_opens_one_modal_within_three_seconds(slack: LocalSlack, client: Client) -> None:
    """An old one is expired, a used one exchanged, an unknown one invalid; and one that was refused is not used up."""
    old = slack.workspace.new_trigger(ALICE).id
    slack.clock.advance(3.1)
    assert (await refusal(client.views_open(trigger_id=old, view=modal())))["error"] == "expired_trigger_id"
    assert (await refusal(client.views_open(trigger_id="1.2.x", view=modal())))["error"] == "invalid_trigger_id"
    assert (await refusal(client.views_open(trigger_id="", view=modal())))["error"] == "invalid_arguments"

    trigger = slack.workspace.new_trigger(ALICE).id
    wrong = await refusal(client.views_open(trigger_id=trigger, view=modal(text_input("a"), submit=None)))
    assert wrong["error"] == "invalid_arguments"
    large = modal(*[section("x" * 2_900)] * 90)
    assert (await refusal(client.views_open(trigger_id=trigger, view=large)))["error"] == "view_too_large"
    opened = await client.views_open(trigger_id=trigger, view=modal(text_input("a"), private_metadata="m"))
    assert (await refusal(client.views_open(trigger_id=trigger, view=modal())))["error"] == "exchanged_trigger_id"

    view = opened["view"]
    assert (view["callback_id"], view["private_metadata"], view["root_view_id"]) == ("ask", "m", view["id"])
    seen = slack.act.modal(ALICE)
    assert seen is not None
    assert seen.id == view["id"]
    assert slack.act.modal(BOB) is None


async def test_a_modal_is_changed_while_it_stands_open(slack: LocalSlack, client: Client) -> None:
    """By id or external id; not with an old hash, and not once it is closed."""
    trigger = slack.workspace.new_trigger(ALICE).id
    opened = (await client.views_open(trigger_id=trigger, view=modal(section("a"), external_id="mine")))["view"]
    updated = (await client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal(section("b"))))["view"]
    assert updated["blocks"][0]["text"]["text"] == "b"
    refused = await refusal(client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal()))
    assert refused["error"] == "hash_conflict"
    assert (await refusal(client.views_update(external_id="mine", view=modal())))["error"] == "not_found"
    assert (await refusal(client.api_call("views.update", json={"view": modal()})))["error"] == "invalid_arguments"

    await client.views_update(view_id=opened["id"], view=modal(section("c"), external_id="mine"))
    await client.views_update(external_id="mine", view=modal(section("d"), external_id="mine"))
    again = slack.workspace.new_trigger(ALICE).id
    refused = await refusal(client.views_open(trigger_id=again, view=modal(external_id="mine")))
    assert refused["error"] == "duplicate_external_id"
    slack.workspace.close_views(ALICE)
    assert (await refusal(client.views_update(view_id=opened["id"], view=modal())))["error"] == "not_found"


async def test_three_modals_can_lie_over_each_other(slack: LocalSlack, client: Client) -> None:
    """The fourth is one too many; a trigger that was not made in a modal pushes none."""
    first = await client.views_open(trigger_id=slack.workspace.new_trigger(ALICE).id, view=modal())
    view = first["view"]["id"]
    for _ in range(2):
        pushed = await client.views_push(trigger_id=slack.workspace.new_trigger(ALICE, view).id, view=modal())
        assert pushed["view"]["previous_view_id"] == view
        assert pushed["view"]["root_view_id"] == first["view"]["id"]
        view = pushed["view"]["id"]
    refused = await refusal(client.views_push(trigger_id=slack.workspace.new_trigger(ALICE, view).id, view=modal()))
    assert refused["error"] == "push_limit_reached"
    refused = await refusal(client.views_push(trigger_id=slack.workspace.new_trigger(ALICE).id, view=modal()))
    assert refused["error"] == "invalid_trigger_id"

    top = slack.act.modal(ALICE)
    assert top is not None
    assert top.id == view
    assert slack.act.close(ALICE, top) is None
    below = slack.act.modal(ALICE)
    assert below is not None
    assert below.id == top.previous


async def test_a_home_tab_is_filled_and_filled_again(slack: LocalSlack, client: Client) -> None:
    """It is no modal, has a hash, and belongs to somebody who exists."""
    first = (await client.views_publish(user_id=ALICE, view=HOME))["view"]
    second = (
        await client.views_publish(user_id=ALICE, view=HOME | {"blocks": [actions(button("go"))]}, hash=first["hash"])
    )["view"]
    assert first["id"] == second["id"]
    refused = await refusal(client.views_publish(user_id=ALICE, view=HOME, hash=first["hash"]))
    assert refused["error"] == "hash_conflict"
    assert (await refusal(client.views_publish(user_id=ALICE, view=modal())))["error"] == "invalid_arguments"
    assert (await refusal(client.views_publish(user_id="U0NOBODY00", view=HOME)))["error"] == "user_not_found"
    assert slack.act.modal(ALICE) is None
    assert slack.workspace.views[second["id"]].is_open
