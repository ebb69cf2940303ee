package dbaudit

import data.dbaudit.catalogue
import data.dbaudit.integration
import data.dbaudit.profile

# METADATA
# description: >-
#   For conftest, as --namespace dbaudit: what fails, as an object for each finding that contains the finding, and
#   what could not be judged, which does not count as passed.
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
	some of in _controls
	some control in of
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
# description: Findings of severity info, which do not fail a run of dbaudit either.
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
# description: The severity of each control; its rule's if the profile states none.
_severity[control.id] := object.get(control, "severity", otherwise) if {
	some of in _controls
	some control in of
	otherwise := object.get(catalogue.rules, [control.rule, "severity"], "unknown")
}
