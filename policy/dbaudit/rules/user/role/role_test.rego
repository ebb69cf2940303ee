package dbaudit.rules.user.role_test

import data.dbaudit.rules.user.role
import data.dbaudit.testing

_finding(reaching) := {
	"control": "DB-USER-ROLE",
	"message": `the role "Demandbase Integration" is not assigned to the user "# Demandbase", neither directly nor through a team`,
	"subject": {"kind": "user", "id": "user", "name": "# Demandbase"},
	"evidence": {"role": "Demandbase Integration", "reaching": reaching},
	"fix": {
		"kind": "assign-role",
		"role": {"id": "role", "name": "Demandbase Integration"},
		"user": {"kind": "systemuser", "id": "user", "name": "# Demandbase"},
	},
}

test_success_assigned if {
	role.findings == set() with input as testing.snapshot
	role.not_applicable == set() with input as testing.snapshot
}

test_success_through_a_team if {
	role.findings == set() with input as testing.changed({
		"/users/user/roles": [],
		"/teams/team/roles": ["role"],
	})
}

test_success_copy_in_another_business_unit if {
	role.findings == set() with input as testing.changed({
		"/organization/ownership_across_business_units": "on",
		"/roles/copy": object.union(testing.role, {"business_unit_id": "child"}),
		"/users/user/roles": ["copy"],
	})
}

test_fail_no_role_is_assigned if {
	role.findings == {_finding([])} with input as testing.changed({"/users/user/roles": []})
}

test_fail_only_other_roles_are_assigned if {
	role.findings == {_finding(["Basic User", "Sync"])} with input as testing.changed({
		"/roles/sync": object.union(testing.role, {"name": "Sync", "root_id": "sync"}),
		"/roles/basic": object.union(testing.role, {"name": "Basic User", "root_id": "basic", "template_id": "template"}),
		"/users/user/roles": ["basic"],
		"/teams/team/roles": ["sync"],
	})
}

test_not_applicable_without_user_or_role if {
	role.findings == set() with input as testing.no_user
	role.findings == set() with input as testing.no_role
	no_user := "there is no single integration user to judge, see DB-USER-EXISTS"
	role.not_applicable == {no_user} with input as testing.no_user
	no_role := "there is no integration role to judge, see DB-ROLE-EXISTS"
	role.not_applicable == {no_role} with input as testing.no_role
	role.not_applicable == {no_user, no_role} with input as testing.without(testing.no_role, ["/users/user"])
}

test_unknown_if_the_organization_was_not_read if {
	role.unknown == set() with input as testing.snapshot
	unread := "the organization and its record-ownership setting were not read"
	role.unknown == {unread} with input as testing.without(testing.snapshot, ["/coverage/organization"])
	role.unknown == {sprintf("%s: prvReadOrganization is missing", [unread])} with input as testing.changed({
		"/coverage/organization/state": "forbidden",
		"/coverage/organization/detail": "prvReadOrganization is missing",
	})
}

_through_team := testing.changed({"/users/user/roles": [], "/teams/team/roles": ["role"]})

test_fail_through_a_team_of_a_disabled_business_unit if {
	found := role.findings with input as testing.patched(_through_team, {
		"/teams/team/business_unit_id": "child",
		"/roles/role/business_unit_id": "child",
		"/business_units/child/disabled": true,
	})
	{finding.message | some finding in found} == {concat("; ", [
		`the role "Demandbase Integration" is not assigned to the user "# Demandbase", neither directly nor through a team`,
		`the team "Contoso" has it, but the business unit "Sales" is disabled`,
	])}
}

test_fail_a_copy_that_is_left_over if {
	copy := {"/roles/copy": object.union(testing.role, {"business_unit_id": "child"})}
	direct := role.findings with input as testing.changed(object.union(copy, {"/users/user/roles": ["copy"]}))
	through_team := role.findings with input as testing.patched(_through_team, object.union(copy, {"/teams/team/roles": ["copy"]}))
	every found in [direct, through_team] {
		some finding in found
		endswith(finding.message, "another business unit's copy of it, but record ownership across business units is off")
	}
}

test_unknown_through_a_team_of_an_unread_business_unit if {
	unread := {"/coverage/business_units": {"state": "forbidden", "detail": "prvReadBusinessUnit"}}
	role.findings == set() with input as testing.patched(_through_team, unread)
	role.unknown == {concat("", [
		`it is unknown whether the business unit of the team "Contoso", or one above it, is disabled`,
		": prvReadBusinessUnit",
	])} with input as testing.patched(_through_team, unread)
	role.unknown == set() with input as testing.changed(unread)
}

test_unknown_through_a_copy_if_the_setting_was_not_read if {
	role.unknown == {
		`the role "Demandbase Integration" is assigned as another business unit's copy, and the record-ownership setting was not read`,
	} with input as testing.changed({
		"/organization/ownership_across_business_units": "unknown",
		"/roles/copy": object.union(testing.role, {"business_unit_id": "child"}),
		"/users/user/roles": ["copy"],
	})
}

test_note_through_a_group_of_entra if {
	note := concat("", [
		`the user has the role "Demandbase Integration" only through the team "Contoso", whose members come `,
		"from a Microsoft Entra group: a change of the group takes effect at the user's next sign-in",
	])
	role.notes == {note} with input as testing.patched(_through_team, {"/teams/team/type": 2})
	role.notes == set() with input as _through_team
	role.notes == set() with input as testing.changed({"/teams/team/type": 2, "/teams/team/roles": ["role"]})
}
