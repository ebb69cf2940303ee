# METADATA
# title: Test data
# description: A role of a solution's file that no rule on files has anything against.
package dbaudit.lint.fixture

controls := [
	{"id": "LINT-DUPLICATE", "rule": "lint/duplicate"},
	{"id": "LINT-LEVEL", "rule": "lint/level"},
	{"id": "LINT-NAME", "rule": "lint/name"},
	{"id": "LINT-CASE", "rule": "lint/case"},
	{"id": "LINT-ADMINISTRATOR", "rule": "lint/administrator"},
	{"id": "LINT-DANGEROUS", "rule": "lint/dangerous"},
	{"id": "LINT-LOCKED", "rule": "lint/locked"},
]

profiles := {
	"lint": {"controls": controls},
	"vendor": {
		"pattern": "vendor",
		"allow": ["prvBulkDelete"],
		"controls": [{"id": "V-PRIV-ACCOUNT", "rule": "role/privileges", "privileges": ["prvReadAccount"]}],
	},
}

subject := {"kind": "role", "id": "role", "name": "Vendor"}

# METADATA
# description: The snapshot of a file whose lines are pairs of name and level, beginning in line 5.
of(lines) := {
	"source": "solution",
	"requirement": {"profile": "vendor", "role": "Vendor", "allow": ["prvActOnBehalfOfExternalParty"], "depth": {}},
	"roles": {"role": {
		"customizable": true,
		"inherited": true,
		"managed": false,
		"name": "Vendor",
		"root_id": "role",
		"template_id": "",
	}},
	"role_privileges": {"role": {line[0]: lower(line[1]) | some line in array.reverse(lines)}},
	"role_entries": {"role": [_entry(line, i) | some i, line in lines]},
	"privileges": {
		"prvReadAccount": {"id": "", "depths": ["basic", "local", "deep", "global"]},
		"prvReadUserQuery": {"id": "", "depths": ["basic"]},
	},
}

good := of([["prvReadAccount", "Global"], ["prvReadnew_thing", "Local"], ["prvReadUserQuery", "Basic"]])

_entry(line, i) := {
	"name": line[0],
	"level": line[1],
	"line": i + 5,
	"column": 5,
	"standard": _standard(line[0]),
	"nearest": _nearest(line[0]),
}

_known := {name | some name in ["prvReadAccount", "prvReadUserQuery", "prvBulkDelete", "prvSendAsUser"]}

_standard(name) := known if {
	some known in _known
	lower(known) == lower(name)
} else := ""

_nearest(name) := "prvReadAccount" if name == "prvReadAcount"

else := ""
