# METADATA
# title: The integration role alone grants what the user needs
# description: Nothing that the vendor asks for is granted by another role only.
# custom:
#   severity: low
#   requires: [users, teams, roles, role_privileges, privileges]
#   offline: true
#   consequence: A gap that another role fills opens, unseen, on the day somebody takes that role away.
#   remediation: Grant the privilege to the integration role itself.
package dbaudit.rules.role.complete

import data.dbaudit.depth
import data.dbaudit.integration
import data.dbaudit.profile

findings contains {
	"control": control.id,
	"message": sprintf("%s is granted at %s depth by other roles only (%s); the role %q grants %s", [
		name,
		integration.granted[name],
		concat(", ", sort(_fillers[name])),
		integration.role_name,
		_words(actual),
	]),
	"subject": {"kind": "role", "id": integration.role, "name": integration.role_name},
	"evidence": {
		"privilege": name,
		"required_depth": required,
		"actual_depth": actual,
		"state": _state(actual),
		"filled_by": sort(_fillers[name]),
	},
	"fix": {
		"kind": _kind(actual),
		"role": integration.role_reference,
		"privileges": [{"name": name, "id": input.privileges[name].id, "depth": required}],
	},
} if {
	some control in profile.controls["role/complete"]
	count(integration.reaching) > 0
	some name, required in depth.required
	depth.rank[integration.granted[name]] >= depth.rank[required]
	actual := object.get(integration.own, name, "none")
	depth.rank[actual] < depth.rank[required]
}

not_applicable := integration.no_role

# METADATA
# description: The names of the other roles that grant each privilege deeply enough.
_fillers[name] contains integration.names[root][_] if {
	some name, required in depth.required
	some root, _ in integration.ways
	root != integration.role
	depth.rank[input.role_privileges[root][name]] >= depth.rank[required]
}

_state("none") := "missing"

_state(actual) := "shallow" if actual != "none"

_words("none") := "nothing of it"

_words(actual) := sprintf("%s depth", [actual]) if actual != "none"

_kind("none") := "add-privilege"

_kind(actual) := "raise-depth" if actual != "none"
