# METADATA
# title: The integration role alone grants what the user needs
# description: Nothing that the vendor asks for is granted by another role only.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
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

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s is granted at %s depth by other roles only (%s); the role %q grants %s", [
		name,
		granted,
		concat(", ", fillers),
		integration.role_name,
		_words(actual),
	]),
	"subject": {"kind": "role", "id": integration.role, "name": integration.role_name},
	"evidence": {
		"privilege": name,
		"required_depth": required,
		"actual_depth": actual,
		"state": _state(actual),
		"filled_by": fillers,
	},
	"fix": fix,
} if {
	count(integration.reaching) > 0
	some control in profile.controls["role/complete"]
	some name, required in depth.required
	granted := integration.granted[name]
	depth.rank[granted] >= depth.rank[required]
	actual := object.get(integration.own, name, "none")
	depth.rank[actual] < depth.rank[required]
	fillers := sort(_fillers[name])
	fix := integration.grant[name]
}

not_applicable := integration.no_role

# METADATA
# description: The names of the other roles that grant each privilege deeply enough.
_fillers[name] contains filler if {
	some name, required in depth.required
	some root, _ in integration.ways
	root != integration.role
	depth.rank[input.role_privileges[root][name]] >= depth.rank[required]
	some filler in integration.names[root]
}

_state("none") := "missing"

_state(actual) := "shallow" if actual != "none"

_words("none") := "nothing of it"

_words(actual) := sprintf("%s depth", [actual]) if actual != "none"
