# METADATA
# title: The integration user can read every required view
# description: >-
#   Each required view is shared with the user with Read, directly or through a team; or the user owns it; or it
#   is a system view, which cannot be shared and needs no share.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/user/grid-filters-advanced
#     description: Create and manage personal views on a grid page
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/security-sharing-assigning
#     description: Sharing and assigning
# custom:
#   severity: high
#   requires: [users, teams]
#   fixes: [share-view, find-view]
#   consequence: >-
#     The view cannot be chosen as the source of an account or person list, and a list made from it stops
#     refreshing.
#   remediation: Have the view's owner share it with the integration user, with Read only.
package dbaudit.rules.view.shared

import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.views

metadata := rego.metadata.chain()[1].annotations.custom

# METADATA
# description: The view exists, and nothing lets the integration user read it.
findings contains {
	"control": control.id,
	"message": sprintf("the view %q of the table %s is not shared with the user %q", [
		required.name,
		required.table,
		input.users[integration.user].name,
	]),
	"subject": {"kind": "required-view", "id": "", "name": required.name, "table": required.table},
	"evidence": {"state": "not-shared", "table": required.table, "view": required.name, "views": sort(ids)},
	"fix": {
		"kind": "share-view",
		"table": required.table,
		"view": {"id": meant, "name": required.name},
		"owner": owner,
		"user": integration.user_reference,
	},
} if {
	some control in profile.controls["view/shared"]
	some i in _unreadable
	ids := views.found[i]
	required := input.requirement.views[i]
	meant := min(object.get(_views_of_owner, i, ids))
	owner := views.owners[meant]
}

# METADATA
# description: No available identity sees such a view, and the integration user does not either.
findings contains {
	"control": control.id,
	"message": sprintf("the user %q sees no view %q of the table %s: it is missing or not shared", [
		input.users[integration.user].name,
		required.name,
		required.table,
	]),
	"subject": {"kind": "required-view", "id": "", "name": required.name, "table": required.table},
	"evidence": {"state": "not-visible", "table": required.table, "view": required.name},
	"fix": {
		"kind": "find-view",
		"table": required.table,
		"view": {"name": required.name},
		"owner": {"name": required.owner},
		"user": integration.user_reference,
	},
} if {
	some control in profile.controls["view/shared"]
	some i in _unreadable
	not views.found[i]
	required := input.requirement.views[i]
}

_unreadable contains i if {
	integration.user
	some i, _ in input.requirement.views
	not i in views.satisfied
	not views.undecided[i]
}

# METADATA
# description: The found views that belong to the configured owner.
_views_of_owner[i] contains id if {
	some i, ids in views.found
	some id in ids
	owner := input.users[input.views[id].owner_id]
	lower(owner.domain_name) == lower(input.requirement.views[i].owner)
}

not_applicable := views.no_subject

# METADATA
# description: >-
#   A readable view may not be the required one, so a section that was not read is never ignored.
# scope: document
unknown contains views.undecided[_][_]

unknown contains views.system_views_unread[_]

notes contains sprintf("%q is owned by the team %q; the user %q is a member, so no share is needed", [
	required.name,
	input.teams[team].name,
	input.users[integration.user].name,
]) if {
	some i, ids in views.usable
	required := input.requirement.views[i]
	some id in ids
	team := views.owned_by_team[id]
}

# METADATA
# description: >-
#   The configured owner is a hint for finding a view, so a view of that name that belongs to another user
#   counts too.
notes contains sprintf("%q is met by a view of that name, but not by the one of its configured owner %q: check which one is synchronized", [
	required.name,
	required.owner,
]) if {
	some i, owned in _views_of_owner
	required := input.requirement.views[i]
	count(views.usable[i]) > 0
	views.usable[i] & owned == set()
}

notes contains sprintf("%q is met by a system view; it is unknown whether the user also sees a personal view of that name", [
	required.name,
]) if {
	some i in views.uncertain_system_views
	required := input.requirement.views[i]
}

notes contains sprintf("%q is a system view: every user with prvReadQuery sees it, and it cannot be shared", [
	required.name,
]) if {
	some i in views.met_by_system_view
	required := input.requirement.views[i]
}
