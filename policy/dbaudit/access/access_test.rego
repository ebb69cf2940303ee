package dbaudit.access_test

import data.dbaudit.access
import data.dbaudit.testing

test_ranks_and_names_agree if {
	every name, number in access.rank {
		access.names[number] == name
	}
}

_defined := {
	"prvReadAccount": {"id": "a", "depths": ["basic", "local"]},
	"prvReadLead": {"id": "b", "depths": []},
}

test_fix_privileges_contain_each_required_one if {
	depths := access.required(_defined, {"prvreadaccount": "basic"}) with input as testing.snapshot
	depths == {"prvReadAccount": "basic", "prvReadLead": "global"}
	access.fix_privileges(_defined, depths) == {
		"prvReadAccount": [{"name": "prvReadAccount", "id": "a", "depth": "basic"}],
		"prvReadLead": [{"name": "prvReadLead", "id": "b", "depth": "global"}],
	}
}

test_stated_depth_replaces_unknown_levels if {
	access.without_levels(_defined, {}) == {"prvReadLead"} with input as testing.snapshot
	access.without_levels(_defined, {"prvReadLead": "local"}) == set() with input as testing.snapshot
}

test_each_control_has_a_finding_for_its_missing_privilege if {
	profile := object.union(testing.profile, {"controls": [
		{"id": "ONE", "rule": "role/privileges", "privileges": ["prvReadLead"]},
		{"id": "TWO", "rule": "role/privileges", "privileges": ["prvReadLead", "prvReadAccount"]},
	]})
	controls := access.missing_findings({"prvReadLead": "deep"}) with input as testing.snapshot with data.profiles.demandbase as profile
	controls.prvReadLead == [[control, message, evidence] |
		message := "Lead – Read is not granted; Parent: Child Business Units is required (prvReadLead)"
		evidence := {"privilege": "prvReadLead", "required_depth": "deep", "actual_depth": "none", "state": "missing"}
		some control in ["ONE", "TWO"]
	]
}
