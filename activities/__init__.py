"""The doing: one function a step. `ACTIVITIES` lists them all; the contracts are in `firedoor.steps`."""

from activities import inventory, recorded_changes
from activities._action import Action
from activities.aws import (
    access_keys,
    cloudtrail,
    created_access_key,
    denies,
    exposure,
    key_identity,
    lifting,
    login_profiles,
    new_access_key,
    secrets_manager,
    service_credentials,
)
from activities.credentials import revocation, rotation, usage, verify

ACTIVITIES: tuple[Action, ...] = (
    access_keys.activate_access_key,
    access_keys.deactivate_access_key,
    access_keys.delete_access_key,
    cloudtrail.access_key_activity,
    created_access_key.delete_created_access_key,
    denies.deny_principal,
    denies.deny_sessions,
    exposure.list_readable,
    key_identity.identify_access_key,
    key_identity.list_access_keys,
    lifting.lift_denies,
    lifting.restore_denies,
    login_profiles.delete_login_profile,
    new_access_key.create_access_key,
    revocation.enable,
    revocation.revoke,
    inventory.find,
    rotation.create,
    rotation.rotate,
    verify.prove_dead,
    usage.take_usage,
    verify.take_inventory,
    verify.verify,
    recorded_changes.recorded_changes,
    secrets_manager.put_secret,
    secrets_manager.restore_version,
    service_credentials.disable_service_credentials,
    service_credentials.enable_service_credentials,
)
