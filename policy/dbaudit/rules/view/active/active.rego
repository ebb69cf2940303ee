# METADATA
# title: No required view is deactivated
# description: Each required view that was found is active; if none is required, each view shared with the user.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/reference/entities/userquery
#     description: Saved View (UserQuery) table/entity reference
# custom:
#   severity: medium
#   requires: [users, teams]
#   fixes: [activate-view]
#   consequence: A deactivated view cannot be chosen, and the list made from it goes stale.
#   remediation: Have the view's owner activate it.
package dbaudit.rules.view.active

import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.views

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the view %q of the table %s is deactivated", [view.name, view.table]),
	"subject": {"kind": "view", "id": id, "name": view.name, "table": view.table},
	"evidence": {"active": false, "table": view.table},
	"fix": {
		"kind": "activate-view",
		"table": view.table,
		"view": {"id": id, "name": view.name},
		"owner": owner,
	},
} if {
	integration.user
	some control in profile.controls["view/active"]
	some id in _judged
	view := input.views[id]
	not view.active
	owner := views.owners[id]
}

findings contains {
	"control": control.id,
	"message": sprintf("the system view %q of the table %s is deactivated", [view.name, view.table]),
	"subject": {"kind": "view", "id": id, "name": view.name, "table": view.table},
	"evidence": {"active": false, "table": view.table},
	"fix": {"kind": "activate-view", "table": view.table, "view": {"id": id, "name": view.name}},
} if {
	integration.user
	some control in profile.controls["view/active"]
	some i in (views.met_by_system_view - views.uncertain_system_views)
	not i in _active_system
	some id in views.system_views[i]
	view := input.system_views[id]
}

# METADATA
# description: >-
#   For each required view that no system view meets: the views that the user can read or, if it can read none,
#   all that were found. If no view is required: the views that are shared with the user.
# scope: document
_judged contains id if {
	some i, ids in views.found
	not i in views.met_by_system_view
	some id in object.get(views.usable, i, ids)
}

_judged contains id if {
	count(input.requirement.views) == 0
	some id in views.readable
	owner := input.views[id].owner_id
	not owner in integration.principals
}

# METADATA
# description: Required views that are met by an active system view.
_active_system contains i if {
	some i in views.met_by_system_view
	some id in views.system_views[i]
	input.system_views[id].active
}

not_applicable contains reason if some reason in integration.no_user

not_applicable contains sprintf("no required view was found%s", [profile.see("view/shared")]) if {
	count(input.requirement.views) > 0
	count(views.found) == 0
	count(views.met_by_system_view) == 0
	count(views.unseen) == 0
}

unknown contains reason if {
	some i in views.unseen
	some reason in views.undecided[i]
}

# METADATA
# description: A system view is not judged if there may be a personal view of the same name, which could not be read.
unknown contains sprintf("%q is a system view, and there may be a personal view of that name; %s", [required.name, reason]) if {
	some i in views.uncertain_system_views
	required := input.requirement.views[i]
	some reason in views.own_list_unread
}

unknown contains reason if {
	count(input.requirement.views) == 0
	some reason in views.own_list_unread
}

unknown contains reason if {
	count(input.requirement.views) == 0
	some id, reason in views.contradicted
	not input.views[id].active
}
