package dbaudit.rules.user.dedicated_test

import data.dbaudit.rules.user.dedicated
import data.dbaudit.testing

_person := {"/requirement/application_id": "", "/requirement/user": "jane@contoso.com"}

test_success_application_user if {
	dedicated.findings == set() with input as testing.snapshot
	dedicated.not_applicable == set() with input as testing.snapshot
}

test_success_licensed_application_user if {
	dedicated.findings == set() with input as testing.changed({"/users/user/licensed": true})
}

test_fail_person if {
	finding := {
		"control": "DB-USER-DEDICATED",
		"message": `the integration runs as "Jane", a person's account, not an application user`,
		"subject": {"kind": "user", "id": "jane", "name": "Jane"},
		"evidence": {"application_user": false, "licensed": true},
		"fix": {"kind": "replace-user", "user": {"kind": "systemuser", "id": "jane", "name": "Jane"}},
	}
	dedicated.findings == {finding} with input as testing.changed(_person)

	unlicensed := object.union(finding, {"evidence": {"licensed": false}})
	dedicated.findings == {
		unlicensed,
	} with input as testing.changed(object.union(_person, {"/users/jane/licensed": false}))
}

test_not_applicable_without_a_user if {
	dedicated.findings == set() with input as testing.no_user
	dedicated.not_applicable == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
}
