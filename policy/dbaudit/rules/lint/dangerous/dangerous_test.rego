package dbaudit.rules.lint.dangerous_test

import data.dbaudit.danger
import data.dbaudit.lint.fixture
import data.dbaudit.rules.lint.dangerous
import data.dbaudit.rules.role["least-privilege"] as least_privilege

test_success_a_harmless_role if {
	dangerous.findings == set() with input as fixture.good with data.profiles as fixture.profiles
	dangerous.not_applicable == set() with input as fixture.good with data.profiles as fixture.profiles
}

test_fail_a_dangerous_privilege_in_any_case if {
	dangerous.findings == {{
		"control": "LINT-DANGEROUS",
		"message": "prvsendAsUser lets the role's holder send e-mail as another user",
		"subject": fixture.subject,
		"evidence": {"privilege": "prvSendAsUser", "entry": 1},
		"fix": {
			"kind": "remove-privilege",
			"role": {"id": "role", "name": "Vendor"},
			"privileges": [{"name": "prvSendAsUser"}],
		},
	}} with input as fixture.of([["prvReadAccount", "Global"], ["prvsendAsUser", "Global"]])
		with data.profiles as fixture.profiles
}

test_fail_each_dangerous_privilege if {
	count(danger.always) == 9
	every name, reason in danger.always {
		some found in dangerous.findings with input as fixture.of([[name, "Global"]])
			with data.profiles as object.union(fixture.profiles, {"vendor": {"allow": []}})
			with input.requirement.allow as []
		endswith(found.message, reason)
	}
}

# A level that does not exist grants nothing, but the other rules judge the name.
test_fail_at_no_level if {
	file := json.remove(fixture.of([["prvSendAsUser", "Worldwide"]]), ["role_privileges/role"])
	found := dangerous.findings with input as file with data.profiles as fixture.profiles
	[finding.fix.privileges | some finding in found] == [[{"name": "prvSendAsUser"}]]
}

test_success_allowed_privileges if {
	dangerous.findings == set() with input as fixture.of([
		["prvBulkDelete", "Global"],
		["prvActOnBehalfOfExternalParty", "Global"],
	])
		with data.profiles as fixture.profiles
}

# Both rules call the same privileges dangerous.
test_fail_dangerous_privileges_beyond_the_minimum if {
	file := fixture.of([
		["prvReadAccount", "Global"],
		["prvDeleteAccount", "Basic"],
		["prvExportToExcel", "Global"],
		["prvSendAsUser", "Global"],
		["prvReadGoal", "Global"],
	])
	profiles := object.union(fixture.profiles, {"vendor": {"controls": [
		{"id": "V-PRIV-ACCOUNT", "rule": "role/privileges", "privileges": ["prvReadAccount"]},
		{"id": "V-LEAST", "rule": "role/least-privilege"},
	]}})
	found := {grant.name |
		some finding in dangerous.findings with input as file with data.profiles as profiles
		some grant in finding.fix.privileges
	}
	found == {"prvdeleteaccount", "prvexporttoexcel", "prvSendAsUser"}
	surplus := [finding.evidence |
		some finding in least_privilege.findings with input as file with data.profiles as profiles
	]
	[evidence.dangerous | some evidence in surplus] == [3]
	{lower(name) | some name in array.slice(surplus[0].surplus, 0, 3)} == {lower(name) | some name in found}
	count(dangerous.findings) == 1 with input as file with data.profiles as fixture.profiles
}
