# METADATA
# title: The surplus
# description: What the integration role grants beyond the minimum.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.surplus

import data.dbaudit.danger
import data.dbaudit.integration
import data.dbaudit.profile

# METADATA
# description: >-
#   What Dataverse gives to each new role, and what AddPrivilegesRole and a solution import restore each time.
platform_defaults := {lower(name) | some name in data.platform.new_role}

# METADATA
# description: The privileges that the role grants and that are neither required nor allowed.
# scope: document
names contains name if {
	some name in integration.own_names
	not lower(name) in _meant
}

_meant := profile.accepted | platform_defaults

# METADATA
# description: The part of it that LINT-DANGEROUS names too, where the role comes from a file.
# scope: document
dangerous contains name if {
	some name in names
	danger.of_integration(lower(name))
}

# METADATA
# description: The surplus in display order, the dangerous privileges first.
listed := array.concat(sort(dangerous), sort(names - dangerous))
