package audit

import (
	"cmp"
	"strings"
	"unicode"

	"github.com/dbaudit/dbaudit/internal/privileges"
)

// Rights lists the rights that a privilege to a table can give, in the order of
// the security-role editor's columns.
func Rights() []string {
	rights := privileges.Verbs()
	for i, verb := range rights {
		rights[i] = splitWords(verb)
	}
	return rights
}

// PrivilegeLabel is what a privilege lets its holder do, such as "Account – Read", or what a
// privilege without a table is called.
func PrivilegeLabel(privilege string) string {
	right, row := SplitPrivilege(privilege)
	if right == "" {
		return row
	}
	return row + " – " + right
}

// SplitPrivilege takes the name of a privilege apart into the right and the row of the
// security-role editor, such as "Append To" and "Lead". The right of a privilege
// without a table is empty.
func SplitPrivilege(privilege string) (right, row string) {
	verb, table := privileges.Split(privilege)
	if table == privilege {
		return "", privilege
	}
	return splitWords(verb), tableLabel(table)
}

// tableLabel is what the editor calls a table, or else its schema name with spaces.
func tableLabel(schema string) string {
	labels := map[string]string{
		"userquery": "Saved View", "query": "View", "attribute": "Field", "workflow": "Process", "asyncoperation": "System Job",
		"transactioncurrency": "Currency", "customeropportunityrole": "Opportunity Relationship", "list": "Marketing List",
		"bulkedit": "Bulk Edit", "usersettings": "User Settings", "attributemap": "Attribute Map", "entitymap": "Entity Map",
	}
	return cmp.Or(labels[strings.ToLower(schema)], splitWords(schema))
}

// splitWords puts spaces where the editor does: before a capital that follows a small letter.
// A name with an underscore is a custom table's, and stays as it is.
func splitWords(schema string) string {
	if strings.Contains(schema, "_") {
		return schema
	}
	var b strings.Builder
	small := false
	for _, r := range schema {
		if small && unicode.IsUpper(r) {
			b.WriteRune(' ')
		}
		small = unicode.IsLower(r)
		b.WriteRune(r)
	}
	return strings.NewReplacer(" On ", " on ", " Of ", " of ", " For ", " for ", " To ", " to ", "Share Point", "SharePoint").Replace(b.String())
}
