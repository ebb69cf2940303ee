package dbaudit.surplus_test

import data.dbaudit.profile
import data.dbaudit.surplus
import data.dbaudit.testing

test_the_minimum_and_the_defaults_of_the_platform_are_no_surplus if {
	count(profile.platform_defaults) == 9
	surplus.names == set() with input as testing.snapshot
}

test_the_dangerous_come_first if {
	snapshot := testing.changed({
		"/role_privileges/role/prvReadOrganization": "global",
		"/role_privileges/role/prvWriteRole": "global",
	})
	surplus.in_display_order == ["prvWriteRole", "prvReadOrganization"] with input as snapshot
	surplus.dangerous == {"prvWriteRole"} with input as snapshot
}

test_allowed_privilege_is_not_surplus if {
	snapshot := testing.changed({
		"/requirement/allow": ["prvREADorganization"],
		"/role_privileges/role/prvReadOrganization": "global",
	})
	surplus.names == set() with input as snapshot
	"prvreadorganization" in surplus.accepted with input as snapshot
}
