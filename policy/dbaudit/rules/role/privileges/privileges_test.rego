package dbaudit.rules.role.privileges_test

import data.dbaudit.rules.role.privileges
import data.dbaudit.testing
import data.dbaudit.words

_role := {"id": "role", "name": "Demandbase Integration"}

# The control and the table of each privilege.
_asked[name] := control if {
	some control in testing.profile.controls
	some name in control.privileges
}

# The finding for each privilege that the role does not grant.
_missing[name] := {
	"control": control.id,
	"message": sprintf("%s is not granted; %s is required (%s)", [
		words.right(name),
		words.levels[depth],
		name,
	]),
	"subject": {"kind": "role", "id": "role", "name": "Demandbase Integration"},
	"evidence": {"privilege": name, "required_depth": depth, "actual_depth": "none", "state": "missing"},
	"fix": {
		"kind": "add-privilege",
		"role": _role,
		"privileges": [{"name": name, "id": sprintf("id of %s", [name]), "depth": depth}],
	},
} if {
	some name, control in _asked
	depth := testing.grants[name]
}

# The finding for each privilege that the role grants at an insufficient depth.
_shallow(name, actual) := object.union(_missing[name], {
	"message": sprintf("%s is granted at %s level; %s is required (%s)", [
		words.right(name),
		words.levels[actual],
		words.levels[testing.grants[name]],
		name,
	]),
	"evidence": {"actual_depth": actual, "state": "shallow", "granted_by": ["Demandbase Integration"]},
	"fix": {"kind": "raise-depth"},
})

# The finding for each privilege of a role that only needs to be assigned to the user.
_unassigned[name] := object.union(object.remove(finding, ["fix"]), {"fix": {
	"kind": "assign-role",
	"role": _role,
	"user": {"kind": "systemuser", "id": "user", "name": "# Demandbase"},
}}) if {
	some name, finding in _missing
}

_undefined(control, name, table, app) := {
	"control": control,
	"message": sprintf("the environment does not define %s (%s), so no role can grant it%s", [
		words.right(name),
		name,
		app,
	]),
	"subject": {"kind": "role", "id": "role", "name": "Demandbase Integration"},
	"evidence": {
		"privilege": name,
		"required_depth": "global",
		"actual_depth": "none",
		"state": "undefined",
	},
	"fix": {"kind": "install-app", "table": table, "privileges": [{"name": name}]},
}

test_success_all_granted if {
	privileges.findings == set() with input as testing.snapshot
	privileges.not_applicable == set() with input as testing.snapshot
}

test_fail_each_missing_privilege if {
	every name, finding in _missing {
		privileges.findings == {
			finding,
		} with input as testing.without(testing.snapshot, [sprintf("/role_privileges/role/%s", [name])])
	}
}

# Each insufficient depth of each privilege.
_too_shallow[name] contains level if {
	some name, definition in testing.privileges
	some level in definition.depths
	level != testing.grants[name]
}

test_fail_each_shallow_privilege if {
	count(_too_shallow) == 33
	every name, levels in _too_shallow {
		every level in levels {
			privileges.findings == {
				_shallow(name, level),
			} with input as testing.changed({sprintf("/role_privileges/role/%s", [name]): level})
		}
	}
}

test_fail_each_undefined_privilege if {
	tables := {name: control | some name, control in _asked; control.table != ""}
	count(tables) == 43
	every name, control in tables {
		app := sprintf("; the app that contains the table %q is not installed", [control.table])
		privileges.findings == {
			_undefined(control.id, name, control.table, app),
		} with input as testing.without(testing.snapshot, [sprintf("/privileges/%s", [name])])
	}
}

test_fail_undefined_privilege_without_a_table if {
	privileges.findings == {
		_undefined("DB-PRIV-BULK-EDIT", "prvBulkEdit", "", ""),
	} with input as testing.without(testing.snapshot, ["/privileges/prvBulkEdit"])
}

test_fail_all_if_the_role_grants_nothing if {
	privileges.findings == {
	finding |
		some finding in _missing
	} with input as testing.changed({"/role_privileges/role": {}})
}

