# METADATA
# title: The subjects of the verdict
# description: >-
#   The integration that the rules judged: its user, its role, the granted and the required depths of the minimum,
#   the privileges that the role grants beyond the minimum, and those that the configuration allows. Values that do
#   not exist or were not read are null.
package dbaudit.judged

import data.dbaudit.catalogue
import data.dbaudit.depth
import data.dbaudit.integration as chosen
import data.dbaudit.profile
import data.dbaudit.surplus

# METADATA
# description: The result's integration.
integration := {
	"user": _user,
	"role": _role,
	"granted": _granted,
	"required": _required,
	"surplus": _surplus,
	"allowed": sort(input.requirement.allow),
}

default _user := null

_user := {"kind": "user", "id": chosen.user, "name": input.users[chosen.user].name} if _were_read({"users"})

default _role := null

_role := {"kind": "role", "id": chosen.role, "name": chosen.role_name} if {
	_were_read(_role_sections)
	count(chosen.role_undecided) == 0
}

# METADATA
# description: The sections that are needed to choose the role. A configured role is found among the roles alone.
_role_sections := {"roles"} if {
	input.requirement.role != ""
} else := {"users", "teams", "roles", "role_privileges"}

default _granted := null

_granted := chosen.granted if _were_read({"users", "teams", "roles", "role_privileges"})

default _required := null

_required := depth.required if _were_read({"privileges"})

default _surplus := null

_surplus := surplus.in_display_order if {
	profile.controls["role/least-privilege"]
	_role.id
	_were_read({"role_privileges"})
}

_were_read(sections) if count(sections - _read_sections) == 0

_read_sections := catalogue.read_sections(input.coverage)
