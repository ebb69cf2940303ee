# METADATA
# title: The role can be edited after its solution is installed
# description: >-
#   The role's managed property IsCustomizable is true, so that the role can be edited after its solution is
#   installed as managed.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/alm/managed-properties-alm
#     description: Managed properties
# custom:
#   severity: low
#   requires: [roles]
#   fixes: []
#   offline: true
#   consequence: Missing privileges can be added only by a new version of the role's solution.
#   remediation: Set IsCustomizable to 1.
package dbaudit.rules.lint.locked

import data.dbaudit.lint
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the role %q cannot be edited once its solution is installed as managed (IsCustomizable is 0)", [
		role.name,
	]),
	"subject": subject,
	"evidence": {"customizable": false, "managed": role.managed},
} if {
	not profile.controls["role/custom"]
	some control in lint.controls["lint/locked"]
	some id, role in input.roles
	not role.customizable
	subject := lint.subjects[id]
}

# METADATA
# description: The rule role/custom reports the same fault, so it is not reported twice.
# scope: document
not_applicable contains reason if some reason in lint.not_applicable

not_applicable contains sprintf("the profile already judges this%s", [profile.see("role/custom")]) if {
	count(lint.subjects) > 0
	count(lint.controls["lint/locked"]) > 0
	profile.controls["role/custom"]
}