test_success_configuration_requires_less if {
	privileges.findings == set() with input as testing.changed({
		"/requirement/depth": {"prvReadAccount": "local"},
		"/role_privileges/role/prvReadAccount": "local",
	})
	privileges.findings == set() with input as testing.changed({"/requirement/depth": {"prvReadAccount": "local"}})
}

test_fail_a_privilege_without_depths if {
	found := privileges.findings with input as testing.changed({
		"/privileges/prvReadAccount/depths": [],
		"/role_privileges/role/prvReadAccount": "deep",
	})
	found == {_shallow("prvReadAccount", "deep")}
}

test_success_several_roles_together if {
	privileges.findings == set() with input as testing.patched(
		testing.without(testing.snapshot, ["/role_privileges/role/prvReadLead"]),
		{
			"/roles/other": object.union(testing.role, {"name": "Sync", "root_id": "other"}),
			"/role_privileges/other": {"prvReadLead": "global", "prvReadAccount": "basic"},
			"/users/user/roles": ["other", "role"],
		},
	)
}

test_success_through_a_team_that_passes_basic_rights_on if {
	privileges.findings == set() with input as testing.changed({
		"/users/user/roles": [],
		"/teams/team/roles": ["role"],
	})
}

test_fail_through_a_team_that_keeps_basic_rights if {
	privileges.findings == {
		_unassigned.prvReadUserQuery,
	} with input as testing.changed({
		"/users/user/roles": [],
		"/teams/team/roles": ["role"],
		"/roles/role/inherited": false,
	})
}

test_fail_all_if_only_another_role_is_assigned if {
	privileges.findings == {finding | some finding in _unassigned} with input as testing.changed({
		"/roles/basic": object.union(testing.role, {"name": "Basic", "root_id": "basic", "template_id": "template"}),
		"/role_privileges/basic": {},
		"/users/user/roles": ["basic"],
	})
}

test_success_integration_role_is_judged_if_no_role_is_assigned if {
	privileges.findings == set() with input as testing.changed({"/users/user/roles": []})
	privileges.findings == set() with input as testing.no_user
	privileges.not_applicable == set() with input as testing.no_user
}

test_fail_without_a_user_the_role_is_judged if {
	privileges.findings == {
		_missing.prvReadLead,
	} with input as testing.without(testing.no_user, ["/role_privileges/role/prvReadLead"])
}

test_fail_assigned_roles_are_judged_without_the_integration_role if {
	snapshot := testing.patched(testing.no_role, {
		"/roles/basic": object.union(testing.role, {"name": "Basic", "root_id": "basic", "template_id": "template"}),
		"/role_privileges/basic": object.remove(testing.grants, ["prvReadLead"]),
		"/users/user/roles": ["basic"],
	})
	privileges.not_applicable == set() with input as snapshot
	finding := object.remove(_missing.prvReadLead, ["subject", "fix"])
	privileges.findings == {object.union(finding, {
		"subject": {"kind": "user", "id": "user", "name": "# Demandbase"},
		"fix": {
			"kind": "create-role",
			"role": {"name": "Demandbase Integration"},
			"privileges": [{"name": "prvReadLead", "id": "id of prvReadLead", "depth": "global"}],
		},
	})} with input as snapshot
}

test_fail_a_locked_role_has_to_be_replaced if {
	privileges.findings == {object.union(
		_missing.prvReadLead,
		{"fix": {"kind": "replace-role"}},
	)} with input as testing.patched(
		testing.without(testing.snapshot, ["/role_privileges/role/prvReadLead"]),
		{"/roles/role/customizable": false},
	)
}

# The levels of the privilege are unknown.
test_fail_in_a_file_without_a_required_level if {
	found := privileges.findings with input as testing.patched(
		testing.without(testing.snapshot, ["/role_privileges/role/prvReadLead", "/role_privileges/role/prvReadAccount"]),
		{"/source": "solution", "/users": {}, "/privileges/prvReadLead/depths": []},
	)
	{finding.message | some finding in found} == {
		"Lead – Read is not granted (prvReadLead)",
		"Account – Read is not granted; Organization is required (prvReadAccount)",
	}
}

