package dbaudit.depth_test

import data.dbaudit.depth
import data.dbaudit.testing

_all := ["basic", "local", "deep", "global"]

# A snapshot in which one privilege allows some depths, and some are asked for.
_snapshot(allowed, asked) := testing.changed({
	"/privileges/prvReadAccount/depths": allowed,
	"/requirement/depth": asked,
})

test_the_deepest_that_is_allowed_is_the_default if {
	depth.required.prvReadAccount == "global" with input as _snapshot(_all, {})
	depth.required.prvReadAccount == "basic" with input as _snapshot(["basic"], {})
	depth.required.prvReadAccount == "deep" with input as _snapshot(["basic", "local", "deep"], {})
}

test_the_configuration_can_ask_for_less if {
	every level in _all {
		depth.required.prvReadAccount == level with input as _snapshot(_all, {"prvReadAccount": level})
	}
}

test_what_is_asked_is_fitted_into_what_is_allowed if {
	depth.required.prvReadAccount == "local" with input as _snapshot(["local", "global"], {"prvReadAccount": "basic"})
	depth.required.prvReadAccount == "global" with input as _snapshot(["local", "global"], {"prvReadAccount": "deep"})
	depth.required.prvReadAccount == "local" with input as _snapshot(["basic", "local"], {"prvReadAccount": "global"})
}

test_a_definition_without_depths_asks_for_what_is_wanted if {
	depth.required.prvReadAccount == "global" with input as _snapshot([], {})
	depth.required.prvReadAccount == "local" with input as _snapshot([], {"prvReadAccount": "local"})
}

test_what_is_no_depth_asks_for_the_deepest if {
	depth.required.prvReadAccount == "global" with input as _snapshot(_all, {"prvReadAccount": "organization"})
}

test_the_profile_can_name_depths_which_the_configuration_overrides if {
	profile := object.union(testing.profile, {"depths": {"prvReadAccount": "deep", "prvReadContact": "local"}})
	required := depth.required with input as testing.changed({"/requirement/depth": {"prvReadAccount": "basic"}})
		with data.profiles.demandbase as profile
	required.prvReadAccount == "basic"
	required.prvReadContact == "local"
	required.prvReadLead == "global"
}

test_a_depth_is_given_to_a_name_in_any_case if {
	profile := object.union(testing.profile, {"depths": {"PRVREADACCOUNT": "deep", "prvreadcontact": "local"}})
	required := depth.required with input as testing.changed({"/requirement/depth": {"prvREADaccount": "basic"}})
		with data.profiles.demandbase as profile
	required.prvReadAccount == "basic"
	required.prvReadContact == "local"
}

test_undefined_privileges_are_wanted_but_not_required if {
	snapshot := testing.without(testing.snapshot, ["/privileges/prvReadLead"])
	depth.requested.prvReadLead == "global" with input as snapshot
	not depth.required.prvReadLead with input as snapshot
	count(depth.requested) == 44 with input as snapshot
	count(depth.required) == 43 with input as snapshot
}

_file := testing.changed({"/source": "solution", "/users": {}, "/privileges/prvReadLead/depths": []})

_required(grants) := testing.patched(_file, {"/role_privileges/role": grants})

test_what_no_source_knows_the_levels_of_is_judged_by_its_presence if {
	own := depth.required.prvReadLead with input as _required({"prvReadLead": "basic", "prvWriteLead": "deep"})
	own == "basic"
	beside := depth.required.prvReadLead with input as _required({"prvAppendToLead": "deep", "prvWriteLead": "local"})
	beside == "deep"
	alone := depth.required.prvReadLead with input as _required({"prvReadAccount": "basic"})
	alone == "global"
	nothing := depth.required.prvReadLead with input as testing.without(_file, ["/role_privileges/role"])
	nothing == "global"
}

test_what_is_asked_for_is_no_matter_of_presence if {
	asked := testing.patched(_required({"prvReadLead": "basic"}), {"/requirement/depth": {"prvReadLead": "local"}})
	depth.required.prvReadLead == "local" with input as asked
	depth.presence_only == {} with input as asked
	depth.presence_only == {} with input as testing.patched(_required({}), {"/source": "environment"})
}
