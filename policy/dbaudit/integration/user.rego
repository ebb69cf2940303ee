package dbaudit.integration

import data.dbaudit.profile
import data.dbaudit.units

is_configured if input.requirement.application_id != ""

is_configured if input.requirement.user != ""

# METADATA
# description: >-
#   The live users that the configuration names or, if it names none, those with a name that matches the pattern.
# scope: document
users contains id if {
	input.requirement.application_id != ""
	some id, candidate in input.users
	lower(candidate.application_id) == lower(input.requirement.application_id)
	not candidate.deleted
}

users contains id if {
	input.requirement.application_id == ""
	input.requirement.user != ""
	some id, candidate in input.users
	lower(candidate.domain_name) == lower(input.requirement.user)
	not candidate.deleted
}

users contains id if {
	not is_configured
	some id, candidate in input.users
	candidate.application_id != ""
	profile.matches_pattern(candidate.name)
	not candidate.deleted
}

# METADATA
# description: The users among which the configuration must choose before anything can be judged.
ambiguous contains id if {
	not is_configured
	count(users) > 1
	some id in users
}

# METADATA
# description: The integration user's id, if there is exactly one.
user := id if {
	count(users) == 1
	some id in users
}

# METADATA
# description: The user as fixes refer to it.
user_reference := {"kind": "systemuser", "id": user, "name": input.users[user].name}

# METADATA
# description: The user's business unit.
# scope: document
default unit := ""

unit := input.users[user].business_unit_id

# METADATA
# description: Teams of the user without effect, because their business unit, or one above it, is disabled.
ineffective_teams contains team if {
	some team in input.users[user].teams
	count(units.disabled(input.teams[team].business_unit_id)) > 0
}

# METADATA
# description: The other teams of the user.
effective_teams contains team if {
	some team in input.users[user].teams
	not team in ineffective_teams
}

# METADATA
# description: Effective teams for which it is unknown whether their business unit, or one above it, is disabled.
uncertain_teams contains team if {
	some team in effective_teams
	not _is_unit_known(team)
}

_is_unit_known(team) if units.known(input.teams[team].business_unit_id)

# METADATA
# description: >-
#   The principals with shares that count for the user: the user and its teams.
# scope: document
principals contains user

principals contains team if some team in effective_teams

# METADATA
# description: Why rules about the user cannot apply.
no_user contains sprintf("there is no single integration user to judge%s", [profile.see("user/exists")]) if {
	not user
}
