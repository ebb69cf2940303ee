package dbaudit.rules.lint.level_test

import data.dbaudit.lint.fixture
import data.dbaudit.rules.lint.level

test_success_levels_that_are_allowed if {
	level.findings == set() with input as fixture.good with data.profiles as fixture.profiles
	level.not_applicable == set() with input as fixture.good with data.profiles as fixture.profiles
}

test_fail_not_an_access_level if {
	every word in ["Globl", " ", "None", "8"] {
		level.findings == {{
			"control": "LINT-LEVEL",
			"message": sprintf(
				"the level %q of prvReadAccount is not an access level: write Basic, Local, Deep or Global",
				[word],
			),
			"subject": fixture.subject,
			"evidence": {"privilege": "prvReadAccount", "level": word, "entry": 0},
		}} with input as fixture.of([["prvReadAccount", word]]) with data.profiles as fixture.profiles
	}
}

test_fail_no_level if {
	level.findings == {{
		"control": "LINT-LEVEL",
		"message": "prvReadAccount has no level: write Basic, Local, Deep or Global",
		"subject": fixture.subject,
		"evidence": {"privilege": "prvReadAccount", "level": "", "entry": 0},
	}} with input as fixture.of([["prvReadAccount", ""]]) with data.profiles as fixture.profiles
}

test_success_a_line_that_names_no_privilege_has_no_level_to_judge if {
	level.findings == set() with input as fixture.of([["", ""], [" ", "Everywhere"]])
		with data.profiles as fixture.profiles
}

test_fail_level_that_the_privilege_does_not_allow if {
	level.findings == {{
		"control": "LINT-LEVEL",
		"message": "prvReadUserQuery cannot be granted at Global: it allows Basic",
		"subject": fixture.subject,
		"evidence": {"privilege": "prvReadUserQuery", "level": "Global", "allowed": ["basic"], "entry": 1},
	}} with input as fixture.of([["prvReadAccount", "Deep"], ["prvReadUserQuery", "Global"]])
		with data.profiles as fixture.profiles
}

test_success_allowed_levels_are_unknown if {
	level.findings == set() with input as fixture.of([["prvReadnew_thing", "Deep"]])
		with data.profiles as fixture.profiles
	file := json.patch(fixture.of([["prvReadnew_thing", "Deep"]]), [{
		"op": "add",
		"path": "/privileges/prvreadnew_thing",
		"value": {"id": "", "depths": []},
	}])
	level.findings == set() with input as file with data.profiles as fixture.profiles
}
