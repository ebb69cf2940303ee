# METADATA
# title: Names are spelt as Dataverse spells them
# description: No standard privilege's name differs from Dataverse's own spelling in the case of its letters.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/security-access-coding
#     description: Use code to control access
# custom:
#   severity: info
#   requires: [roles, role_privileges]
#   fixes: []
#   offline: true
#   consequence: The next export changes the line; such changes hide the real ones.
#   remediation: Write the name as Dataverse does.
package dbaudit.rules.lint.case

import data.dbaudit.lint

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s is spelt %s in Dataverse", [other[0].name, name]),
	"subject": subject,
	"evidence": {"privilege": name, "name": other[0].name, "entry": other[0].entry},
} if {
	some control in lint.controls["lint/case"]
	some role, privileges in lint.lines
	some name, lines in privileges
	other := [line | some line in lines; line.name != name; line.standard != ""]
	count(other) > 0
	subject := lint.subjects[role]
}

not_applicable := lint.not_applicable
