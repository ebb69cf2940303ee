package dbaudit

import data.dbaudit.catalogue
import data.dbaudit.integration
import data.dbaudit.profile

# METADATA
# description: >-
#   The failures for conftest, with --namespace dbaudit: an object for each finding, with the members of the finding,
#   and one for each control that could not be judged.
# scope: document
deny contains failure if {
	some failure in _failures
	failure.severity != "info"
}

deny contains {
	"msg": sprintf("%s: not judged: %s", [control.id, concat("; ", sort(reasons))]),
	"control": control.id,
	"severity": _severity[control.id],
} if {
	some controls in _controls
	some control in controls
	reasons := object.get(unknown, control.rule, set()) | object.get(unknown_controls, control.id, set())
	count(reasons) > 0
	not control.id in {finding.control | some finding in findings}
}

deny contains {"msg": "not judged: the profile that the input names is not loaded"} if not profile.current

deny contains {"msg": sprintf("not judged: %s", [reason])} if some reason in invalid

deny contains {"msg": sprintf("not judged: several users could be the integration's: %s", [concat(", ", names)])} if {
	names := sort([input.users[id].name | some id in integration.ambiguous])
	count(names) > 0
}

# METADATA
# description: Findings of severity info, which do not fail a run of dbaudit.
warn contains failure if {
	some failure in _failures
	failure.severity == "info"
}

_failures contains object.union(finding, {
	"msg": sprintf("%s: %s", [finding.control, finding.message]),
	"severity": object.get(_severity, finding.control, "unknown"),
}) if {
	some finding in findings
}

# METADATA
# description: The severity of each control, or that of its rule if the profile states none.
_severity[control.id] := object.get(control, "severity", default_severity) if {
	some controls in _controls
	some control in controls
	default_severity := object.get(catalogue.rules, [control.rule, "severity"], "unknown")
}
