"""The doing: one function a step. `ACTIVITIES` lists them all; the contracts are in `firedoor.steps`."""

from activities._action import Action
from activities.aws import (
    access_keys,
    cloudtrail,
    denies,
    exposure,
    login_profiles,
    new_access_key,
    secrets_manager,
    service_credentials,
)

ACTIVITIES: tuple[Action, ...] = (
    access_keys.activate_access_key,
    access_keys.deactivate_access_key,
    access_keys.delete_access_key,
    access_keys.identify_access_key,
    access_keys.list_access_keys,
    cloudtrail.access_key_activity,
    denies.deny_principal,
    denies.deny_sessions,
    denies.lift_denies,
    exposure.list_readable,
    login_profiles.delete_login_profile,
    new_access_key.create_access_key,
    secrets_manager.put_secret,
    service_credentials.disable_service_credentials,
)
