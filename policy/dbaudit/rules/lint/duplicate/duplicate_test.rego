package dbaudit.rules.lint.duplicate_test

import data.dbaudit.lint.fixture
import data.dbaudit.rules.lint.duplicate

test_success_each_once if {
	duplicate.findings == set() with input as fixture.good with data.profiles as fixture.profiles
	duplicate.not_applicable == set() with input as fixture.good with data.profiles as fixture.profiles
}

test_fail_at_two_levels if {
	file := fixture.of([["prvReadAccount", "Basic"], ["prvReadUserQuery", "Basic"], ["prvreadaccount", "Global"]])
	duplicate.findings == {{
		"control": "LINT-DUPLICATE",
		"message": concat(" ", [
			"prvReadAccount is listed 2 times, at Basic in line 5 and at Global in line 7;",
			"dbaudit counts the deepest level",
		]),
		"subject": fixture.subject,
		"evidence": {"privilege": "prvReadAccount", "levels": ["Basic", "Global"], "lines": [5, 7], "entry": 2},
	}} with input as file with data.profiles as fixture.profiles
}

test_fail_twice_the_same if {
	file := fixture.of([["prvReadnew_thing", "Local"], ["prvReadNew_thing", "local"]])
	duplicate.findings == {{
		"control": "LINT-DUPLICATE",
		"message": concat(" ", [
			"prvReadnew_thing is listed 2 times, each time at Local (lines 5, 6);",
			"dbaudit counts the deepest level",
		]),
		"subject": fixture.subject,
		"evidence": {"privilege": "prvreadnew_thing", "levels": ["Local", "local"], "lines": [5, 6], "entry": 1},
	}} with input as file with data.profiles as fixture.profiles
}
