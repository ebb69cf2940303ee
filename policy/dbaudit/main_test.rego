package dbaudit_test

import data.dbaudit
import data.dbaudit.testing

test_compliant_environment_has_nothing_to_report if {
	dbaudit.report == {
		"findings": set(),
		"not_applicable": {},
		"unknown": {},
		"rule_notes": {},
		"notes": {concat("", [
			"the article names no access level: that each privilege must be granted at the deepest level it ",
			"allows is dbaudit's own default; depth: in the configuration asks for less",
		])},
		"ambiguous": set(),
	} with input as testing.snapshot
}

test_findings_of_all_rules_are_collected if {
	found := dbaudit.findings with input as testing.changed({
		"/users/user/disabled": true,
		"/users/user/application_id": "",
		"/requirement/application_id": "",
		"/requirement/user": "application@contoso.com",
	})
	{finding.control | some finding in found} == {"DB-USER-ENABLED", "DB-USER-DEDICATED"}
}

test_reasons_are_collected_by_rule if {
	snapshot := testing.changed({
		"/requirement/business_unit": "",
		"/requirement/views": [{"name": "Active Accounts", "owner": "", "table": "account"}],
		"/system_views/system": object.union(testing.system_view, {"name": "Active Accounts"}),
	})
	dbaudit.not_applicable == {"user/business-unit": {"the configuration names no business unit"}} with input as snapshot
	dbaudit.notes == {"view/shared": {concat(" ", [
		`"Active Accounts" is a system view: every user with prvReadQuery sees it,`,
		"and it cannot be shared",
	])}} with input as snapshot
	dbaudit.unknown == {"user/business-unit": {"the business units were not read"}} with input as testing.changed({
		"/coverage/business_units/state": "forbidden",
	})
}

test_report_is_undefined_without_the_profile if {
	not dbaudit.report with input as testing.changed({"/requirement/profile": "nobody's"})
}

# What a rule calls not applicable it must not find fault with: the engine shows one of the two.
test_no_rule_finds_fault_where_it_does_not_apply if {
	every snapshot in [testing.no_user, testing.no_role, testing.without(testing.no_role, ["/users/user"])] {
		report := dbaudit.report with input as snapshot
		every finding in report.findings {
			some control in testing.profile.controls
			control.id == finding.control
			not report.not_applicable[control.rule]
		}
	}
}

test_without_a_user_only_that_is_found if {
	report := dbaudit.report with input as testing.no_user
	{finding.control | some finding in report.findings} == {"DB-USER-EXISTS"}
	object.keys(report.not_applicable) == {
		"user/business-unit",
		"user/dedicated",
		"user/enabled",
		"user/no-administrator",
		"user/role",
		"view/active",
		"view/least-access",
		"view/shared",
		"view/table",
	}
}

test_without_a_role_only_that_is_found if {
	report := dbaudit.report with input as testing.no_role
	{finding.control | some finding in report.findings} == {"DB-ROLE-EXISTS"}
	object.keys(report.not_applicable) == {
		"role/complete",
		"role/custom",
		"role/least-privilege",
		"role/privileges",
		"user/role",
	}
}

# A control of an unknown rule would pass without having been judged.
test_every_rule_of_the_profile_is_there if {
	missing := {control.rule |
		some control in testing.profile.controls
		[category, name] := split(control.rule, "/")
		not dbaudit.rules[category][name].findings
	} with input as testing.snapshot
	missing == set()
}

test_every_control_of_privileges_names_some if {
	judged := {control.id | some control in testing.profile.controls; control.rule == "role/privileges"}
	judged == {control.id | some control in testing.profile.controls; count(control.privileges) > 0}
	count(judged) == 22
	count(testing.minimum) == 44
}
