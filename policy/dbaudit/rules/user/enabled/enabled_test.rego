package dbaudit.rules.user.enabled_test

import data.dbaudit.rules.user.enabled
import data.dbaudit.testing

test_success_enabled if {
	enabled.findings == set() with input as testing.snapshot
	enabled.not_applicable == set() with input as testing.snapshot
}

test_success_somebody_else_is_disabled if {
	enabled.findings == set() with input as testing.changed({"/users/jane/disabled": true})
}

test_fail_disabled if {
	enabled.findings == {{
		"control": "DB-USER-ENABLED",
		"message": `the user "# Demandbase" is disabled`,
		"subject": {"kind": "user", "id": "user", "name": "# Demandbase"},
		"evidence": {"disabled": true},
		"fix": {
			"kind": "enable-user",
			"user": {"kind": "systemuser", "id": "user", "name": "# Demandbase"},
		},
	}} with input as testing.changed({"/users/user/disabled": true})
}

test_not_applicable_without_a_user if {
	enabled.findings == set() with input as testing.no_user
	enabled.not_applicable == {
		"there is no single integration user to judge, see DB-USER-EXISTS",
	} with input as testing.no_user
}
