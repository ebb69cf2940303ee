package dbaudit.lint_test

import data.dbaudit.lint
import data.dbaudit.lint.fixture

test_lint_controls_apply_only_to_files if {
	count(lint.controls["lint/case"]) == 1 with input as fixture.good with data.profiles as fixture.profiles
	environment := object.union(fixture.good, {"source": "environment"})
	lint.controls == {} with input as environment with data.profiles as fixture.profiles
}

test_a_profile_may_state_a_control_itself if {
	stated := {"id": "LINT-CASE", "rule": "lint/case", "severity": "low"}
	profiles := object.union(fixture.profiles, {"vendor": {"controls": [stated]}})
	lint.controls["lint/case"] == {stated} with input as fixture.good with data.profiles as profiles
}

test_not_applicable_to_an_environment if {
	environment := object.union(fixture.good, {"source": "environment"})
	lint.not_applicable == set() with input as environment with data.profiles as fixture.profiles
	profiles := object.union(fixture.profiles, {"vendor": {"controls": [{"id": "LINT-CASE", "rule": "lint/case"}]}})
	lint.not_applicable == {
		"only a solution's files have lines to judge",
	} with input as environment with data.profiles as profiles
}

test_not_applicable_without_a_role if {
	nothing := json.patch(fixture.good, [{"op": "replace", "path": "/roles", "value": {}}])
	lint.not_applicable == {"there is no role to judge"} with input as nothing with data.profiles as fixture.profiles
	lint.not_applicable == set() with input as fixture.good with data.profiles as fixture.profiles
}

test_lines_are_grouped_by_privilege if {
	file := fixture.of([["prvreadaccount", "Basic"], ["prvReadX_y", "Local"], ["prvReadAccount", "Global"]])
	lines := lint.lines.role with input as file
	[line.entry | some line in lines.prvReadAccount] == [0, 2]
	[line.entry | some line in lines.prvreadx_y] == [1]
}
