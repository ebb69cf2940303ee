# METADATA
# title: Every required view lists accounts, contacts or leads
# description: The table of each required view is one that the vendor can make lists from.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/saved-queries
#     description: Saved queries
# custom:
#   severity: medium
#   requires: [users]
#   fixes: [correct-configuration]
#   consequence: Sharing a view of another table has no effect, because no list can be made from it.
#   remediation: Name a view of accounts, contacts or leads in the configuration.
package dbaudit.rules.view.table

import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.views

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the required view %q is of the table %s; lists are made from %s", [
		required.name,
		required.table,
		concat(", ", _allowed),
	]),
	"subject": {"kind": "required-view", "id": "", "name": required.name, "table": required.table},
	"evidence": {"table": required.table, "allowed": _allowed},
	"fix": {"kind": "correct-configuration", "table": required.table, "view": {"name": required.name}},
} if {
	integration.user
	some control in profile.controls["view/table"]
	some required in input.requirement.views
	not lower(required.table) in _allowed
}

_allowed := object.get(profile.current, "view_tables", [])

not_applicable := views.no_subject
