package dbaudit.rules.lint.name_test

import data.dbaudit.lint.fixture
import data.dbaudit.rules.lint.name
import data.dbaudit.words

test_success_standard_names_and_names_with_a_prefix if {
	name.findings == set() with input as fixture.good with data.profiles as fixture.profiles
	name.not_applicable == set() with input as fixture.good with data.profiles as fixture.profiles
}

test_fail_misspelled_name if {
	name.findings == {{
		"control": "LINT-NAME",
		"message": `there is no standard privilege "prvReadAcount"; did you mean prvReadAccount?`,
		"subject": fixture.subject,
		"evidence": {"privilege": "prvReadAcount", "nearest": "prvReadAccount", "entry": 1},
	}} with input as fixture.of([["prvReadUserQuery", "Basic"], ["prvReadAcount", "Global"]])
		with data.profiles as fixture.profiles
}

# A name without a right on a table is not on a custom table.
test_fail_misspelled_right_and_name_without_a_right if {
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

test_fail_lines_without_a_name_are_one_finding if {
	[found.message |
		some found in name.findings with input as fixture.of([["", "Global"], ["prvReadUserQuery", "Basic"], [" ", ""]])
			with data.profiles as fixture.profiles
	] == ["lines 5, 7 name no privilege"]
}

# A custom table, because nobody misspells a name twice.
test_success_several_privileges_of_one_other_table if {
	name.findings == set() with input as fixture.of([["prvReadAcount", "Global"], ["prvWriteAcount", "Global"]])
		with data.profiles as fixture.profiles
}

test_fail_misspelled_name_among_others if {
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

test_white_space_is_not_a_name if {
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
