package dbaudit.coverage_test

import data.dbaudit.coverage
import data.dbaudit.testing

test_section_that_was_read if {
	coverage.was_read("shares") with input as testing.snapshot
	coverage.detail("shares") == "" with input as testing.snapshot
}

test_section_that_was_not_read if {
	unread := testing.changed({"/coverage/shares": {"state": "forbidden", "detail": "prvReadUserQuery is missing"}})
	not coverage.was_read("shares") with input as unread
	coverage.detail("shares") == ": prvReadUserQuery is missing" with input as unread
}

test_section_without_an_entry_was_not_read if {
	missing := testing.without(testing.snapshot, ["/coverage/shares"])
	not coverage.was_read("shares") with input as missing
	coverage.detail("shares") == "" with input as missing
}
