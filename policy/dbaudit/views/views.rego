# METADATA
# title: Views
# description: >-
#   Which views are required, which were found, and which the integration user can read. A personal view
#   (userquery) is seen by its owner and by those it is shared with, and by nobody else: what is known of it
#   depends on whose list was read. A system view (savedquery) belongs to the organization and cannot be
#   shared.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/reference/entities/userquery
#     description: Saved View (UserQuery) table reference
package dbaudit.views

import data.dbaudit.integration
import data.dbaudit.profile

# METADATA
# description: Personal views of each required view's table and name, by its place in the configuration.
found[i] contains id if {
	some i, required in input.requirement.views
	some id, view in input.views
	lower(view.name) == lower(required.name)
	lower(view.table) == lower(required.table)
}

# METADATA
# description: System views of each required view's table and name.
system[i] contains id if {
	some i, required in input.requirement.views
	some id, view in input.system_views
	lower(view.name) == lower(required.name)
	lower(view.table) == lower(required.table)
}

# METADATA
# description: Whether the list of personal views that the integration user sees was read. Where it was, it decides.
list_read if input.coverage.user_views.state == "collected"

shares_read if input.coverage.shares.state == "collected"

system_read if input.coverage.system_views.state == "collected"

# METADATA
# description: Personal views that the integration user can read.
readable contains id if {
	some id, view in input.views
	"integration-user" in view.seen_by
}

readable contains id if {
	some id, view in input.views
	view.owner_id in integration.principals
}

readable contains id if {
	not list_read
	some principal in integration.principals
	some id, share in input.shares[principal]
	"read" in share.rights
}

# METADATA
# description: Required views, by place, that the integration user can read.
satisfied contains i if {
	some i, ids in found
	some id in ids
	id in readable
}

satisfied contains i if {
	some i, _ in system
	not _personal_meant(i)
}

# METADATA
# description: An owner in the configuration, and a view of that owner's, say that the personal view is meant.
_personal_meant(i) if {
	input.requirement.views[i].owner != ""
	found[i]
}

# METADATA
# description: Required views that cannot be judged, because too little was read.
undecided contains i if {
	some i, _ in input.requirement.views
	not i in satisfied
	not list_read
	not found[i]
}

undecided contains i if {
	some i, _ in input.requirement.views
	not i in satisfied
	not list_read
	not shares_read
}

undecided contains i if {
	some i, _ in input.requirement.views
	not i in satisfied
	not found[i]
	not system_read
}

# METADATA
# description: Undecided views of which no identity at hand saw so much as the row.
unseen contains i if {
	some i in undecided
	not found[i]
	not system[i]
}

# METADATA
# description: Why views could not be judged.
unread contains sprintf("the views that the integration user sees were not read: %s", [
	input.coverage.user_views.detail,
]) if {
	not list_read
}

unread contains sprintf("the system views were not read: %s", [input.coverage.system_views.detail]) if {
	list_read
	not system_read
}

none_required contains "the configuration requires no view" if count(input.requirement.views) == 0

owner_reference(id) := {"id": input.views[id].owner_id, "name": _owner_name(input.views[id].owner_id)}

_owner_name(id) := input.users[id].name if {
	input.users[id]
} else := input.teams[id].name if {
	input.teams[id]
} else := ""

# METADATA
# description: Why rules about required views cannot apply.
no_subject := integration.no_user | none_required

table_words := concat(", ", profile.current.view_tables)
