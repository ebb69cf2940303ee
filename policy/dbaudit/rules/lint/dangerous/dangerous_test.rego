package dbaudit.rules.lint.dangerous_test

import data.dbaudit.lint.fixture
import data.dbaudit.rules.lint.dangerous

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
	count(dangerous._dangers) == 9
	every name, danger in dangerous._dangers {
		some found in dangerous.findings with input as fixture.of([[name, "Global"]])
			with data.profiles as object.union(fixture.profiles, {"vendor": {"allow": []}})
			with input.requirement.allow as []
		endswith(found.message, danger)
	}
}

# A level that is none grants nothing, and whoever reads the line is told all the same what it names.
test_fail_at_no_level if {
	file := json.remove(fixture.of([["prvSendAsUser", "Worldwide"]]), ["role_privileges/role"])
	found := dangerous.findings with input as file with data.profiles as fixture.profiles
	[finding.fix.privileges | some finding in found] == [[{"name": "prvSendAsUser"}]]
}

test_success_what_is_allowed if {
	dangerous.findings == set() with input as fixture.of([
		["prvBulkDelete", "Global"],
		["prvActOnBehalfOfExternalParty", "Global"],
	])
		with data.profiles as fixture.profiles
}
