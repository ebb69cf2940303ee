package dbaudit.integration

import data.dbaudit.units

# METADATA
# description: Copies of roles that are assigned to the user directly.
direct_roles contains id if {
	some id in input.users[user].roles
	not _is_leftover(id, unit)
}

# METADATA
# description: Copies of roles that are assigned to each team of the user.
_roles_by_team[team] contains id if {
	some team in effective_teams
	some id in input.teams[team].roles
	home := input.teams[team].business_unit_id
	not _is_leftover(id, home)
}

# METADATA
# description: Copies of roles that are assigned to a team of the user.
team_roles contains id if some id in _roles_by_team[_]

assigned_copies := direct_roles | team_roles

# METADATA
# description: >-
#   Whether a copy has no effect because it belongs to a different business unit than its holder. It is left over
#   from the time when record ownership across business units was on.
_is_leftover(id, home) if {
	input.organization.ownership_across_business_units == "off"
	input.roles[id].business_unit_id != home
}

# METADATA
# description: Copies for which it is unknown whether they are left over.
# scope: document
_uncertain_copies contains id if {
	input.organization.ownership_across_business_units == "unknown"
	some id in direct_roles
	input.roles[id].business_unit_id != unit
}

_uncertain_copies contains id if {
	input.organization.ownership_across_business_units == "unknown"
	some team, ids in _roles_by_team
	some id in ids
	input.roles[id].business_unit_id != input.teams[team].business_unit_id
}

# METADATA
# description: Copies of roles that are certainly in effect for the user.
# scope: document
_certain_copies contains id if {
	some id in direct_roles
	not id in _uncertain_copies
}

_certain_copies contains id if {
	some team, ids in _roles_by_team
	not team in uncertain_teams
	some id in ids
	not id in _uncertain_copies
}

# METADATA
# description: >-
#   Why it is unknown whether a role is in effect for the user, by the role's root; no entry if it is known.
# scope: document
uncertain_roles[root] contains reason if {
	some team in uncertain_teams
	some id in _roles_by_team[team]
	root := input.roles[id].root_id
	not root in _certain_roots
	reason := sprintf("it is unknown whether the business unit of the team %q, or one above it, is disabled%s", [
		input.teams[team].name,
		units.detail,
	])
}

uncertain_roles[root] contains reason if {
	some id in _uncertain_copies
	root := input.roles[id].root_id
	not root in _certain_roots
	reason := sprintf("the role %q is assigned as another business unit's copy, and the record-ownership setting was not read", [
		input.roles[id].name,
	])
}

_certain_roots contains input.roles[id].root_id if some id in _certain_copies

# METADATA
# description: The roles that are assigned to the user itself, by root.
assigned contains root if {
	some id in direct_roles
	root := input.roles[id].root_id
}

# METADATA
# description: The teams through which the user has a role, by the role's root.
teams[root] contains team if {
	some team, ids in _roles_by_team
	some id in ids
	root := input.roles[id].root_id
}

# METADATA
# description: The roles in effect for the user, by root, each with how it is assigned, in words.
# scope: document
ways[root] contains "assigned to the user" if some root in assigned

ways[root] contains way if {
	some root, through in teams
	some team in through
	way := sprintf("through the team %q", [input.teams[team].name])
}

# METADATA
# description: Roles that are assigned but have no effect for the user, by root, in words.
# scope: document
ineffective_roles[root] contains text if {
	some team in ineffective_teams
	some id in input.teams[team].roles
	root := input.roles[id].root_id
	some above in units.disabled(input.teams[team].business_unit_id)
	text := sprintf("the team %q has it, but the business unit %q is disabled", [
		input.teams[team].name,
		input.business_units[above].name,
	])
}

ineffective_roles[root] contains text if {
	some id in input.users[user].roles
	_is_leftover(id, unit)
	root := input.roles[id].root_id
	text := "the user has another business unit's copy of it, but record ownership across business units is off"
}

ineffective_roles[root] contains text if {
	some team in effective_teams
	some id in input.teams[team].roles
	_is_leftover(id, input.teams[team].business_unit_id)
	root := input.roles[id].root_id
	text := sprintf("the team %q has another business unit's copy of it, but record ownership across business units is off", [
		input.teams[team].name,
	])
}
