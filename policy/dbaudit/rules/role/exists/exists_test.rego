package dbaudit.rules.role.exists_test

import data.dbaudit.rules.role.exists
import data.dbaudit.testing

_finding(name, message, privileges) := {
	"control": "DB-ROLE-EXISTS",
	"message": message,
	"subject": {"kind": "role", "id": "", "name": name},
	"evidence": {"role": name, "state": "missing"},
	"fix": {"kind": "create-role", "role": {"name": name}, "privileges": privileges},
}

_grants(names) := [{"name": name, "id": sprintf("id of %s", [name]), "depth": testing.grants[name]} |
	some name in sort(names)
]

test_success_the_configured_role if {
	exists.findings == set() with input as testing.snapshot
	exists.findings == set() with input as testing.no_user
}

test_success_a_deduced_role if {
	exists.findings == set() with input as testing.changed({"/requirement/role": ""})
	exists.findings == set() with input as testing.patched(testing.no_user, {"/requirement/role": ""})
}

test_fail_no_role_has_the_configured_name if {
	exists.findings == {_finding(
		"My role",
		`there is no security role named "My role"`,
		_grants(testing.minimum),
	)} with input as testing.changed({"/requirement/role": "My role"})
}

test_fail_no_role_can_be_deduced if {
	exists.findings == {_finding(
		"Demandbase Integration",
		`the integration user has no custom security role, and no role has "demandbase" in its name`,
		_grants(testing.minimum),
	)} with input as testing.patched(testing.no_role, {"/requirement/role": ""})
}

test_fail_no_role_of_a_file_matches if {
	exists.findings == {_finding(
		"Demandbase Integration",
		`no role in the files has "demandbase" in its name`,
		_grants(testing.minimum),
	)} with input as testing.patched(testing.no_role, {"/requirement/role": "", "/source": "solution"})
}

test_fail_new_role_has_the_defined_privileges if {
	exists.findings == {_finding(
		"Demandbase Integration",
		`there is no security role named "Demandbase Integration"`,
		_grants(testing.minimum - {"prvReadLead"}),
	)} with input as testing.without(testing.no_role, ["/privileges/prvReadLead"])
}

test_fail_role_of_a_solution_does_not_exist if {
	exists.findings == {{
		"control": "DB-ROLE-EXISTS",
		"message": `there is no security role named "Vendor Service": install the vendor's solution, which contains it`,
		"subject": {"kind": "role", "id": "", "name": "Vendor Service"},
		"evidence": {"role": "Vendor Service", "state": "missing"},
	}} with input as testing.patched(testing.no_role, {"/requirement/role": ""})
		with data.profiles.demandbase as object.union(testing.profile, {"supplements": "Vendor Service"})
}