# The author of the file can add the line, even if the installed role will be locked.
test_fail_a_locked_role_of_a_file_is_fixed_in_the_file if {
	file := testing.changed({"/source": "solution", "/users": {}, "/roles/role/customizable": false})
	privileges.findings == {
		_shallow("prvReadLead", "basic"),
	} with input as testing.patched(file, {"/role_privileges/role/prvReadLead": "basic"})
	privileges.findings == {
		_missing.prvReadLead,
	} with input as testing.without(file, ["/role_privileges/role/prvReadLead"])
}

test_not_applicable_without_assigned_and_integration_roles if {
	privileges.findings == set() with input as testing.no_role
	reasons := {"there is no integration role to judge, see DB-ROLE-EXISTS"}
	privileges.not_applicable == reasons with input as testing.no_role
	privileges.not_applicable == reasons with input as testing.without(testing.no_role, ["/users/user"])
}

# The role grants a privilege at an unknown depth only.
_instead(member, name, word) := testing.patched(
	testing.without(testing.snapshot, [sprintf("/role_privileges/role/%s", [name])]),
	{sprintf("/%s", [member]): {"role": {name: word}}},
)

_second := {
	"/roles/second": object.union(testing.role, {"name": "Second", "root_id": "second"}),
	"/users/user/roles": ["role", "second"],
}

test_fail_granted_for_some_records_only if {
	filtered := _instead("filtered_privileges", "prvReadLead", "Global")
	privileges.findings == {object.union(_missing.prvReadLead, {
		"message": "Lead – Read is granted for some records only; Organization is required (prvReadLead)",
		"evidence": {"state": "filtered", "granted_by": ["Demandbase Integration"]},
	})} with input as filtered
	privileges.unknown_controls == set() with input as filtered
}

test_fail_filtered_and_shallow_grants if {
	privileges.findings == {_shallow("prvReadLead", "local")} with input as testing.changed({
		"/role_privileges/role/prvReadLead": "local",
		"/filtered_privileges": {"role": {"prvReadLead": "Global"}},
	})
}

test_success_another_role_grants_it_without_a_filter if {
	privileges.findings == set() with input as testing.patched(
		_instead("filtered_privileges", "prvReadLead", "Global"),
		object.union(_second, {"/role_privileges/second": {"prvReadLead": "global"}}),
	)
}

test_unknown_unreadable_depth if {
	unreadable := _instead("unreadable_privileges", "prvReadLead", "Galaxy")
	privileges.findings == set() with input as unreadable
	privileges.unknown_controls == {{
		"control": "DB-PRIV-LEAD",
		"reason": concat("", [
			`the role "Demandbase Integration" grants prvReadLead at the depth "Galaxy", `,
			"which dbaudit does not know",
		]),
	}} with input as unreadable
	{one.control | some one in privileges.unknown_controls} == {"DB-PRIV-LEAD"} with input as testing.patched(
		unreadable,
		{"/users/user/roles": []},
	)
}

test_success_another_role_grants_it_at_a_depth_that_is_known if {
	snapshot := testing.patched(
		_instead("unreadable_privileges", "prvReadLead", "Galaxy"),
		object.union(_second, {"/role_privileges/second": {"prvReadLead": "global"}}),
	)
	privileges.findings == set() with input as snapshot
	privileges.unknown_controls == set() with input as snapshot
}

test_success_not_required if {
	snapshot := testing.changed({
		"/unreadable_privileges": {"role": {"prvReadnew_thing": "Galaxy"}},
		"/filtered_privileges": {"role": {"prvReadnew_other": "RecordFilter"}},
	})
	privileges.findings == set() with input as snapshot
	privileges.unknown_controls == set() with input as snapshot
}

test_success_unassigned_role_is_ignored if {
	privileges.unknown_controls == set() with input as testing.changed({
		"/unreadable_privileges": {"second": {"prvReadLead": "Galaxy"}},
		"/filtered_privileges": {"second": {"prvReadLead": "Global"}},
	})
}

# The user has the role only through a team, and a privilege is required at the basic depth.
_through_team := testing.patched(testing.without(testing.snapshot, ["/role_privileges/role/prvReadUserQuery"]), {
	"/users/user/roles": [],
	"/teams/team/roles": ["role"],
})

