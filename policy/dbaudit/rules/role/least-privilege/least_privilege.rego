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

import data.dbaudit.integration
import data.dbaudit.profile

findings contains {
	"control": control.id,
	"message": _message,
	"subject": {"kind": "role", "id": integration.role, "name": integration.role_name},
	"evidence": {
		"surplus": array.concat(sort(_dangerous), sort(_harmless)),
		"count": count(_surplus),
		"dangerous": count(_dangerous),
	},
	"fix": {
		"kind": "remove-privilege",
		"role": integration.role_reference,
		"privileges": [{"name": name, "depth": integration.own[name]} |
			some name in array.concat(sort(_dangerous), sort(_harmless))
		],
	},
} if {
	some control in profile.controls["role/least-privilege"]
	count(_surplus) > 0
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

_wanted contains lower(name) if some name, _ in profile.minimum

_wanted contains lower(name) if some name in profile.current.allow

_wanted contains lower(name) if some name in input.requirement.allow

_surplus contains name if {
	some name, _ in integration.own
	not lower(name) in _wanted
	not lower(name) in platform_defaults
}

# METADATA
# description: >-
#   Privileges by which credentials can act as somebody else, widen their own power, change the system or
#   take data out; and the deletion, assignment and sharing of anything.
_dangerous contains name if {
	some name in _surplus
	lower(name) in {
		"prvactonbehalfofanotheruser",
		"prvbulkdelete",
		"prvconfiguresharepoint",
		"prvcreaterole",
		"prvcreateplugintype",
		"prvcreatepluginassembly",
		"prvcreatesdkmessageprocessingstep",
		"prvcreateworkflow",
		"prvdisableuser",
		"prvexportcustomization",
		"prvexporttoexcel",
		"prvimportcustomization",
		"prvpromotetoadmin",
		"prvpublishcustomization",
		"prvwriteorganization",
		"prvwritepluginassembly",
		"prvwriterole",
		"prvwritesdkmessageprocessingstep",
		"prvwriteworkflow",
		"prvexecuteworkflow",
		"prvworkflowexecution",
	}
}

_dangerous contains name if {
	some name in _surplus
	some verb in ["prvdelete", "prvassign", "prvshare"]
	startswith(lower(name), verb)
}

_harmless := _surplus - _dangerous

_message := sprintf("the role %q grants %d %s beyond the minimum%s: %s", [
	integration.role_name,
	count(_surplus),
	_plural(count(_surplus)),
	_warning,
	_listed,
])

_plural(1) := "privilege"

_plural(n) := "privileges" if n != 1

_warning := sprintf(", %d of them dangerous", [count(_dangerous)]) if {
	count(_dangerous) > 0
} else := ""

_first := array.slice(array.concat(sort(_dangerous), sort(_harmless)), 0, 5)

_listed := sprintf("%s and %d more", [concat(", ", _first), count(_surplus) - 5]) if {
	count(_surplus) > 5
} else := concat(", ", _first)
