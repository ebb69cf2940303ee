# METADATA
# title: The surplus
# description: The privileges that the integration role grants beyond the minimum.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.surplus

import data.dbaudit.danger
import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.words

# METADATA
# description: The privileges that the role grants and that are neither required nor allowed.
names := _outside_minimum if {
	count(lowered & _accepted_or_default) == 0
} else := {name | some name in _outside_minimum; not _is_accepted(name)}

_is_accepted(name) if lower(name) in _accepted_or_default

# METADATA
# description: The privileges that the role grants and that the profile does not require in this spelling.
_outside_minimum := integration.own_names - profile.minimum

lowered := {name | some name in words.lowered(_outside_minimum)}

_accepted_or_default := profile.accepted_or_default(_allowed)

# METADATA
# description: >-
#   The required privileges and those that the profile or the configuration allows, in lower case.
accepted := profile.accepted(_allowed)

_allowed := object.get(input.requirement, "allow", [])

# METADATA
# description: The dangerous privileges among the surplus. LINT-DANGEROUS reports the same if the role comes from a file.
dangerous := {name |
	reasons := object.remove(danger.of_integration(lowered), _accepted_or_default)
	count(reasons) > 0
	some name in names
	reasons[lower(name)]
}

# METADATA
# description: The surplus in display order, the dangerous privileges first.
in_display_order := sort(names) if {
	count(dangerous) == 0
} else := array.concat(sort(dangerous), sort(names - dangerous))
