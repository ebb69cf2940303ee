# METADATA
# title: dbaudit
# description: >-
#   Collects what the rules find. Each rule is a package data.dbaudit.rules[category][name] with a set of
#   findings and, where it needs them, sets of reasons: not_applicable, unknown and notes. A finding names the
#   profile's control that it belongs to.
package dbaudit

import data.dbaudit.integration
import data.dbaudit.profile

# METADATA
# description: All findings, as sets of objects with control, message, subject, evidence and fix.
# entrypoint: true
findings contains data.dbaudit.rules[_][_].findings[_]

# METADATA
# description: Reasons for which a rule's controls do not apply, by rule.
not_applicable[rule] contains reason if {
	some category, name
	reason := data.dbaudit.rules[category][name].not_applicable[_]
	rule := sprintf("%s/%s", [category, name])
}

# METADATA
# description: Reasons for which a rule could not judge, by rule.
unknown[rule] contains reason if {
	some category, name
	reason := data.dbaudit.rules[category][name].unknown[_]
	rule := sprintf("%s/%s", [category, name])
}

# METADATA
# description: Remarks of rules that change no outcome, by rule.
notes[rule] contains note if {
	some category, name
	note := data.dbaudit.rules[category][name].notes[_]
	rule := sprintf("%s/%s", [category, name])
}

# METADATA
# description: >-
#   Everything that the engine reads, in one document. It is undefined where the profile is not loaded: then
#   nothing was judged, and no findings must not be taken for none.
report := {
	"findings": findings,
	"not_applicable": not_applicable,
	"unknown": unknown,
	"rule_notes": notes,
	"notes": integration.notes,
	"ambiguous": integration.ambiguous,
} if {
	profile.current
}
