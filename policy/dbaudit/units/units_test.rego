package dbaudit.units_test

import data.dbaudit.testing
import data.dbaudit.units

_deep := testing.changed({"/business_units/leaf": {"disabled": false, "name": "West", "parent_id": "child"}})

_unread := {"/coverage/business_units": {"state": "forbidden", "detail": "prvReadBusinessUnit is missing"}}

test_above_includes_the_unit_and_all_above_it if {
	units.above("leaf") == {"leaf", "child", "root"} with input as _deep
	units.above("root") == {"root"} with input as _deep
	units.above("nowhere") == set() with input as _deep
}

test_unit_below_a_disabled_one_is_disabled if {
	units.disabled("leaf") == set() with input as _deep
	units.disabled("leaf") == {"child"} with input as testing.patched(_deep, {"/business_units/child/disabled": true})
	units.disabled("root") == set() with input as testing.patched(_deep, {"/business_units/child/disabled": true})
}

test_unit_is_known_if_all_above_it_were_read if {
	units.known("leaf") with input as _deep
	not units.known("leaf") with input as testing.without(_deep, ["/business_units/child"])
	not units.known("leaf") with input as testing.patched(_deep, _unread)
	not units.known("nowhere") with input as _deep
}

test_why_units_were_not_read if {
	units.detail == "" with input as _deep
	units.detail == ": prvReadBusinessUnit is missing" with input as testing.patched(_deep, _unread)
}
