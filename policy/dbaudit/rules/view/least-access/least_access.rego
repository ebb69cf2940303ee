# METADATA
# title: No share of a view gives more than Read
# description: Every share of a personal view with the user or one of its teams gives only Read.
# related_resources:
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/security-sharing-assigning
#     description: Sharing and assigning
# custom:
#   severity: low
#   requires: [users, teams, shares]
#   fixes: [reduce-share]
#   consequence: The vendor's credentials can change, pass on or delete the views of your people.
#   remediation: Have the view's owner reduce the share to Read.
package dbaudit.rules.view["least-access"]

import data.dbaudit.integration
import data.dbaudit.profile
import data.dbaudit.views

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": control.id,
	"message": sprintf("the view %q is shared with more than Read: %s", [name, concat(", ", rights)]),
	"subject": {"kind": "view", "id": id, "name": name},
	"evidence": {"surplus": rights, "principals": [principal.name | some principal in principals]},
	"fix": object.union(
		{"kind": "reduce-share", "view": {"id": id, "name": name}, "principals": principals},
		object.get(_owners, id, {}),
	),
} if {
	some control in profile.controls["view/least-access"]
	some id, holders in _excess_rights
	rights := sort(union({held | some held in holders}))
	name := object.get(_names, id, id)
	principals := [_references[principal] | some principal in sort(object.keys(holders))]
}

not_applicable := integration.no_user

# METADATA
# description: If the table of shares could not be read, its replacement does not show all shares.
unknown contains input.coverage.shares.detail if {
	input.coverage.shares.state == "collected"
	input.coverage.shares.detail != ""
}

# METADATA
# description: The user's rights beyond Read, by view and by the principal that has them.
_excess_rights[id][principal] := rights if {
	some principal in integration.principals
	some id, share in input.shares[principal]
	rights := {right | some right in share.rights} - {"read"}
	count(rights) > 0
}

_references[integration.user] := integration.user_reference

_references[team] := {"kind": "team", "id": team, "name": input.teams[team].name} if {
	some team in integration.principals
}

# METADATA
# description: The names of the views, as far as they could be read.
_names[id] := input.views[id].name if some id, _ in _excess_rights

_owners[id] := {"owner": views.owners[id]} if some id, _ in _excess_rights