_fixes_of(snapshot) := {finding.fix | some finding in privileges.findings with input as snapshot}

test_fix_also_assigns_a_role_that_only_a_team_has if {
	fix := _missing.prvReadUserQuery.fix
	both := object.union(fix, {"user": {"kind": "systemuser", "id": "user", "name": "# Demandbase"}})
	_fixes_of(testing.patched(_through_team, {"/roles/role/inherited": false})) == {both}
	_fixes_of(_through_team) == {fix}
	privileges.unknown_controls == set() with input as _through_team
	_fixes_of(testing.patched(_through_team, {"/roles/role/inherited": false, "/users/user/roles": ["role"]})) == {fix}
}

test_unknown_through_a_team_of_an_unread_business_unit if {
	snapshot := testing.changed({
		"/users/user/roles": [],
		"/teams/team/roles": ["role"],
		"/coverage/business_units": {"state": "forbidden", "detail": "prvReadBusinessUnit"},
	})
	unknown := privileges.unknown_controls with input as snapshot
	{"control": "DB-PRIV-LEAD", "reason": concat("", [
		`prvReadLead: it is unknown whether the business unit of the team "Contoso", or one above it, `,
		"is disabled: prvReadBusinessUnit",
	])} in unknown
	privileges.findings == set() with input as snapshot
	privileges.unknown_controls == set() with input as testing.snapshot
}

test_fail_names_the_business_unit_of_the_grant if {
	found := privileges.findings with input as testing.changed({
		"/organization/ownership_across_business_units": "on",
		"/requirement/depth": {"prvReadLead": "local"},
		"/users/user/roles": ["copy"],
		"/roles/copy": object.union(testing.role, {"business_unit_id": "child"}),
		"/role_privileges/role/prvReadLead": "local",
	})
	{finding.message | some finding in found} == {concat("", [
		"Lead – Read is granted at User level; Business Unit is required (prvReadLead); ",
		`it is granted at Business Unit level for the business unit "Sales", which does not include the user's`,
	])}
}

test_fail_basic_rights_of_a_team_role if {
	without := testing.without(testing.snapshot, ["/role_privileges/role/prvReadLead"])
	found := privileges.findings with input as testing.patched(without, {
		"/organization/ownership_across_business_units": "on",
		"/teams/team/roles": ["second"],
		"/roles/second": object.union(testing.role, {
			"name": "Second",
			"root_id": "second",
			"business_unit_id": "child",
			"inherited": false,
		}),
		"/role_privileges/second": {"prvReadLead": "local"},
	})
	{finding.message | some finding in found} == {concat("", [
		"Lead – Read is not granted; Organization is required (prvReadLead); ",
		`it is granted at Business Unit level for the business unit "Sales", which does not include the user's`,
	])}
}

# The finding names the role that grants it, not the judged role.
test_fail_names_the_roles_that_grant_it if {
	snapshot := testing.patched(testing.without(testing.snapshot, ["/role_privileges/role/prvReadLead"]), {
		"/roles/second": object.union(testing.role, {"name": "Second", "root_id": "second"}),
		"/roles/third": object.union(testing.role, {"name": "Third", "root_id": "third"}),
		"/role_privileges/second": {"prvReadLead": "local"},
		"/role_privileges/third": {"prvReadLead": "basic"},
		"/users/user/roles": ["role", "second", "third"],
	})
	found := privileges.findings with input as snapshot
	{finding.message | some finding in found} == {concat("", [
		`Lead – Read is granted at Business Unit level, by the role "Second"; `,
		"Organization is required (prvReadLead)",
	])}
	{finding.evidence.granted_by | some finding in found} == {["Second"]}
	both := privileges.findings with input as testing.patched(snapshot, {"/role_privileges/third/prvReadLead": "local"})
	{finding.evidence.granted_by | some finding in both} == {["Second", "Third"]}
}

test_fail_a_role_that_is_not_assigned_grants_it if {
	found := privileges.findings with input as testing.patched(testing.no_user, {"/role_privileges/role/prvReadLead": "local"})
	{finding.evidence.granted_by | some finding in found} == {["Demandbase Integration"]}
}
