package dbaudit.catalogue_test

import data.dbaudit.catalogue

_rules := {
	"role": {"custom": {"metadata": {"requires": ["roles"], "offline": true}}},
	"user": {
		"exists": {"metadata": {"requires": ["users", "roles"]}},
		"exists_test": {"test_something": true},
	},
}

test_rules_are_listed_by_id if {
	catalogue.rules == {
		"role/custom": {"requires": ["roles"], "offline": true},
		"user/exists": {"requires": ["users", "roles"]},
	} with data.dbaudit.rules as _rules
	catalogue.rule_paths == {"role/custom": ["role", "custom"], "user/exists": ["user", "exists"]} with data.dbaudit.rules as _rules
}

test_rules_are_listed_by_section if {
	catalogue.requiring == {
		"roles": {"role/custom", "user/exists"},
		"users": {"user/exists"},
	} with data.dbaudit.rules as _rules
	catalogue.offline == {"role/custom"} with data.dbaudit.rules as _rules
}
