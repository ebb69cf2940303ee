package dbaudit.integration

import data.dbaudit.profile

# METADATA
# description: Notes for the reader of the verdict about these choices.
# scope: document
notes contains note if some note in profile.current.notes

notes contains sprintf("assumed integration role: %q (%s); set role: to choose", [role_name, _role_reason]) if {
	input.requirement.role == ""
}

notes contains sprintf("several roles could be the integration role: %q was judged, not %s", [role_name, others]) if {
	count(candidates) > 1
	others := concat(", ", sort([sprintf("%q (%s)", [min(names[root]), root]) |
		some root in candidates
		root != role
	]))
}

notes contains sprintf("%s: %s", [replace(section, "_", " "), coverage.detail]) if {
	some section, coverage in input.coverage
	coverage.state == "collected"
	coverage.detail != ""
}

notes contains sprintf("assumed integration user: %q, by its name; set app_id: or user: to choose", [input.users[user].name]) if not is_configured

notes contains "views not checked: none is configured" if {
	input.source == "environment"
	count(input.requirement.views) == 0
	profile.controls["view/shared"]
}

notes contains text if {
	profile.current.depth == "deepest"
	text := concat("", [
		"the article does not state access levels: dbaudit requires the highest level each privilege allows; ",
		"lower it with depth: in dbaudit.yaml",
	])
}

_is_vendor_role if lower(role_name) == lower(profile.current.supplements)

default _role_reason := "a custom role of the user"

_role_reason := "the role of the vendor's solution that the profile adds to" if {
	_is_vendor_role
} else := "of the user's custom roles, it covers most of the minimum" if {
	role in _useful_roles
} else := "its name matches" if {
	profile.matches_pattern(role_name)
}
