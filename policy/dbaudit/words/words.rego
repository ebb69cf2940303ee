# METADATA
# title: Words for people
# description: >-
#   Access levels and rights as the security-role editor names them. Evidence and fixes keep the API's words.
#   internal/audit has the same words in Go, and a test of the engine keeps the two equal.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
package dbaudit.words

# METADATA
# description: The name of the access level by depth.
levels := {
	"none": "None",
	"basic": "User",
	"local": "Business Unit",
	"deep": "Parent: Child Business Units",
	"global": "Organization",
}

# METADATA
# description: >-
#   The words for a privilege: the table and the right, such as "Account – Read", or the name of a privilege without
#   a table.
# scope: document
right(name) := sprintf("%s – %s", [_label(parts[0][2]), _rights[lower(parts[0][1])]]) if {
	parts := _parts(name)
	count(parts) > 0
} else := _label(regex.replace(name, `^(?i:prv)`, "")) if {
	startswith(lower(name), "prv")
} else := name

# METADATA
# description: >-
#   A list or a set of names in lower case, as a list. A role grants hundreds of privileges, and a step for each would
#   take most of the time of judging the role. So they are joined to one text, unless a name contains the separator.
lowered(names) := lower_case if {
	lower_case := split(lower(concat("\u0000", names)), "\u0000")
	count(lower_case) == count(names)
} else := [lower(name) | some name in names]

# METADATA
# description: The table of a privilege, as its name spells it; undefined for a privilege without a table.
table(name) := _parts(name)[0][2]

_parts(name) := regex.find_all_string_submatch_n(
	`^(?i:prv)(?i:(create|read|write|delete|appendto|append|assign|share))(.+)$`,
	name, 1,
)

_rights := {
	"create": "Create",
	"read": "Read",
	"write": "Write",
	"delete": "Delete",
	"append": "Append",
	"appendto": "Append To",
	"assign": "Assign",
	"share": "Share",
}

# METADATA
# description: What the editor calls a table, or else its schema name with spaces.
_label(schema) := object.get(_labels, lower(schema), _spaced(schema))

_spaced(schema) := schema if contains(schema, "_")

_spaced(schema) := strings.replace_n(
	{" On ": " on ", " Of ": " of ", " For ": " for ", " To ": " to ", "Share Point": "SharePoint"},
	regex.replace(schema, `(\p{Ll})(\p{Lu})`, "$1 $2"),
) if {
	not contains(schema, "_")
}

_labels := {
	"asyncoperation": "System Job",
	"attribute": "Field",
	"attributemap": "Attribute Map",
	"bulkedit": "Bulk Edit",
	"customeropportunityrole": "Opportunity Relationship",
	"entitymap": "Entity Map",
	"list": "Marketing List",
	"query": "View",
	"transactioncurrency": "Currency",
	"userquery": "Saved View",
	"usersettings": "User Settings",
	"workflow": "Process",
}

# METADATA
# description: The characters that are white space.
spaces := split(
	concat(",", [
		"\t,\n,\u000b,\u000c,\r, ,\u0085,\u00a0,\u1680,\u2000,\u2001,\u2002,\u2003",
		"\u2004,\u2005,\u2006,\u2007,\u2008,\u2009,\u200a,\u2028,\u2029,\u202f,\u205f,\u3000",
	]),
	",",
)
