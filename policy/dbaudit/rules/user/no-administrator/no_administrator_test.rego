package dbaudit.rules.user["no-administrator_test"]

import data.dbaudit.rules.user["no-administrator"] as no_administrator
import data.dbaudit.testing

_administrator := object.union(testing.role, {
	"customizable": false,
	"name": "System Administrator",
	"root_id": "administrator",
	"template_id": "627090ff-40a3-4053-8790-584edc5be201",
})

_customizer := object.union(testing.role, {
	"name": "Anpassung",
	"root_id": "customizer",
	"template_id": "119F245C-3CC8-4B62-B31C-D1A046CED15D",
})

_user := {"kind": "systemuser", "id": "user", "name": "# Demandbase"}

test_success_only_the_integration_role if {
	no_administrator.findings == set() with input as testing.snapshot
	no_administrator.not_applicable == set() with input as testing.snapshot
}

test_success_administrator_roles_of_other_users if {
	no_administrator.findings == set() with input as testing.changed({
		"/roles/administrator": _administrator,
		"/users/jane/roles": ["administrator"],
	})
}

test_success_another_built_in_role if {
	no_administrator.findings == set() with input as testing.changed({
		"/roles/basic": object.union(testing.role, {"root_id": "basic", "template_id": "template"}),
		"/users/user/roles": ["basic", "role"],
	})
}

test_fail_assigned if {
	no_administrator.findings == {{
		"control": "DB-USER-NO-ADMINISTRATOR",
		"message": `the user "# Demandbase" has the administrator role "System Administrator": assigned to the user`,
		"subject": {"kind": "role", "id": "administrator", "name": "System Administrator"},
		"evidence": {"template": "System Administrator", "ways": ["assigned to the user"]},
		"fix": {
			"kind": "unassign-role",
			"role": {"id": "administrator", "name": "System Administrator"},
			"user": _user,
		},
	}} with input as testing.changed({
		"/roles/administrator": _administrator,
		"/users/user/roles": ["administrator", "role"],
	})
}

test_fail_through_a_team_by_a_copy_under_another_name if {
	no_administrator.findings == {{
		"control": "DB-USER-NO-ADMINISTRATOR",
		"message": `the user "# Demandbase" has the administrator role "Anpassung": through the team "Contoso"`,
		"subject": {"kind": "role", "id": "customizer", "name": "Anpassung"},
		"evidence": {"template": "System Customizer", "ways": [`through the team "Contoso"`]},
		"fix": {
			"kind": "remove-from-team",
			"role": {"id": "customizer", "name": "Anpassung"},
			"team": {"id": "team", "name": "Contoso"},
			"user": _user,
		},
	}} with input as testing.changed({
		"/organization/ownership_across_business_units": "on",
		"/roles/copy": object.union(_customizer, {"business_unit_id": "child"}),
		"/teams/team/roles": ["copy"],
	})
}

test_fail_through_two_teams if {
	found := no_administrator.findings with input as testing.changed({
		"/roles/administrator": _administrator,
		"/users/user/teams": ["team", "admins"],
		"/teams/team/roles": ["administrator"],
		"/teams/admins": object.union(testing.team, {"name": "Admins", "roles": ["administrator"]}),
	})
	[finding.evidence.ways | some finding in found] == [[`through the team "Admins"`, `through the team "Contoso"`]]
	[finding.fix.team | some finding in found] == [{"id": "admins", "name": "Admins"}]
}

test_fail_both_ways if {
	no_administrator.findings == {{
		"control": "DB-USER-NO-ADMINISTRATOR",
		"message": concat(" ", [
			`the user "# Demandbase" has the administrator role "System Administrator":`,
			`assigned to the user and through the team "Contoso"`,
		]),
		"subject": {"kind": "role", "id": "administrator", "name": "System Administrator"},
		"evidence": {
			"template": "System Administrator",
			"ways": ["assigned to the user", `through the team "Contoso"`],
		},
		"fix": {
			"kind": "unassign-role",
			"role": {"id": "administrator", "name": "System Administrator"},
			"user": _user,
		},
	}} with input as testing.changed({
		"/roles/administrator": _administrator,
		"/users/user/roles": ["administrator", "role"],
		"/teams/team/roles": ["administrator"],
	})
}

test_fail_one_finding_for_each_role if {
	found := no_administrator.findings with input as testing.changed({
		"/roles/administrator": _administrator,
		"/roles/customizer": _customizer,
		"/users/user/roles": ["administrator", "customizer", "role"],
	})
	{finding.subject.id | some finding in found} == {"administrator", "customizer"}
}

test_not_applicable_without_a_user if {
	no_administrator.findings == set() with input as testing.no_user
	no_administrator.not_applicable == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
}

_through_child := testing.changed({
	"/roles/administrator": object.union(_administrator, {"business_unit_id": "child"}),
	"/teams/team/business_unit_id": "child",
	"/teams/team/roles": ["administrator"],
})

test_success_through_a_team_of_a_disabled_business_unit if {
	snapshot := testing.patched(_through_child, {"/business_units/child/disabled": true})
	no_administrator.findings == set() with input as snapshot
	no_administrator.notes == {concat("", [
		`the role "System Administrator" has no effect now, but could have again: `,
		`the team "Contoso" has it, but the business unit "Sales" is disabled`,
	])} with input as snapshot
	no_administrator.notes == set() with input as _through_child
}

test_unknown_through_a_team_of_an_unread_business_unit if {
	snapshot := testing.patched(_through_child, {"/coverage/business_units/state": "forbidden"})
	no_administrator.findings == set() with input as snapshot
	no_administrator.unknown == {
		`it is unknown whether the business unit of the team "Contoso", or one above it, is disabled`,
	} with input as snapshot
	no_administrator.unknown == set() with input as _through_child
}
