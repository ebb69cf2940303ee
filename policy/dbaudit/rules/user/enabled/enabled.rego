# METADATA
# title: The integration user is enabled
# description: >-
#   The user's isdisabled is false, and nothing else keeps it from working: its business unit, and each one above
#   it, is enabled; its access mode is Read-Write or Non-interactive; its identity is in Microsoft Entra.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/manage-application-users
#     description: Manage application users in the Power Platform admin center
#   - ref: https://learn.microsoft.com/power-platform/admin/create-edit-business-units
#     description: Create or edit business units
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/user-team-entities
#     description: User and team tables
# custom:
#   severity: critical
#   requires: [users]
#   fixes: [enable-user, enable-business-unit, set-access-mode, restore-identity]
#   consequence: >-
#     A user that is disabled or otherwise locked out is refused the requests that the sync needs, and the sync
#     stops.
#   remediation: >-
#     Activate the application user in the Power Platform admin center; enable its business unit; set its access
#     mode to Non-interactive; restore its identity in Microsoft Entra.
package dbaudit.rules.user.enabled

import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.units

metadata := rego.metadata.chain()[1].annotations.custom

# METADATA
# description: A single finding for all faults of the user. Its fix is the first necessary step.
findings contains {
	"control": control.id,
	"message": sprintf("the user %q %s", [input.users[integration.user].name, concat(" and ", _faults)]),
	"subject": {"kind": "user", "id": integration.user, "name": input.users[integration.user].name},
	"evidence": object.union_n([{"disabled": input.users[integration.user].disabled}, _unit_evidence, _mode_evidence, _entra_evidence]),
	"fix": object.union({"user": integration.user_reference}, _fix),
} if {
	count(_faults) > 0
	some control in profile.controls["user/enabled"]
}

not_applicable := integration.no_user

unknown contains sprintf("it is unknown whether the user's business unit, or one above it, is disabled%s", [
	units.detail,
]) if {
	integration.user
	count(_disabled_units) == 0
	not units.known(integration.unit)
}

unknown contains "the user's access mode was not read, or is one that is not documented" if _mode == "unknown"

_faults := array.flatten([_user_faults, _unit_faults, _mode_faults, _entra_faults])

default _user_faults := []

_user_faults := ["is disabled"] if input.users[integration.user].disabled

# METADATA
# description: >-
#   The disabled units among the user's business unit and those above it.
_disabled_units := units.disabled(integration.unit)

# METADATA
# description: >-
#   The disabled unit that the message names: the user's own, else one above it.
_disabled_unit := integration.unit if {
	integration.unit in _disabled_units
} else := min(_disabled_units)

default _unit_faults := []

_unit_faults := [sprintf("is in the business unit %q, which is disabled", [input.business_units[_disabled_unit].name])] if {
	_disabled_unit == integration.unit
}

_unit_faults := [sprintf("is in the business unit %q, which is below %q, which is disabled", [
	input.business_units[integration.unit].name,
	input.business_units[_disabled_unit].name,
])] if {
	_disabled_unit != integration.unit
}

default _unit_evidence := {}

_unit_evidence := {"disabled_business_unit": input.business_units[_disabled_unit].name}

_mode := object.get(input.users[integration.user], "access_mode", "unknown")

# METADATA
# description: The access modes in which an integration cannot work, in words.
_mode_words := {
	"administrative": "has the access mode Administrative, in which it cannot use accounts, contacts and leads",
	"read": "has the access mode Read, in which it cannot write",
	"support": "has the access mode Support User, which is Microsoft's own",
	"delegated-admin": "has the access mode Delegated Admin, which is for administrators of other tenants",
}

# METADATA
# description: The access modes in which the integration works. A profile states them if its source does.
_working_modes := object.get(profile.current, "access_modes", ["read-write", "non-interactive"])

_is_working_mode if _mode in _working_modes

_mode_faults := [] if {
	_is_working_mode
} else := [_mode_words[_mode]] if {
	_mode_words[_mode]
} else := [sprintf("has the access mode %s, and the source requires %s", [_mode_names[_mode], _required_modes])] if {
	_mode_names[_mode]
} else := []

_mode_names := {"read-write": "Read-Write", "non-interactive": "Non-interactive"}

_required_modes := concat(" or ", [object.get(_mode_names, mode, mode) | some mode in _working_modes])

_has_mode_fault if count(_mode_faults) > 0

default _mode_evidence := {}

_mode_evidence := {"access_mode": _mode} if _has_mode_fault

_state := object.get(input.users[integration.user], "entra_state", "unknown")

# METADATA
# description: The states of a Microsoft Entra identity that prevent sign-in, in words.
_state_words := {
	"soft-deleted": "is deleted in Microsoft Entra, where it can still be restored",
	"deleted": "no longer exists in Microsoft Entra",
}

_entra_faults := [_state_words[_state]] if {
	_state_words[_state]
} else := []

default _entra_evidence := {}

_entra_evidence := {"entra_state": _state} if _state_words[_state]

_fix := {"kind": "restore-identity"} if {
	_state_words[_state]
} else := {
	"kind": "enable-business-unit",
	"business_unit": {"id": _disabled_unit, "name": input.business_units[_disabled_unit].name},
} if {
	_disabled_unit
} else := {"kind": "set-access-mode"} if {
	_has_mode_fault
} else := {"kind": "enable-user"}
