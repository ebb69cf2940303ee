package dbaudit.rules.lint.name_test

import data.dbaudit.lint.fixture
import data.dbaudit.rules.lint.name
import data.dbaudit.words

test_success_standard_names_and_names_with_a_prefix if {
	name.findings == set() with input as fixture.good with data.profiles as fixture.profiles
	name.not_applicable == set() with input as fixture.good with data.profiles as fixture.profiles
}

test_fail_a_slip if {
	name.findings == {{
		"control": "LINT-NAME",
		"message": `there is no standard privilege "prvReadAcount"; did you mean prvReadAccount?`,
		"subject": fixture.subject,
		"evidence": {"privilege": "prvReadAcount", "nearest": "prvReadAccount", "entry": 1},
	}} with input as fixture.of([["prvReadUserQuery", "Basic"], ["prvReadAcount", "Global"]])
		with data.profiles as fixture.profiles
}

# A name that does not contain a right on a table is not on a table of which the role names
# several.
test_fail_a_slip_in_the_right_and_in_a_name_without_one if {
	lines := [["prvRedAccount", "Global"], ["prvBulkEdt", "Global"]]
	{found.evidence.privilege | some found in name.findings} == {"prvRedAccount", "prvBulkEdt"} with input as fixture.of(lines)
		with data.profiles as fixture.profiles
}

test_fail_no_name if {
	name.findings == {{
		"control": "LINT-NAME",
		"message": "line 6 names no privilege",
		"subject": fixture.subject,
		"evidence": {"privilege": "", "nearest": "", "entry": 1},
	}} with input as fixture.of([["prvReadUserQuery", "Basic"], ["", "Global"]]) with data.profiles as fixture.profiles
}

test_fail_several_lines_without_a_name_are_told_at_once if {
	[found.message |
		some found in name.findings with input as fixture.of([["", "Global"], ["prvReadUserQuery", "Basic"], [" ", ""]])
			with data.profiles as fixture.profiles
	] == ["lines 5, 7 name no privilege"]
}

# A table that the standard ones do not have: no misspelling is made twice.
test_success_several_privileges_of_one_other_table if {
	name.findings == set() with input as fixture.of([["prvReadAcount", "Global"], ["prvWriteAcount", "Global"]])
		with data.profiles as fixture.profiles
}

test_fail_a_slip_beside_other_names if {
	lines := [
		["prvReadAcount", "Global"],
		["prvReadAccount", "Global"],
		["prvReadAcounts", "Global"],
		["prvReadAcount", "Basic"],
		["prvAcount", "Basic"],
	]
	[found.evidence.entry |
		some found in name.findings with input as fixture.of(lines) with data.profiles as fixture.profiles
	] == [0]
}

test_white_space_of_any_kind_is_no_name if {
	every space in words.spaces {
		trim_space(space) == ""
		some found in name.findings with input as fixture.of([["prvReadUserQuery", "Basic"], [concat("", [space, " "]), ""]])
			with data.profiles as fixture.profiles
		found.message == "line 6 names no privilege"
	}
	count({space | some space in words.spaces}) == 25
}

test_success_white_space_before_a_name if {
	name.findings == set() with input as fixture.of([[" prvReadUserQuery", "Basic"]]) with data.profiles as fixture.profiles
}
