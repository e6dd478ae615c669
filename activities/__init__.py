"""The doing: one function a step. `ACTIVITIES` lists them all; the contracts are in `firedoor.steps`."""

from activities._action import Action
from activities.aws import access_keys, denies

ACTIVITIES: tuple[Action, ...] = (
    access_keys.activate_access_key,
    access_keys.deactivate_access_key,
    access_keys.delete_access_key,
    access_keys.identify_access_key,
    access_keys.list_access_keys,
    denies.deny_principal,
    denies.deny_sessions,
    denies.lift_denies,
)
