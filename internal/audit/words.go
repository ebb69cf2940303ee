package audit

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/dbaudit/dbaudit/internal/privileges"
)

// Rights lists the rights that a privilege on a table can grant, in the order of the
// security-role editor's columns.
func Rights() []string {
	rights := privileges.Verbs()
	for i, verb := range rights {
		rights[i] = splitWords(verb)
	}
	return rights
}

// PrivilegeLabel returns a privilege as people read it, such as "Account – Read" or, for a
// privilege without a table, "Bulk Edit".
func PrivilegeLabel(privilege string) string {
	right, row := SplitPrivilege(privilege)
	if right == "" {
		return row
	}
	return row + " – " + right
}

// SplitPrivilege splits the name of a privilege into the right and the row of the security-role
// editor, such as "Append To" and "Lead". The right is empty for a privilege without a table.
func SplitPrivilege(privilege string) (right, row string) {
	verb, table := privileges.Split(privilege)
	if table == privilege {
		return "", privilege
	}
	return splitWords(verb), tableLabel(table)
}

// tableLabel returns the security-role editor's name of a table, else the schema name with spaces.
func tableLabel(schema string) string {
	labels := map[string]string{
		"userquery": "Saved View", "query": "View", "attribute": "Field", "workflow": "Process", "asyncoperation": "System Job",
		"transactioncurrency": "Currency", "customeropportunityrole": "Opportunity Relationship", "list": "Marketing List",
		"bulkedit": "Bulk Edit", "usersettings": "User Settings", "attributemap": "Attribute Map", "entitymap": "Entity Map",
	}
	return cmp.Or(labels[strings.ToLower(schema)], splitWords(schema))
}

// splitWords inserts spaces as the editor does, before a capital that follows a lower-case
// letter. A name with an underscore belongs to a custom table and stays unchanged.
func splitWords(schema string) string {
	if strings.Contains(schema, "_") {
		return schema
	}
	var b strings.Builder
	afterLower := false
	for _, r := range schema {
		if afterLower && unicode.IsUpper(r) {
			b.WriteRune(' ')
		}
		afterLower = unicode.IsLower(r)
		b.WriteRune(r)
	}
	words := b.String()
	replacements := []string{" On ", " on ", " Of ", " of ", " For ", " for ", " To ", " to ", "Share Point", "SharePoint"}
	// Most names need no replacement, and to make a replacer takes far longer than to search them.
	if slices.ContainsFunc(replacements, func(s string) bool { return strings.Contains(words, s) }) {
		words = strings.NewReplacer(replacements...).Replace(words)
	}
	return words
}
