package collector

import (
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A selection is the columns that are read of a row, and of the rows expanded in it.
type selection struct {
	columns  []string
	expanded []expansion
}

type expansion struct {
	property  string
	selection *selection
}

// selectionOf are those that a function reads of a row, the key first. The function is the only place
// that names a column, so it cannot read one that is not requested.
func selectionOf[T any](key string, take func(Row) T, without columnSet) *selection {
	r := Row{&rowState{omitted: without, recorder: &selection{}}}
	r.value(key)
	take(r)
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

// A columnSet names columns.
type columnSet map[string]bool

// countOption in a columnSet is the option that counts rows.
const countOption = "$count"

// isOptional are columns that older environments may not have. Without them the
// verdict prefers a finding: a team's role gives no Basic rights unless it is
// known to be inherited, and a user exists unless it is known to be deleted. Whether a
// view's owner is a team matters only to its fix. An access mode that was not read is
// unknown, and so is what depends on it.
func isOptional(column string) bool {
	switch column {
	case "isinherited", "componentstate", "deletedstate",
		"islicensed", "accessmode", "azurestate", "azureactivedirectoryobjectid", "orgdborgsettings", "_owningteam_value",
		"_createdby_value", "createdon":
		return true
	}
	return false
}
