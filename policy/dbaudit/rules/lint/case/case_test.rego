package dbaudit.rules.lint.case_test

import data.dbaudit.lint.fixture
import data.dbaudit.rules.lint.case

test_success_as_dataverse_spells_them if {
	case.findings == set() with input as fixture.good with data.profiles as fixture.profiles
	case.not_applicable == set() with input as fixture.good with data.profiles as fixture.profiles
}

test_fail_another_case if {
	case.findings == {{
		"control": "LINT-CASE",
		"message": "prvReadaccount is spelled prvReadAccount in Dataverse",
		"subject": fixture.subject,
		"evidence": {"privilege": "prvReadAccount", "name": "prvReadaccount", "entry": 1},
	}} with input as fixture.of([["prvReadUserQuery", "Basic"], ["prvReadaccount", "Global"]])
		with data.profiles as fixture.profiles
}

test_fail_different_case_besides_the_standard_one if {
	found := case.findings with input as fixture.of([["prvReadAccount", "Basic"], ["prvreadaccount", "Global"]])
		with data.profiles as fixture.profiles
	{finding.evidence.entry | some finding in found} == {1}
}
