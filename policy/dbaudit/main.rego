# METADATA
# title: dbaudit
# description: >-
#   Collects the findings of the rules. Each rule is a package data.dbaudit.rules[category][name] with a set of
#   findings and, if needed, sets of reasons: not_applicable, unknown and notes. A finding names the control of the
#   profile that fails. The METADATA of the rule, exported as metadata, names the sections of the input that the rule
#   needs. The rule is ignored without these sections.
package dbaudit

import data.dbaudit.catalogue
import data.dbaudit.integration
import data.dbaudit.judged
import data.dbaudit.lint
import data.dbaudit.profile

# METADATA
# description: >-
#   All findings, as sets of objects with control, message, subject, evidence and fix: those of the rules that can
#   judge the input and that apply to it.
# entrypoint: true
findings contains finding if {
	some found in _findings_by_rule
	some finding in found
}

# METADATA
# description: The findings of the rules that apply, by rule; no entry for a rule without any.
_findings_by_rule := {id: found |
	some id, [category, name] in _applicable
	found := data.dbaudit.rules[category][name].findings
	count(found) > 0
}

# METADATA
# description: Reasons why a rule's controls do not apply, by rule.
# scope: document
not_applicable[id] contains reason if some id, reason in _inapplicable

not_applicable[id] contains reason if {
	some id, reasons in _not_applicable_reasons
	some reason in reasons
	not _unchecked_reasons[reason]
}

# METADATA
# description: Why a rule that can judge the input does not apply, according to the rule itself, by rule.
_not_applicable_reasons := {id: reasons |
	some id, [category, name] in _judgeable
	reasons := data.dbaudit.rules[category][name].not_applicable
	count(reasons) > 0
}

# METADATA
# description: >-
#   Reasons why a rule that applies could not judge, by rule; under profile, that the profile is not loaded.
# scope: document
unknown[id] contains reason if some id, reason in _unread

unknown[id] contains reason if {
	some id, [category, name] in _applicable
	some reason in data.dbaudit.rules[category][name].unknown
}

unknown[id] contains sprintf("%s; no control of the profile checks this with %s", [reason, existence]) if {
	some id, reasons in _not_applicable_reasons
	_applicable[id]
	some reason in reasons
	existence := _unchecked_reasons[reason]
}

unknown[id] contains "the profile that the input names is not loaded" if {
	some id in {"profile" | not profile.current}
}

unknown[id] contains "the policies have no such rule" if {
	some id in (object.keys(profile.controls) - object.keys(catalogue.rules))
}

# METADATA
# description: >-
#   Reasons why a single control could not be judged in full, by control. The other controls of its rule are judged.
# scope: document
unknown_controls[control] contains reason if {
	some id, [category, name] in _applicable
	some unjudged in data.dbaudit.rules[category][name].unknown_controls
	control := unjudged.control
	control in _control_ids[id]
	reason := unjudged.reason
}

# METADATA
# description: >-
#   What rules must not report: a finding under a control that another rule judges, or without a message.
#   Otherwise, a custom rule could make a control fail that it does not own.
# scope: document
invalid contains sprintf("the rule %s reports a finding under %s, which is not a control of that rule", [id, named]) if {
	some id, found in _invalid_findings
	some finding in found
	not _is_owned(id, finding)
	named := _control_words(finding)
}

invalid contains sprintf("the rule %s reports a finding under %s without a message", [id, named]) if {
	some id, found in _invalid_findings
	some finding in found
	not _has_message(finding)
	named := _control_words(finding)
}

# METADATA
# description: The findings of a rule, if one has no message or names a control of another rule.
_invalid_findings[id] := found if {
	some id, found in _findings_by_rule
	not _are_valid(id, found)
}

_are_valid(id, found) if {
	controls := [control | control := found[_].control]
	count(controls) == count(found)
	{control | some control in controls} - object.get(_control_ids, id, set()) == set()
	messages := [message | message := found[_].message; is_string(message)]
	count(messages) == count(found)
	not lint.has_blank(messages)
}

_is_owned(id, finding) if finding.control in _control_ids[id]

_has_message(finding) if {
	is_string(finding.message)
	trim_space(finding.message) != ""
}

_control_words(finding) := sprintf("the control %v", [finding.control])

_control_words(finding) := "no control" if not finding.control

# METADATA
# description: The controls that each rule judges.
_control_ids := profile.file_control_ids if {
	input.source == "solution"
} else := profile.control_ids

# METADATA
# description: The controls that the input is judged by, by rule.
_controls := lint.controls if {
	input.source == "solution"
} else := profile.controls

# METADATA
# description: Notes of rules, which do not change an outcome, by rule.
notes[id] contains note if {
	some id, [category, name] in _judgeable
	some note in data.dbaudit.rules[category][name].notes
}

# METADATA
# description: >-
#   The document that the engine reads. It is undefined if the profile is not loaded, because an empty list of
#   findings would be misleading.
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
# description: >-
#   The paths of the rules that can judge the input. Any other rule could report something as missing that was not
#   read.
_judgeable := object.remove(catalogue.rule_paths, object.keys(_inapplicable) | object.keys(_unread))

_applicable := object.remove(_judgeable, object.keys(not_applicable))

_inapplicable := catalogue.inapplicable(_source, _coverage)

_unread := catalogue.unread(_source, _coverage)

_source := object.get(input, "source", "")

_coverage := object.get(input, "coverage", {})

# METADATA
# description: >-
#   The reasons that no control of the profile checks, each with the rule that would check it. A missing user or role
#   is a reason not to judge it only if a control checks that it exists. Otherwise, it would go unnoticed.
# scope: document
_unchecked_reasons[reason] := "user/exists" if {
	input.source == "environment"
	not profile.controls["user/exists"]
	some reason in integration.no_user
}

_unchecked_reasons[reason] := "role/exists" if {
	input.source == "environment"
	not profile.controls["role/exists"]
	some reason in integration.no_role
}
