# METADATA
# title: The integration user has no administrator role
# description: >-
#   Neither System Administrator nor System Customizer, known by their role templates, is assigned to the user
#   directly or through a team.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/database-security#predefined-security-roles
#     description: Predefined security roles
# custom:
#   severity: high
#   requires: [users, teams, roles]
#   fixes: [unassign-role, remove-from-team]
#   consequence: An administrator role makes the custom role's limits meaningless.
#   remediation: Remove the administrator role from the user or from the team.
package dbaudit.rules.user["no-administrator"]

import data.dbaudit.danger
import data.dbaudit.integration
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the user %q has the administrator role %q: %s", [
		input.users[integration.user].name,
		name,
		concat(" and ", ways),
	]),
	"subject": {"kind": "role", "id": root, "name": name},
	"evidence": {"template": template, "ways": ways},
	"fix": fix,
} if {
	some control in profile.controls["user/no-administrator"]
	some root, template in _administrators
	name := min(integration.names[root])
	ways := sort(integration.ways[root])
	fix := _fixes[root]
}

unknown contains reason if {
	some root, reasons in integration.uncertain_roles
	_templates[root]
	some reason in reasons
}

notes contains sprintf("the role %q has no effect now, but could have again: %s", [name, text]) if {
	some root, texts in integration.ineffective_roles
	_templates[root]
	not _administrators[root]
	name := min(integration.names[root])
	some text in texts
}

not_applicable := integration.no_user

# METADATA
# description: The user's administrator roles, by root, with the name of the template.
_administrators[root] := template if {
	some root, template in _templates
	integration.ways[root]
	not integration.uncertain_roles[root]
}

_templates[copy.root_id] := danger.administrators[lower(copy.template_id)] if some copy in input.roles

# METADATA
# description: >-
#   If the user has the role only through a team, the role or the user must be removed from the team.
# scope: document
_fixes[root] := {
	"kind": "unassign-role",
	"role": {"id": root, "name": name},
	"user": integration.user_reference,
} if {
	some root, _ in _administrators
	root in integration.assigned
	name := min(integration.names[root])
}

_fixes[root] := {
	"kind": "remove-from-team",
	"role": {"id": root, "name": name},
	"team": team,
	"user": integration.user_reference,
} if {
	some root, _ in _administrators
	not root in integration.assigned
	name := min(integration.names[root])
	id := min(integration.teams[root])
	team := {"id": id, "name": input.teams[id].name}
}
