package dbaudit.rules.role.complete_test

import data.dbaudit.rules.role.complete
import data.dbaudit.testing

# A second role that grants everything.
_second := {
	"/roles/second": object.union(testing.role, {"name": "Second", "root_id": "second"}),
	"/role_privileges/second": testing.grants,
	"/users/user/roles": ["role", "second"],
}

_missing := {
	"control": "DB-ROLE-COMPLETE",
	"message": concat(" ", [
		"Lead – Read is granted at Organization level only by other roles (Second);",
		`"Demandbase Integration" itself does not grant it (prvReadLead)`,
	]),
	"subject": {"kind": "role", "id": "role", "name": "Demandbase Integration"},
	"evidence": {
		"privilege": "prvReadLead",
		"required_depth": "global",
		"actual_depth": "none",
		"state": "missing",
		"filled_by": ["Second"],
	},
	"fix": {
		"kind": "add-privilege",
		"role": {"id": "role", "name": "Demandbase Integration"},
		"privileges": [{"name": "prvReadLead", "id": "id of prvReadLead", "depth": "global"}],
	},
}

# Only the second role grants a privilege.
_filled := testing.without(testing.changed(_second), ["/role_privileges/role/prvReadLead"])

test_success_one_role_grants_all if {
	complete.findings == set() with input as testing.snapshot
	complete.not_applicable == set() with input as testing.snapshot
}

test_success_another_role_grants_the_same if {
	complete.findings == set() with input as testing.changed(_second)
}

test_success_gap_that_no_role_fills if {
	complete.findings == set() with input as testing.without(testing.snapshot, ["/role_privileges/role/prvReadLead"])
}

test_success_other_role_is_too_shallow_to_fill_the_gap if {
	complete.findings == set() with input as testing.patched(_filled, {"/role_privileges/second/prvReadLead": "deep"})
}

test_fail_another_role_fills_a_gap if {
	complete.findings == {_missing} with input as _filled
}

test_fail_a_team_role_fills_a_gap if {
	complete.findings == {_missing} with input as testing.patched(_filled, {
		"/users/user/roles": ["role"],
		"/teams/team/roles": ["second"],
	})
}

test_fail_another_role_is_deeper if {
	complete.findings == {object.union(_missing, {
		"message": concat(" ", [
			"Lead – Read is granted at Organization level only by other roles (Second);",
			`"Demandbase Integration" itself grants it at User level (prvReadLead)`,
		]),
		"evidence": {"actual_depth": "basic", "state": "shallow"},
		"fix": {"kind": "raise-depth"},
	})} with input as testing.patched(_filled, {"/role_privileges/role/prvReadLead": "basic"})
}

test_success_basic_rights_of_a_team_role_fill_no_gap if {
	complete.findings == set() with input as testing.patched(
		testing.without(testing.changed(_second), ["/role_privileges/role/prvReadUserQuery"]),
		{
			"/users/user/roles": ["role"],
			"/teams/team/roles": ["second"],
			"/roles/second/inherited": false,
		},
	)
}

test_fail_names_only_roles_that_fill_the_gap if {
	complete.findings == {_missing} with input as testing.patched(_filled, {
		"/roles/shallow": object.union(testing.role, {"name": "Shallow", "root_id": "shallow"}),
		"/role_privileges/shallow": {"prvReadLead": "basic"},
		"/roles/others": object.union(testing.role, {"name": "Others", "root_id": "others"}),
		"/role_privileges/others": testing.grants,
		"/users/user/roles": ["role", "second", "shallow"],
	})
}

test_fail_a_locked_role_cannot_be_completed if {
	complete.findings == {object.union(_missing, {
		"fix": {"kind": "replace-role"},
	})} with input as testing.patched(_filled, {"/roles/role/customizable": false})
}

test_fail_one_finding_for_each_privilege if {
	found := complete.findings with input as testing.without(_filled, ["/role_privileges/role/prvReadAccount"])
	{finding.evidence.privilege | some finding in found} == {"prvReadAccount", "prvReadLead"}
}

test_success_no_role_is_assigned if {
	complete.findings == set() with input as testing.patched(_filled, {"/users/user/roles": []})
	complete.findings == set() with input as testing.without(_filled, ["/users/user"])
	complete.not_applicable == set() with input as testing.without(_filled, ["/users/user"])
}

test_success_undefined_privilege_is_not_a_gap if {
	complete.findings == set() with input as testing.without(_filled, ["/privileges/prvReadLead"])
}

test_not_applicable_without_a_role if {
	complete.findings == set() with input as testing.no_role
	complete.not_applicable == {
		"there is no integration role to judge, see DB-ROLE-EXISTS",
	} with input as testing.no_role
}

test_fail_role_grants_it_for_some_records_only if {
	complete.findings == {object.union(_missing, {
		"message": concat(" ", [
			"Lead – Read is granted at Organization level only by other roles (Second);",
			`"Demandbase Integration" itself grants it for some records only (prvReadLead)`,
		]),
		"evidence": {"state": "filtered"},
	})} with input as testing.patched(_filled, {"/filtered_privileges": {"role": {"prvReadLead": "Global"}}})
}

test_unknown_role_grants_it_at_an_unreadable_depth if {
	snapshot := testing.patched(_filled, {"/unreadable_privileges": {"role": {"prvReadLead": "Galaxy"}}})
	complete.findings == set() with input as snapshot
	complete.unknown == {concat("", [
		`the role "Demandbase Integration" grants prvReadLead at the depth "Galaxy", `,
		"which dbaudit does not know",
	])} with input as snapshot
}

test_unknown_whether_the_role_that_fills_a_gap_counts if {
	snapshot := testing.patched(_filled, {
		"/users/user/roles": ["role"],
		"/teams/team/roles": ["second"],
		"/coverage/business_units": {"state": "forbidden", "detail": "prvReadBusinessUnit"},
	})
	complete.findings == set() with input as snapshot
	complete.unknown == {concat(" ", [
		`prvReadLead: it is unknown whether the business unit of the team "Contoso",`,
		"or one above it, is disabled: prvReadBusinessUnit",
	])} with input as snapshot
}
