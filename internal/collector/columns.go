package collector

import (
	"slices"

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

// isOptional reports whether older environments may lack a column. Without it, the verdict prefers
// a finding: a team's role gives no Basic rights unless it is known to be inherited, and a user
// exists unless it is known to be deleted. Only the fix of a view depends on whether its owner is
// a team. An access mode that was not read is unknown, and so is what depends on it.
func isOptional(column string) bool {
	return slices.Contains([]string{
		"isinherited", "componentstate", "deletedstate", "islicensed", "accessmode", "azurestate",
		"azureactivedirectoryobjectid", "orgdborgsettings", "_owningteam_value", "_createdby_value", "createdon",
	}, column)
}
