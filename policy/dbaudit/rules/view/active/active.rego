# METADATA
# title: No required view is deactivated
# description: Each required view that was found is active; where none is required, each view shared with the user.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/reference/entities/userquery
#     description: Saved View (UserQuery) table reference
# custom:
#   severity: medium
#   requires: [users, teams]
#   consequence: A deactivated view cannot be chosen, and the list made from it goes stale.
#   remediation: Have the view's owner activate it.
package dbaudit.rules.view.active

import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.views

findings contains {
	"control": control.id,
	"message": sprintf("the view %q of the table %s is deactivated", [view.name, view.table]),
	"subject": {"kind": "view", "id": id, "name": view.name, "table": view.table},
	"evidence": {"active": false, "table": view.table},
	"fix": {
		"kind": "activate-view",
		"table": view.table,
		"view": {"id": id, "name": view.name},
		"owner": views.owner_reference(id),
	},
} if {
	some control in profile.controls["view/active"]
	integration.user
	some id in _judged
	view := input.views[id]
	not view.active
}

findings contains {
	"control": control.id,
	"message": sprintf("the system view %q of the table %s is deactivated", [view.name, view.table]),
	"subject": {"kind": "view", "id": id, "name": view.name, "table": view.table},
	"evidence": {"active": false, "table": view.table},
	"fix": {"kind": "activate-view", "table": view.table, "view": {"id": id, "name": view.name}},
} if {
	some control in profile.controls["view/active"]
	integration.user
	some i, ids in views.system
	not _readable[i]
	not _active_system[i]
	some id in ids
	view := input.system_views[id]
}

# METADATA
# description: Of each required view those that the user can read or, where it can read none, all that were found.
_judged := {id | some i, _ in views.found; some id in object.get(_readable, i, views.found[i])} if {
	count(input.requirement.views) > 0
} else := views.readable

_readable[i] contains id if {
	some i, ids in views.found
	some id in ids
	id in views.readable
}

_active_system[i] contains id if {
	some i, ids in views.system
	some id in ids
	input.system_views[id].active
}

not_applicable contains reason if some reason in integration.no_user

not_applicable contains sprintf("no required view was found, see %s", [profile.ids["view/shared"]]) if {
	count(input.requirement.views) > 0
	count(views.found) == 0
	count(views.system) == 0
	count(views.unseen) == 0
}

unknown contains reason if {
	count(views.unseen) > 0
	some reason in views.unread
}

unknown contains reason if {
	count(input.requirement.views) == 0
	not views.list_read
	some reason in views.unread
}
