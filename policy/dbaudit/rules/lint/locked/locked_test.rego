package dbaudit.rules.lint.locked_test

import data.dbaudit.lint.fixture
import data.dbaudit.rules.lint.locked

_locked := json.patch(fixture.good, [{"op": "replace", "path": "/roles/role/customizable", "value": false}])

test_success_a_role_that_can_be_edited if {
	locked.findings == set() with input as fixture.good with data.profiles as fixture.profiles
	locked.not_applicable == set() with input as fixture.good with data.profiles as fixture.profiles
}

test_fail_a_locked_role if {
	locked.findings == {{
		"control": "LINT-LOCKED",
		"message": concat(" ", [
			`the role "Vendor" cannot be edited once its solution is installed as managed`,
			"(IsCustomizable is 0)",
		]),
		"subject": fixture.subject,
		"evidence": {"customizable": false, "managed": false},
	}} with input as _locked with data.profiles as fixture.profiles
}

test_not_applicable_if_the_profile_judges_it if {
	profiles := object.union(fixture.profiles, {"vendor": {"controls": [{"id": "V-ROLE-CUSTOM", "rule": "role/custom"}]}})
	locked.findings == set() with input as _locked with data.profiles as profiles
	locked.not_applicable == {
		"the profile already judges this, see V-ROLE-CUSTOM",
	} with input as _locked with data.profiles as profiles
}

test_not_applicable_without_a_role if {
	nothing := json.patch(fixture.good, [{"op": "replace", "path": "/roles", "value": {}}])
	locked.not_applicable == {"there is no role to judge"} with input as nothing with data.profiles as fixture.profiles
}
