# METADATA
# title: dbaudit
# description: >-
#   Collects what the rules say. Each rule is a package data.dbaudit.rules[category][name] with a set of findings
#   and, where it needs them, sets of reasons: not_applicable, unknown and notes. A finding names the profile's
#   control that it belongs to. The rule's METADATA, exported as metadata, names the sections of the input that it
#   needs: without these sections, the rule is ignored.
package dbaudit

import data.dbaudit.integration
import data.dbaudit.judged
import data.dbaudit.profile

# METADATA
# description: >-
#   All findings, as sets of objects with control, message, subject, evidence and fix: those of the rules that can
#   judge the input and that apply to it.
# entrypoint: true
findings contains finding if {
	some category, name
	finding := data.dbaudit.rules[category][name].findings[_]
	sprintf("%s/%s", [category, name]) in _applying
}

# METADATA
# description: Reasons why a rule's controls do not apply, by rule.
# scope: document
not_applicable[rule] contains reason if some rule, reason in _not_held

not_applicable[rule] contains reason if {
	some category, name
	reason := data.dbaudit.rules[category][name].not_applicable[_]
	rule := sprintf("%s/%s", [category, name])
	rule in _able
	not _unasked[reason]
}

# METADATA
# description: >-
#   Reasons why a rule that applies could not judge, by rule; under profile, that the profile is not loaded.
# scope: document
unknown[rule] contains reason if some rule, reason in _unread

unknown[rule] contains reason if {
	some category, name
	reason := data.dbaudit.rules[category][name].unknown[_]
	rule := sprintf("%s/%s", [category, name])
	rule in _applying
}

unknown[rule] contains sprintf("%s; no control of the profile checks this with %s", [reason, existence]) if {
	some category, name
	reason := data.dbaudit.rules[category][name].not_applicable[_]
	existence := _unasked[reason]
	rule := sprintf("%s/%s", [category, name])
	rule in _applying
}

unknown[rule] contains "the profile that the input names is not loaded" if {
	some rule in {"profile" | not profile.current}
}

unknown[rule] contains "the policies have no such rule" if {
	some rule in ({control.rule | some control in profile.current.controls} - object.keys(_metadata))
}

# METADATA
# description: >-
#   Reasons why a single control could not be judged in full, by control, from the rule that judges it. The other
#   controls of that rule are judged.
# scope: document
unknown_controls[control] contains reason if {
	some category, name
	one := data.dbaudit.rules[category][name].unknown_controls[_]
	rule := sprintf("%s/%s", [category, name])
	rule in _applying
	control := one.control
	control in _controls_of[rule]
	reason := one.reason
}

# METADATA
# description: >-
#   What rules must not report: a finding under a control that another rule judges, or without a message.
#   Otherwise, a custom rule could make a control fail that it does not own.
# scope: document
invalid contains sprintf("the rule %s reports a finding under %s, which is not a control of that rule", [rule, named]) if {
	some category, name
	finding := data.dbaudit.rules[category][name].findings[_]
	rule := sprintf("%s/%s", [category, name])
	rule in _applying
	not _owned(object.get(_controls_of, rule, set()), finding)
	named := _control(finding)
}

invalid contains sprintf("the rule %s reports a finding under %s without a message", [rule, named]) if {
	some category, name
	finding := data.dbaudit.rules[category][name].findings[_]
	rule := sprintf("%s/%s", [category, name])
	rule in _applying
	not _worded(finding)
	named := _control(finding)
}

_owned(ids, finding) if finding.control in ids

_worded(finding) if {
	is_string(finding.message)
	trim_space(finding.message) != ""
}

_control(finding) := sprintf("the control %v", [finding.control])

_control(finding) := "no control" if not finding.control

_controls_of[control.rule] contains control.id if some control in _controls

# METADATA
# description: Remarks of rules, which do not change an outcome, by rule.
notes[rule] contains note if {
	some category, name
	note := data.dbaudit.rules[category][name].notes[_]
	rule := sprintf("%s/%s", [category, name])
	rule in _able
}

# METADATA
# description: >-
#   Everything that the engine reads, in one document. It is undefined if the profile is not loaded: then nothing
#   was judged, and an empty list of findings would be misleading.
report := {
	"findings": findings,
	"not_applicable": not_applicable,
	"unknown": unknown,
	"unknown_controls": unknown_controls,
	"rule_notes": notes,
	"notes": integration.notes,
	"ambiguous": integration.ambiguous,
	"invalid": invalid,
	"integration": judged.integration,
} if {
	profile.current
}

# METADATA
# description: What the METADATA of each rule says, by the rule's category and name.
_metadata[rule] := metadata if {
	some category, name
	metadata := data.dbaudit.rules[category][name].metadata
	metadata.requires
	rule := sprintf("%s/%s", [category, name])
}

# METADATA
# description: The rules that can judge the input. Any other rule could report something as missing that was not read.
_able := (object.keys(_metadata) - object.keys(_not_held)) - object.keys(_unread)

_applying := _able - object.keys(not_applicable)

# METADATA
# description: Why a rule does not apply to a solution's files, unless it does not need what they lack.
_not_held[rule] := sprintf("a %s contains no %s", [input.source, _words(absent[0])]) if {
	some rule, metadata in _metadata
	not metadata.offline
	absent := [section | some section in metadata.requires; input.coverage[section].state == "inapplicable"]
}

# METADATA
# description: Why a rule that applies cannot judge. A section that the input does not mention was not read.
_unread[rule] := concat("; ", reasons) if {
	some rule, metadata in object.remove(_metadata, object.keys(_not_held))
	reasons := [reason |
		some section in metadata.requires
		not section in _settled
		reason := object.get(_missing, section, sprintf("%s were not read", [_words(section)]))
	]
	count(reasons) > 0
}

# METADATA
# description: The sections that were read, or that a solution's files cannot contain.
_settled contains section if {
	some section, coverage in input.coverage
	coverage.state in {"collected", "inapplicable"}
}

# METADATA
# description: What happened to each other section.
_missing[section] := concat(": ", [text | some text in [what, detail]; text != ""]) if {
	some section, coverage in input.coverage
	not section in _settled
	what := sprintf("%s %s", [_words(section), object.get(_refused, coverage.state, "were not read")])
	detail := object.get(coverage, "detail", "")
}

_refused := {"failed": "could not be read", "forbidden": "may not be read"}

_words(section) := replace(section, "_", " ")

# METADATA
# description: >-
#   A missing user or role is a reason not to judge it only if some control checks that it exists. Otherwise, it
#   would go unnoticed. These are the reasons without such a control, each with the rule that the profile does not
#   use.
# scope: document
_unasked[reason] := "user/exists" if {
	input.source == "environment"
	not profile.controls["user/exists"]
	some reason in integration.no_user
}

_unasked[reason] := "role/exists" if {
	input.source == "environment"
	not profile.controls["role/exists"]
	some reason in integration.no_role
}
