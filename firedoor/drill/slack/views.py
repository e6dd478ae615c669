"""`views.*`: modals and Home tabs. https://docs.slack.dev/surfaces/modals"""

from firedoor.drill.slack.blocks import check_view, with_ids
from firedoor.drill.slack.call import Call
from firedoor.drill.slack.objects import view_object
from firedoor.drill.slack.refusal import Refusal, missing
from firedoor.drill.slack.state import JSON, Trigger, View
from firedoor.drill.slack.workspace import Workspace

TRIGGER_SECONDS = 3
STACK = 3


def open_view(call: Call) -> JSON:
    """Open a modal for whoever has just done something. Its trigger id lives for 3 seconds and opens one modal."""
    view = check_view(call.parsed("view"), call.workspace.features)
    trigger = _trigger(call)
    _unique(call, view)
    call.workspace.close_views(trigger.user)
    return {"ok": True, "view": view_object(add_view(call.workspace, trigger.user, view))}


def push(call: Call) -> JSON:
    """Put a modal over the one that stands open: three at most."""
    view = check_view(call.parsed("view"), call.workspace.features)
    trigger = _trigger(call)
    below = call.workspace.views.get(trigger.view)
    if below is None or not below.is_open:
        raise Refusal("invalid_trigger_id")
    if len([one for one in call.workspace.views.values() if one.root == below.root and one.is_open]) >= STACK:
        raise Refusal("push_limit_reached")
    _unique(call, view)
    return {"ok": True, "view": view_object(add_view(call.workspace, trigger.user, view, below))}


def update(call: Call) -> JSON:
    """Change a modal that stands open, found by `view_id` or `external_id`; not if its `hash` has changed."""
    view = check_view(call.parsed("view"), call.workspace.features)
    if not call.has("view_id") and not call.has("external_id"):
        raise missing("view_id")
    found = call.workspace.views.get(call.text("view_id")) if call.has("view_id") else _external(call)
    if found is None or not found.is_open:
        raise Refusal("not_found")
    if call.has("hash") and call.text("hash") != found.hash:
        raise Refusal("hash_conflict")
    change_view(call.workspace, found, view)
    return {"ok": True, "view": view_object(found)}


def publish(call: Call) -> JSON:
    """Fill somebody's Home tab."""
    view = check_view(call.parsed("view"), call.workspace.features)
    user = call.user("user_id")
    if view["type"] != "home":
        raise Refusal("invalid_arguments", messages=["must be home [json-pointer:/view/type]"])
    home = call.workspace.views.get(call.workspace.homes.get(user.id, ""))
    if home is None:
        home = add_view(call.workspace, user.id, view)
        call.workspace.homes[user.id] = home.id
    else:
        if call.has("hash") and call.text("hash") != home.hash:
            raise Refusal("hash_conflict")
        change_view(call.workspace, home, view)
    return {"ok": True, "view": view_object(home)}


def add_view(workspace: Workspace, user: str, said: JSON, below: View | None = None) -> View:
    """A new view on somebody's screen; over another modal if one is `below`."""
    id = workspace.new_id("V")
    kept = said | {"blocks": with_ids(said["blocks"], lambda: workspace.new_id("b"))}
    view = View(id, user, kept, _hash(workspace), root=below.root if below else id, previous=below.id if below else "")
    workspace.views[id] = view
    workspace.changed()
    return view


def change_view(workspace: Workspace, view: View, said: JSON) -> None:
    """Put something else into a view."""
    view.said = said | {"blocks": with_ids(said["blocks"], lambda: workspace.new_id("b"))}
    view.hash = _hash(workspace)
    workspace.changed()


def _hash(workspace: Workspace) -> str:
    return f"{workspace.new_ts()}.{workspace.new_id('h')}"


def _trigger(call: Call) -> Trigger:
    trigger = call.workspace.triggers.get(call.text("trigger_id", required=True))
    if trigger is None:
        raise Refusal("invalid_trigger_id")
    if call.workspace.clock.now() - trigger.made > TRIGGER_SECONDS:
        raise Refusal("expired_trigger_id")
    if trigger.used:
        raise Refusal("exchanged_trigger_id")
    trigger.used = True
    return trigger


def _external(call: Call) -> View | None:
    wanted = call.text("external_id")
    return next(
        (one for one in call.workspace.views.values() if one.said.get("external_id") == wanted and one.is_open), None
    )


def _unique(call: Call, view: JSON) -> None:
    wanted = view.get("external_id")
    if wanted and any(one.said.get("external_id") == wanted for one in call.workspace.views.values()):
        raise Refusal("duplicate_external_id")
