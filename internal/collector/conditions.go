package collector

import (
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// maxFilterBytes is the limit for the conditions of one address, in bytes. Dataverse accepts 32 KB.
const maxFilterBytes = 14_000

// joinConditions joins conditions by or, in as many filters as are needed to keep each address short.
func joinConditions(conditions []dataverse.Expr) []dataverse.Expr {
	var filters []dataverse.Expr
	var part []dataverse.Expr
	length := 0
	for _, condition := range conditions {
		size := len(dataverse.Collection("x").Filter(condition).String())
		if len(part) > 0 && length+size > maxFilterBytes {
			filters = append(filters, dataverse.Or(part...))
			part, length = nil, 0
		}
		part = append(part, condition)
		length += size
	}
	if len(part) > 0 {
		filters = append(filters, dataverse.Or(part...))
	}
	return filters
}

// idConditions has a condition for every id.
func idConditions(column string, ids []string) []dataverse.Expr {
	conditions := make([]dataverse.Expr, len(ids))
	for i, id := range ids {
		conditions[i] = dataverse.EqID(column, dataverse.GUID(id))
	}
	return conditions
}

// textConditions has a condition for every text; texts that differ only in case are one.
func textConditions(column string, texts []string) []dataverse.Expr {
	var conditions []dataverse.Expr
	for _, text := range distinct(texts) {
		conditions = append(conditions, dataverse.Eq(column, text))
	}
	return conditions
}
