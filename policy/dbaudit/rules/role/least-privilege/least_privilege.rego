# METADATA
# title: The integration role grants nothing beyond the minimum
# description: >-
#   What the role grants is asked for by the vendor, or is one of the nine privileges that the platform gives
#   to every new role, or is allowed by the profile or the configuration.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
# custom:
#   severity: medium
#   requires: [users, teams, roles, role_privileges]
#   offline: true
#   consequence: Whoever holds the vendor's credentials holds every privilege of this role.
#   remediation: Take the surplus from the role, the dangerous privileges first, or list in allow what is meant.
package dbaudit.rules.role["least-privilege"]

import data.dbaudit.danger
import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": _message,
	"subject": {"kind": "role", "id": integration.role, "name": integration.role_name},
	"evidence": {
		"surplus": _listed,
		"count": count(_surplus),
		"dangerous": count(_dangerous),
	},
	"fix": _fix,
} if {
	count(_surplus) > 0
	some control in profile.controls["role/least-privilege"]
}

not_applicable := integration.no_role

# METADATA
# description: >-
#   What Dataverse gives to each new role, and what AddPrivilegesRole and a solution import put back each
#   time.
platform_defaults := {
	"prvreadsdkmessage",
	"prvreadsdkmessageprocessingstep",
	"prvreadsdkmessageprocessingstepimage",
	"prvreadpluginassembly",
	"prvreadplugintype",
	"prvreadsharepointdata",
	"prvwritesharepointdata",
	"prvcreatesharepointdata",
	"prvreadsharepointdocument",
}

_surplus contains name if {
	some name in integration.own_names
	not lower(name) in _meant
}

_meant := profile.accepted | platform_defaults

# METADATA
# description: The part of it that LINT-DANGEROUS names too, where the role is a file's.
_dangerous contains name if {
	some name in _surplus
	danger.of_integration(lower(name))
}

# METADATA
# description: The surplus in the order in which it is shown, the dangerous privileges first.
_listed := array.concat(sort(_dangerous), sort(_surplus - _dangerous))

# METADATA
# description: A role that cannot be edited has to be replaced before it can be made smaller.
_fix := {
	"kind": "remove-privilege",
	"role": integration.role_reference,
	"privileges": [_removal(name) | some name in _listed],
} if {
	integration.role_editable
} else := {"kind": "replace-role", "role": integration.role_reference}

_removal(name) := {"name": name, "depth": integration.own[name]}

_removal(name) := {"name": name} if not integration.own[name]

_message := sprintf("the role %q grants %s: %s", [integration.role_name, _counted, _shown])

_counted := "1 privilege beyond the minimum" if {
	count(_surplus) == 1
	count(_dangerous) == 0
} else := "1 dangerous privilege beyond the minimum" if {
	count(_surplus) == 1
} else := sprintf("%d privileges beyond the minimum%s", [count(_surplus), _warning])

default _warning := ""

_warning := ", all of them dangerous" if {
	_dangerous == _surplus
} else := sprintf(", %d of them dangerous", [count(_dangerous)]) if {
	count(_dangerous) > 0
}

_shown := sprintf("%s and %d more", [concat(", ", array.slice(_listed, 0, 5)), count(_listed) - 5]) if {
	count(_listed) > 5
} else := concat(", ", _listed)
