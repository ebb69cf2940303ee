package dbaudit.depth_test

import data.dbaudit.depth
import data.dbaudit.testing

_all := ["basic", "local", "deep", "global"]

# A snapshot in which a privilege allows some depths, with configured depths.
_snapshot(allowed, asked) := testing.changed({
	"/privileges/prvReadAccount/depths": allowed,
	"/requirement/depth": asked,
})

test_the_deepest_that_is_allowed_is_the_default if {
	depth.required.prvReadAccount == "global" with input as _snapshot(_all, {})
	depth.required.prvReadAccount == "basic" with input as _snapshot(["basic"], {})
	depth.required.prvReadAccount == "deep" with input as _snapshot(["basic", "local", "deep"], {})
}

test_configuration_can_require_less if {
	every level in _all {
		depth.required.prvReadAccount == level with input as _snapshot(_all, {"prvReadAccount": level})
	}
}

test_required_depth_is_one_that_the_privilege_allows if {
	depth.required.prvReadAccount == "local" with input as _snapshot(["local", "global"], {"prvReadAccount": "basic"})
	depth.required.prvReadAccount == "global" with input as _snapshot(["local", "global"], {"prvReadAccount": "deep"})
	depth.required.prvReadAccount == "local" with input as _snapshot(["basic", "local"], {"prvReadAccount": "global"})
}

test_definition_without_depths_requires_the_requested_depth if {
	depth.required.prvReadAccount == "global" with input as _snapshot([], {})
	depth.required.prvReadAccount == "local" with input as _snapshot([], {"prvReadAccount": "local"})
}

test_unknown_depth_requires_the_deepest if {
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

test_configured_depth_matches_names_in_any_case if {
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

test_privilege_without_known_levels_needs_only_presence if {
	own := depth.required.prvReadLead with input as _required({"prvReadLead": "basic", "prvWriteLead": "deep"})
	own == "basic"
	beside := depth.required.prvReadLead with input as _required({"prvAppendToLead": "deep", "prvWriteLead": "local"})
	beside == "deep"
	alone := depth.required.prvReadLead with input as _required({"prvReadAccount": "basic"})
	alone == "global"
	nothing := depth.required.prvReadLead with input as testing.without(_file, ["/role_privileges/role"])
	nothing == "global"
}

test_configured_depth_is_required_in_a_file if {
	asked := testing.patched(_required({"prvReadLead": "basic"}), {"/requirement/depth": {"prvReadLead": "local"}})
	depth.required.prvReadLead == "local" with input as asked
	depth.presence_only == {} with input as asked
	depth.presence_only == {} with input as testing.patched(_required({}), {"/source": "environment"})
}
