# METADATA
# title: The role does not give an administrator's powers
# description: >-
#   The role grants no combination of privileges by which its holder can change and assign security roles, make
#   administrators, change the organization's settings, or import and publish customizations.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
#   - ref: https://learn.microsoft.com/power-platform/admin/miscellaneous-privileges
#     description: Miscellaneous privileges
# custom:
#   severity: high
#   requires: [roles, role_privileges]
#   fixes: [remove-privilege]
#   offline: true
#   consequence: Anyone with the role can give themselves more rights.
#   remediation: Remove the privileges that the finding names from the role, and leave this work to administrators.
package dbaudit.rules.lint.administrator

import data.dbaudit.danger
import data.dbaudit.integration
import data.dbaudit.lint
import data.dbaudit.surplus
import data.dbaudit.words

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the role %q can %s (%s)", [
		subject.name,
		concat("; ", sort(object.keys(powers))),
		concat(", ", names),
	]),
	"subject": subject,
	"evidence": {"powers": sort(object.keys(powers)), "privileges": names},
	"fix": {
		"kind": "remove-privilege",
		"role": target,
		"privileges": [lint.fix_privilege(role, name) | some name in names],
	},
} if {
	some control in lint.controls["lint/administrator"]
	some role, powers in _powers
	names := sort({name | some held in powers; some name in held})
	subject := lint.subjects[role]
	target := lint.references[role]
}

not_applicable := lint.not_applicable

# METADATA
# description: The powers that a role gives, each with the privileges that give it. The vendor requires none of them.
_powers[role][power] := {name | some key in union(held); name := granted[key]} if {
	some role, granted in _granted
	some power, sets in danger.powers
	held := {common | some set in sets; common := set & object.keys(granted)}
	not set() in held
}

# METADATA
# description: The privileges of a role that can give a power, as its file spells them, by name in lower case.
_granted[role] := {key: name | some name, _ in grants; key := lower(name); key in _powerful} if {
	some role, grants in input.role_privileges
	count(_lowered(role, grants) & _powerful) > 0
}

# METADATA
# description: The privileges that a role grants, in lower case; those of the integration role without the minimum.
_lowered(role, grants) := surplus.lowered if {
	role == integration.role
} else := {name | some name in words.lowered(object.keys(grants))}

_powerful := danger.powerful - surplus.accepted
