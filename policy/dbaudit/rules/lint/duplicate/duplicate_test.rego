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

_found(lines) := {"message": sprintf("prvReadAccount is listed %s; dbaudit counts the deepest level", [lines])}

_said(findings) := {{"message": finding.message} | some finding in findings}

test_fail_without_a_level if {
	once := fixture.of([["prvReadAccount", "Global"], ["prvReadAccount", ""]])
	found := duplicate.findings with input as once with data.profiles as fixture.profiles
	_said(found) == {_found("2 times, at Global in line 5 and without a level in line 6")}
	twice := fixture.of([["prvReadAccount", ""], ["prvReadAccount", ""]])
	again := duplicate.findings with input as twice with data.profiles as fixture.profiles
	_said(again) == {_found("2 times, each time without a level (lines 5, 6)")}
}

test_fail_many_levels_are_summarized if {
	two := [["prvReadAccount", level] | some i in numbers.range(0, 19); level := ["Global", "Basic"][i % 2]]
	mixed := fixture.of(array.concat(two, [["prvReadAccount", "Local"]]))
	found := duplicate.findings with input as mixed with data.profiles as fixture.profiles
	_said(found) == {_found(concat(" ", [
		"21 times, at Global in lines 5, 7, 9, 11, 13 and 5 more",
		"and at Basic in lines 6, 8, 10, 12, 14 and 5 more and at Local in line 25",
	]))}
	same := fixture.of([["prvReadAccount", "Deep"] | some _ in numbers.range(1, 7)])
	again := duplicate.findings with input as same with data.profiles as fixture.profiles
	_said(again) == {_found("7 times, each time at Deep (lines 5, 6, 7, 8, 9 and 2 more)")}
	each := fixture.of([["prvReadAccount", sprintf("%d", [i])] | some i in numbers.range(1, 6)])
	different := duplicate.findings with input as each with data.profiles as fixture.profiles
	_said(different) == {_found("6 times, at 6 different levels (lines 5, 6, 7, 8, 9, 10)")}
}

test_success_lines_without_a_name_are_not_duplicates if {
	duplicate.findings == set() with input as fixture.of([["", "Global"], [" ", ""]])
		with data.profiles as fixture.profiles
}
