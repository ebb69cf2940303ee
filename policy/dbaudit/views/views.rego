# METADATA
# title: Views
# description: >-
#   Which views are required, which were found, and which the integration user can read. Only its owner and those
#   it is shared with see a personal view (userquery), so what is known about it depends on whose list was read. A
#   system view (savedquery) belongs to the organization and cannot be shared.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/saved-queries
#     description: Saved queries
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/reference/entities/userquery
#     description: Saved View (UserQuery) table/entity reference
package dbaudit.views

import data.dbaudit.coverage
import data.dbaudit.integration

# METADATA
# description: The personal views with the table and name of each required view, by its index in the configuration.
found[i] contains id if {
	some i, required in input.requirement.views
	some id, view in input.views
	lower(view.name) == lower(required.name)
	lower(view.table) == lower(required.table)
}

# METADATA
# description: The system views with the table and name of each required view, by its index.
system_views[i] contains id if {
	some i, required in input.requirement.views
	some id, view in input.system_views
	lower(view.name) == lower(required.name)
	lower(view.table) == lower(required.table)
}

# METADATA
# description: >-
#   Personal views that the integration user can read: it sees them, owns them, or they are shared with it.
#   Another control checks whether it may read personal views at all.
# scope: document
readable contains id if {
	some id in _apparently_readable
	not contradicted[id]
}

# METADATA
# description: The views that the user can read according to any of its own list, the owners and the shares.
# scope: document
_apparently_readable contains id if some id in _listed

_apparently_readable contains id if {
	some id, view in input.views
	view.owner_id == integration.user
}

# METADATA
# description: >-
#   A team's members can read its views. If the user's own list was read, it shows whether this is true of a view.
_apparently_readable contains id if {
	some id, _ in owned_by_team
	not user_views_read
}

_apparently_readable contains id if {
	some principal in integration.principals
	not principal in integration.uncertain_teams
	some id, share in input.shares[principal]
	"read" in share.rights
}

# METADATA
# description: The views in the integration user's own list.
_listed contains id if {
	some id, view in input.views
	"integration-user" in view.seen_by
}

# METADATA
# description: The views that the user or one of its teams owns, or that are shared with one of them.
# scope: document
_explained contains id if {
	some id, view in input.views
	view.owner_id in _user_and_teams
}

_explained contains id if {
	some principal in _user_and_teams
	some id, share in input.shares[principal]
	"read" in share.rights
}

_user_and_teams := {integration.user} | {team | some team in input.users[integration.user].teams}

# METADATA
# description: >-
#   The contradiction between the user's own list and the owners and shares, by view. Either may be wrong, so such a
#   view is not judged.
# scope: document
contradicted[id] := sprintf("the user sees the view %q, but neither it nor its teams own it, and no share explains this", [
	input.views[id].name,
]) if {
	coverage.was_read("shares")
	some id in (_listed - _explained)
}

contradicted[id] := sprintf("the view %q belongs to the user or is shared with it, but is not in its own list", [name]) if {
	user_views_read
	some id in (_apparently_readable - _listed)
	name := object.get(input.views, [id, "name"], id)
}

# METADATA
# description: The team that owns a view, for the effective teams of the user.
owned_by_team[id] := view.owner_id if {
	some id, view in input.views
	view.owner_id in integration.effective_teams
	not view.owner_id in integration.uncertain_teams
}

# METADATA
# description: Teams that make a required view readable unless their business unit is disabled, by its index.
_uncertain_teams[i] contains team if {
	some i, ids in found
	some id in ids
	some team in integration.uncertain_teams
	"read" in input.shares[team][id].rights
}

_uncertain_teams[i] contains team if {
	some i, ids in found
	some id in ids
	team := input.views[id].owner_id
	team in integration.uncertain_teams
	not user_views_read
}

# METADATA
# description: The found views that the integration user can read, by the index of the required view.
usable[i] contains id if {
	some i, ids in found
	some id in ids
	id in readable
}

# METADATA
# description: The indexes of required views that are met by a system view.
met_by_system_view contains i if {
	some i, _ in system_views
	not usable[i]
	not i in _needs_personal_view
}

# METADATA
# description: >-
#   Those for which a personal view of the same name may exist, because the integration user's own list was not read.
#   It would be the required view.
uncertain_system_views contains i if {
	some i in met_by_system_view
	not user_views_read
}

# METADATA
# description: The indexes of required views that the integration user can read.
satisfied := object.keys(usable) | met_by_system_view

# METADATA
# description: >-
#   Required views that a system view cannot meet: the configuration names an owner, and a personal view of the
#   name was found or may exist, because not all owners' lists were read.
# scope: document
_needs_personal_view contains i if {
	some i, required in input.requirement.views
	required.owner != ""
	found[i]
}

_needs_personal_view contains i if {
	some i, required in input.requirement.views
	required.owner != ""
	not coverage.was_read("views")
}

# METADATA
# description: Why a required view cannot be judged, by its index.
# scope: document
undecided[i] contains reason if {
	some i in _unmet
	not found[i]
	some reason in own_list_unread
}

undecided[i] contains reason if {
	some i in _unmet
	not coverage.was_read("shares")
	some reason in own_list_unread
}

undecided[i] contains reason if {
	some reason in system_views_unread
	some i in _unmet
	not i in _needs_personal_view
}

undecided[i] contains reason if {
	not coverage.was_read("views")
	reason := concat("", ["the personal views of the configured owners were not read", coverage.detail("views")])
	some i in _unmet
	system_views[i]
	not found[i]
}

undecided[i] contains reason if {
	some i in _unmet
	some team in _uncertain_teams[i]
	reason := sprintf("it is unknown whether the business unit of the team %q is disabled%s", [
		input.teams[team].name,
		coverage.detail("business_units"),
	])
}

undecided[i] contains reason if {
	some i in _unmet
	some id in found[i]
	reason := contradicted[id]
}

# METADATA
# description: A view that is known only from a share may be the required one.
undecided[i] contains reason if {
	some i in _unmet
	not found[i]
	some id, reason in contradicted
	not input.views[id]
}

_unmet contains i if {
	some i, _ in input.requirement.views
	not i in satisfied
}

# METADATA
# description: The indexes of undecided views that no available identity saw.
unseen contains i if {
	some i, _ in undecided
	not found[i]
}

user_views_read if coverage.was_read("user_views")

# METADATA
# description: Why the list of personal views that the integration user sees was not read; empty if it was.
own_list_unread contains reason if {
	not user_views_read
	reason := concat("", ["the views that the integration user sees were not read", coverage.detail("user_views")])
}

# METADATA
# description: Why the system views of the required names were not read; empty if they were.
system_views_unread contains reason if {
	not coverage.was_read("system_views")
	reason := concat("", ["the system views were not read", coverage.detail("system_views")])
}

# METADATA
# description: The owners of views, as fixes refer to them.
# scope: document
owners[id] := {"kind": "systemuser", "id": view.owner_id, "name": input.users[view.owner_id].name} if {
	some id, view in input.views
}

owners[id] := {"kind": "team", "id": view.owner_id, "name": input.teams[view.owner_id].name} if {
	some id, view in input.views
}

owners[id] := object.union({"id": view.owner_id}, _kind(object.get(view, "owner_type", "unknown"))) if {
	some id, view in input.views
	not input.users[view.owner_id]
	not input.teams[view.owner_id]
}

_kind(type) := {"kind": type} if type != "unknown"

_kind("unknown") := {}

_none_required contains "the configuration requires no view" if count(input.requirement.views) == 0

# METADATA
# description: Why rules about required views cannot apply.
no_subject := integration.no_user | _none_required
