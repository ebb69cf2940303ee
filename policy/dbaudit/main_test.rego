package dbaudit_test

import data.dbaudit
import data.dbaudit.testing

test_compliant_environment_has_an_empty_report if {
	object.remove(dbaudit.report, {"integration"}) == {
		"findings": set(),
		"not_applicable": {},
		"unknown": {},
		"unknown_controls": {},
		"rule_notes": {},
		"notes": {concat("", [
			"the article does not state access levels: dbaudit requires the highest level each privilege allows; ",
			"lower it with depth: in dbaudit.yaml",
		])},
		"ambiguous": set(),
		"invalid": set(),
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
	dbaudit.unknown == {
		"user/business-unit": {"the business units were not read"},
		"user/enabled": {"it is unknown whether the user's business unit, or one above it, is disabled"},
	} with input as testing.changed({
		"/coverage/business_units/state": "forbidden",
	})
}

# METADATA
# description: The rules that the profile uses. Other profiles may use more.
_used := {control.rule | some control in testing.profile.controls}

test_rule_is_ignored_if_a_section_was_not_read if {
	snapshot := testing.patched(testing.without(testing.no_user, ["/coverage/views"]), {
		"/coverage/users": {"state": "forbidden", "detail": "prvReadUser"},
		"/coverage/teams": {"state": "failed", "detail": ""},
		"/roles/role/customizable": false,
	})
	dbaudit.findings == set() with input as snapshot
	dbaudit.not_applicable == {} with input as snapshot
	dbaudit.notes == {} with input as snapshot
	both := "users may not be read: prvReadUser; teams could not be read"
	unknown := dbaudit.unknown with input as snapshot
	unknown["user/exists"] == {"users may not be read: prvReadUser"}
	unknown["role/privileges"] == {both}
	unknown["view/active"] == {both}
	object.keys(unknown) & _used == _used
}

test_section_without_coverage_was_not_read if {
	unknown := dbaudit.unknown with input as testing.without(testing.snapshot, ["/coverage/roles"])
	unknown["role/exists"] == {"roles were not read"}
}

_solution := testing.patched(testing.snapshot, {
	"/source": "solution",
	"/users": {},
	"/coverage/users/state": "inapplicable",
	"/coverage/teams/state": "inapplicable",
	"/coverage/shares/state": "skipped",
})

test_a_file_contains_no_users if {
	report := dbaudit.report with input as _solution
	report.findings == set()
	report.unknown == {}
	without_users := {rule | some rule, reasons in report.not_applicable; "a solution contains no users" in reasons}
	without_users & _used == {rule | some rule in _used; strings.any_prefix_match(rule, ["user/", "view/"])}
}

test_reason_without_a_control_is_unknown if {
	controls := [{"id": "X-ENABLED", "rule": "user/enabled"}, {"id": "X-CUSTOM", "rule": "role/custom"}]
	no_user := dbaudit.report with input as testing.patched(testing.no_user, {"/requirement/business_unit": ""})
		with data.profiles.demandbase.controls as controls
	no_user.unknown["user/enabled"] == {concat("; ", [
		"there is no single integration user to judge",
		"no control of the profile checks this with user/exists",
	])}
	no_user.not_applicable == {"user/business-unit": {"the configuration names no business unit"}}
	no_role := dbaudit.report with input as testing.no_role with data.profiles.demandbase.controls as controls
	no_role.unknown["role/custom"] == {concat("; ", [
		"there is no integration role to judge",
		"no control of the profile checks this with role/exists",
	])}
	no_role.not_applicable == {}
}

test_control_of_a_missing_rule_is_unknown if {
	dbaudit.unknown == {"acme/none": {"the policies have no such rule"}} with input as testing.snapshot
		with data.profiles.demandbase.controls as [{"id": "X", "rule": "acme/none"}]
}

test_report_is_undefined_without_the_profile if {
	not dbaudit.report with input as testing.changed({"/requirement/profile": "nobody's"})
}

# A rule that does not apply must have no findings, because the engine shows only one of the two.
test_rule_that_does_not_apply_has_no_findings if {
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
	object.keys(report.not_applicable) & _used == {
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
	object.keys(report.not_applicable) & _used == {
		"role/complete",
		"role/custom",
		"role/least-privilege",
		"role/privileges",
		"user/role",
	}
}

# A control of an unknown rule would pass without being judged.
test_every_rule_of_the_profile_exists if {
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

test_missing_profile_is_not_a_pass if {
	reasons := {"the profile that the input names is not loaded"}
	unknown := dbaudit.unknown with input as testing.snapshot with data.profiles as {}
	unknown.profile == reasons
	nothing := dbaudit.unknown with input as {"kind": "Deployment"}
	nothing.profile == reasons
}

_with_rule(findings) := {"acme": {"own": {"metadata": {"requires": ["roles"]}, "findings": findings}}}

_own := array.concat(testing.profile.controls, [{"id": "ACME-OWN", "rule": "acme/own"}])

test_finding_under_a_control_of_another_rule_is_invalid if {
	found := {{"control": "DB-PRIV-LEAD", "message": "no"}, {"message": "no"}, {"control": "ACME-OWN", "message": "yes"}}
	invalid := dbaudit.invalid with input as testing.snapshot
		with dbaudit.rules as _with_rule(found)
		with data.profiles.demandbase.controls as _own
	invalid == {
		"the rule acme/own reports a finding under the control DB-PRIV-LEAD, which is not a control of that rule",
		"the rule acme/own reports a finding under no control, which is not a control of that rule",
	}
}

test_a_finding_without_a_message_is_invalid if {
	found := {{"control": "ACME-OWN", "message": " "}, {"control": "ACME-OWN", "message": 1}, {"control": "ACME-OWN"}}
	silent := "the rule acme/own reports a finding under the control ACME-OWN without a message"
	invalid := dbaudit.invalid with input as testing.snapshot
		with dbaudit.rules as _with_rule(found)
		with data.profiles.demandbase.controls as _own
	invalid == {silent}
	denied := dbaudit.deny with input as testing.snapshot
		with dbaudit.rules as _with_rule(found)
		with data.profiles.demandbase.controls as _own
	sprintf("not judged: %s", [silent]) in {failure.msg | some failure in denied}
}
