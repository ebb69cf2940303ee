package dbaudit.rules.role.custom_test

import data.dbaudit.rules.role.custom
import data.dbaudit.testing

_finding(faults, built_in, customizable) := {
	"control": "DB-ROLE-CUSTOM",
	"message": sprintf(`the role "Demandbase Integration" %s`, [faults]),
	"subject": {"kind": "role", "id": "role", "name": "Demandbase Integration"},
	"evidence": {"built_in": built_in, "customizable": customizable},
	"fix": {"kind": "replace-role", "role": {"id": "role", "name": "Demandbase Integration"}},
}

test_success_custom if {
	custom.findings == set() with input as testing.snapshot
	custom.not_applicable == set() with input as testing.snapshot
	custom.unknown == set() with input as testing.snapshot
}

test_success_managed_but_customizable if {
	custom.findings == set() with input as testing.changed({"/roles/role/managed": true})
}

test_success_another_role_is_built_in if {
	custom.findings == set() with input as testing.changed({"/roles/basic": object.union(testing.role, {
		"customizable": false,
		"name": "Basic User",
		"root_id": "basic",
		"template_id": "template",
	})})
}

test_fail_built_in if {
	custom.findings == {
		_finding("is a built-in role", true, true),
	} with input as testing.changed({"/roles/role/template_id": "template"})
}

test_fail_locked if {
	custom.findings == {
		_finding("cannot be edited (iscustomizable is false)", false, false),
	} with input as testing.changed({"/roles/role/customizable": false})
}

test_fail_both if {
	custom.findings == {_finding(
		"cannot be edited (iscustomizable is false) and is a built-in role",
		true,
		false,
	)} with input as testing.changed({"/roles/role/customizable": false, "/roles/role/template_id": "template"})
}

test_fail_one_locked_copy if {
	custom.findings == {
		_finding("cannot be edited (iscustomizable is false)", false, false),
	} with input as testing.changed({"/roles/copy": object.union(testing.role, {"customizable": false})})
}

test_fail_locked_in_a_file if {
	custom.findings == {object.remove(
		_finding(
			concat("", [
				"cannot be edited once its solution is installed as managed: ",
				"set IsCustomizable to 1 in the role's file",
			]),
			false,
			false,
		),
		["fix"],
	)} with input as testing.changed({"/source": "solution", "/roles/role/customizable": false})
}

test_unknown_which_role if {
	custom.unknown == {
		"several roles could be the integration role, and what they grant was not read",
	} with input as testing.changed({
		"/requirement/role": "",
		"/role_privileges": {},
		"/roles/other": object.union(testing.role, {"name": "Sync", "root_id": "other"}),
		"/users/user/roles": ["other", "role"],
	})
}

test_not_applicable_without_a_role if {
	custom.findings == set() with input as testing.no_role
	custom.not_applicable == {
		"there is no integration role to judge, see DB-ROLE-EXISTS",
	} with input as testing.no_role
}

test_unknown_whether_it_can_be_edited if {
	snapshot := testing.changed({"/roles/role/customizable_unknown": true})
	custom.findings == set() with input as snapshot
	custom.unknown == {
		`it is unknown whether the role "Demandbase Integration" can be edited: its iscustomizable is null`,
	} with input as snapshot
	custom.unknown == set() with input as testing.changed({"/roles/other": object.union(testing.role, {
		"name": "Other",
		"root_id": "other",
		"customizable_unknown": true,
	})})
}
