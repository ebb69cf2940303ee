# METADATA
# title: The integration
# description: Which user and which role are the integration's, and which roles are assigned to the user.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.integration

import data.dbaudit.access
import data.dbaudit.depth
import data.dbaudit.profile

# METADATA
# description: Custom roles that are in effect for the user.
_assigned_custom_roles contains role.root_id if {
	some id in assigned_copies
	role := input.roles[id]
	role.template_id == ""
}

# METADATA
# description: The assigned custom roles that grant some of the minimum, or with grants that were not read.
# scope: document
_useful_roles contains root if {
	some root in _assigned_custom_roles
	input.role_privileges[root]
	count(_granted_minimum(root)) > 0
}

_useful_roles contains root if {
	some root in _assigned_custom_roles
	not input.role_privileges[root]
}

# METADATA
# description: The role of the vendor's own solution that the profile adds to.
_vendor_roles contains role.root_id if {
	some role in input.roles
	lower(role.name) == lower(profile.current.supplements)
}

# METADATA
# description: Custom roles with a name that matches the profile's pattern.
_matching_roles contains role.root_id if {
	some role in input.roles
	role.template_id == ""
	profile.matches_pattern(role.name)
}

# METADATA
# description: >-
#   How much of the minimum a role grants: first the number of privileges granted at a sufficient depth; if that
#   is equal, the number granted at any depth.
_score[root] := (1000 * count(enough)) + count(any_depth) if {
	required := object.keys(depth.required)
	some root, grants in input.role_privileges
	any_depth := _granted_minimum(root)
	enough := required - object.keys(access.insufficient(object.filter(grants, required), depth.required))
}

# METADATA
# description: The privileges of the minimum that a role grants, at any depth.
_granted_minimum(root) := profile.minimum & _granted_names(root)

# METADATA
# description: >-
#   The roles that may be the integration's: the configured one; else the role of the vendor's own solution that
#   the profile adds to; else the user's custom roles that grant some of the minimum; else custom roles that match
#   the pattern; else any custom role of the user.
candidates := {role.root_id |
	some role in input.roles
	lower(role.name) == lower(input.requirement.role)
} if {
	input.requirement.role != ""
} else := _vendor_roles if {
	count(_vendor_roles) > 0
} else := _useful_roles if {
	count(_useful_roles) > 0
} else := _matching_roles if {
	count(_matching_roles) > 0
} else := _assigned_custom_roles

# METADATA
# description: >-
#   The candidates in order: the one that grants most of the minimum first; among equals, one that the user has,
#   then by id.
_ranked_candidates := sort([[_assignment_preference(root), 0 - object.get(_score, root, 0), _assignment_rank(root), root] |
	count(candidates) > 1
	some root in candidates
])

# METADATA
# description: If several roles have the configured name, an assigned one takes precedence.
# scope: document
default _assignment_preference(_) := 0

_assignment_preference(root) := _assignment_rank(root) if input.requirement.role != ""

default _assignment_rank(_) := 1

_assignment_rank(root) := 0 if ways[root]

# METADATA
# description: The integration role, as the id of its root.
role := root if {
	count(candidates) == 1
	some root in candidates
} else := _ranked_candidates[0][3]

# METADATA
# description: Why it is unknown which of several roles is the integration's.
role_undecided contains "several roles could be the integration role, and what they grant was not read" if {
	count(candidates) > 1
	some root in candidates
	not input.role_privileges[root]
}

# METADATA
# description: The name of each role by its root, which all copies share.
names[copy.root_id] contains copy.name if some copy in input.roles

role_name := min(names[role])

# METADATA
# description: The role as fixes refer to it.
role_reference := {"id": role, "name": role_name}

# METADATA
# description: The configured name of the role, else the name for a new role.
required_role_name := input.requirement.role if {
	input.requirement.role != ""
} else := profile.current.role_name

# METADATA
# description: Copies of the role that cannot be edited.
role_locked contains id if {
	some id, copy in input.roles
	copy.root_id == role
	not copy.customizable
}

# METADATA
# description: Copies of the role that were made from a role template.
role_built_in contains id if {
	some id, copy in input.roles
	copy.root_id == role
	copy.template_id != ""
}

# METADATA
# description: >-
#   Whether the role is a custom one that can be edited, so that a fix may change it. In a solution's files,
#   anyone with the file can edit the role, whatever happens when the solution is installed.
# scope: document
role_editable if {
	role
	count(role_locked | role_built_in) == 0
}

role_editable if {
	role
	input.source == "solution"
}

# METADATA
# description: Why rules about the role cannot apply.
no_role contains sprintf("there is no integration role to judge%s", [profile.see("role/exists")]) if {
	not role
}
