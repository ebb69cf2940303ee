# METADATA
# title: Exactly one integration user exists
# description: >-
#   One user that is not soft-deleted has the configured application id or user principal name; if none is
#   configured, one application user has a name that matches the profile's pattern.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/manage-application-users
#     description: Manage application users in the Power Platform admin center
# custom:
#   severity: critical
#   requires: [users]
#   fixes: [create-application-user, remove-duplicate-user, correct-configuration]
#   consequence: The sync signs in as this user; without it, or with two of them, the sync may not work.
#   remediation: Create the application user for the vendor's app registration, and keep only one.
package dbaudit.rules.user.exists

import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s%s", [_missing, _soft_deleted_note]),
	"subject": {"kind": "user", "id": "", "name": _identity},
	"evidence": {"found": 0, "soft_deleted": sort([input.users[id].name | some id in _soft_deleted])},
	"fix": _fix,
} if {
	count(integration.users) == 0
	some control in profile.controls["user/exists"]
}

findings contains {
	"control": control.id,
	"message": sprintf("%d users have the identity %s: %s", [count(integration.users), _identity, concat(", ", _names)]),
	"subject": {"kind": "user", "id": "", "name": _identity},
	"evidence": {"found": count(integration.users), "users": _names},
	"fix": _ambiguity_fix,
} if {
	count(integration.users) > 1
	some control in profile.controls["user/exists"]
}

_names := sort([sprintf("%q (%s)", [input.users[id].name, id]) | some id in integration.users])

_identity := input.requirement.application_id if {
	input.requirement.application_id != ""
} else := input.requirement.user if {
	input.requirement.user != ""
} else := profile.current.pattern

_missing := sprintf("there is no application user with the application id %s", [_identity]) if {
	input.requirement.application_id != ""
} else := sprintf("there is no user with the user principal name %s", [_identity]) if {
	input.requirement.user != ""
} else := sprintf("there is no application user with %q in its name", [_identity])

# METADATA
# description: >-
#   Soft-deleted users keep their application id; no other user can have it until they are permanently deleted.
# scope: document
_soft_deleted contains id if {
	input.requirement.application_id != ""
	some id, user in input.users
	user.deleted
	lower(user.application_id) == lower(input.requirement.application_id)
}

_soft_deleted contains id if {
	input.requirement.user != ""
	some id, user in input.users
	user.deleted
	lower(user.domain_name) == lower(input.requirement.user)
}

default _soft_deleted_note := ""

_soft_deleted_note := "; a soft-deleted one still has the identity and must be permanently deleted first" if {
	count(_soft_deleted) > 0
}

# METADATA
# description: >-
#   A user can be created only for an application id, and only if no soft-deleted user still has it: that one must
#   be permanently deleted first.
_fix := {
	"kind": "create-application-user",
	"application_id": input.requirement.application_id,
	"business_unit": {"name": input.requirement.business_unit},
} if {
	input.requirement.application_id != ""
	count(_soft_deleted) == 0
} else := {
	"kind": "remove-duplicate-user",
	"application_id": input.requirement.application_id,
	"user": {"kind": "systemuser", "id": min(_soft_deleted), "name": input.users[min(_soft_deleted)].name},
} if {
	input.requirement.application_id != ""
} else := _ambiguity_fix

# METADATA
# description: >-
#   The fix for several users: in the environment if an application id is configured, else in the configuration.
# scope: document
default _ambiguity_fix := {"kind": "correct-configuration"}

_ambiguity_fix := {"kind": "remove-duplicate-user", "application_id": input.requirement.application_id} if {
	input.requirement.application_id != ""
}
