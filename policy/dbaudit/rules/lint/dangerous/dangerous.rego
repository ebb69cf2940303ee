# METADATA
# title: No dangerous privilege is granted
# description: >-
#   The role grants no privilege by which its holder acts in another's name, evades the organization's own
#   checks, or removes records and their history in bulk, unless the profile asks for it or allows it.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/miscellaneous-privileges
#     description: Miscellaneous privileges
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/impersonate-another-user
#     description: Impersonate another user
# custom:
#   severity: high
#   requires: [roles, role_privileges]
#   offline: true
#   consequence: What the holder of the role does cannot be prevented, or cannot be told from what others do.
#   remediation: Delete the line, or list the privilege in allow where it is meant.
package dbaudit.rules.lint.dangerous

import data.dbaudit.lint
import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("%s lets the role's holder %s", [lines[0].name, danger]),
	"subject": subject,
	"evidence": {"privilege": name, "entry": lines[0].entry},
	"fix": {
		"kind": "remove-privilege",
		"role": target,
		"privileges": [granted],
	},
} if {
	some control in lint.controls["lint/dangerous"]
	some role, privileges in lint.lines
	some name, lines in privileges
	key := lower(name)
	danger := _dangers[key]
	not key in profile.accepted
	subject := lint.subjects[role]
	target := lint.references[role]
	granted := object.get(lint.grants, [role, name], {"name": name})
}

not_applicable := lint.not_applicable

_dangers := {
	"prvactonbehalfofanotheruser": "act in the name of any other user",
	"prvactonbehalfofexternalparty": "act in the name of an external party",
	"prvbulkdelete": "delete records in bulk",
	"prvbypasscustombusinesslogic": "evade the organization's plug-ins and workflows",
	"prvbypasscustomplugins": "evade the organization's plug-ins",
	"prvdeleteauditpartitions": "delete the audit log",
	"prvdeleteauditrecordchangehistory": "delete the audit history of records",
	"prvoverridecreatedoncreatedby": "write records as if somebody else had made them",
	"prvsendasuser": "send e-mail as another user",
}
