package collector

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A selection is the columns that are read from a row, and from the rows expanded in it.
type selection struct {
	columns  []string
	expanded []expansion
}

type expansion struct {
	property  string
	selection *selection
}

// selectionOf returns the columns that a function reads from a row, the key first. Columns are named
// only in that function, so it cannot read one that is not requested.
func selectionOf[T any](key string, decode func(Row) T, omitted columnSet) *selection {
	r := Row{&rowState{omitted: omitted, recorder: &selection{}}}
	r.value(key)
	decode(r)
	return r.recorder
}

// apply adds the columns to a query.
func (s *selection) apply(q dataverse.Query) dataverse.Query {
	q = q.Select(s.columns...)
	for _, e := range s.expanded {
		q = q.Expand(e.property, e.selection.apply(dataverse.Query{}))
	}
	return q
}

// A columnSet is a set of columns, and of the query option [countOption].
type columnSet map[string]bool

const countOption = "$count"

// optionalColumns returns the columns that older environments may lack. Without them, the verdict
// prefers a finding: a team's role gives no Basic rights unless it is known to be inherited, and a
// user exists unless it is known to be deleted. Only the fix of a view depends on whether its owner
// is a team. An access mode that was not read is unknown, and so is what depends on it.
func optionalColumns() []string {
	return []string{
		"isinherited", "componentstate", "deletedstate", "islicensed", "accessmode", "azurestate",
		"azureactivedirectoryobjectid", "orgdborgsettings", "_owningteam_value", "_createdby_value", "createdon",
	}
}

// refusedColumn returns the optional column that a refused request names in quotation marks, or "".
// The message may be in any language, and may name a lookup by its logical name.
func refusedColumn(err error, omitted columnSet) string {
	if !IsUnsupported(err) {
		return ""
	}
	const quote = `[\p{Pi}\p{Pf}\p{Ps}\p{Pe}'"]`
	message := dataverse.ErrorOf(err).Message
	i := slices.IndexFunc(optionalColumns(), func(column string) bool {
		logicalName := strings.TrimSuffix(strings.TrimPrefix(column, "_"), "_value")
		named := regexp.MustCompile(quote + `(` + column + `|` + logicalName + `)` + quote)
		return !omitted[column] && named.MatchString(message)
	})
	if i < 0 {
		return ""
	}
	return optionalColumns()[i]
}
