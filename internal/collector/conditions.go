package collector

import (
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// maxFilterBytes is the maximum size of the conditions in one URL. Dataverse accepts URLs of 32 KB.
const maxFilterBytes = 14_000

// joinConditions joins conditions by or, in as many filters as are needed to keep each URL short.
func joinConditions(conditions []dataverse.Expr) []dataverse.Expr {
	var filters []dataverse.Expr
	start, length := 0, 0
	for i, condition := range conditions {
		size := len(dataverse.Collection("x").Filter(condition).String())
		if i > start && length+size > maxFilterBytes {
			filters = append(filters, dataverse.Or(conditions[start:i]...))
			start, length = i, 0
		}
		length += size
	}
	if len(conditions) > 0 {
		filters = append(filters, dataverse.Or(conditions[start:]...))
	}
	return filters
}

func idConditions(column string, ids []string) (conditions []dataverse.Expr) {
	for _, id := range ids {
		conditions = append(conditions, dataverse.EqID(column, dataverse.GUID(id)))
	}
	return conditions
}

// textConditions returns one condition for texts that differ only in case.
func textConditions(column string, texts []string) (conditions []dataverse.Expr) {
	for _, text := range distinct(texts) {
		conditions = append(conditions, dataverse.Eq(column, text))
	}
	return conditions
}

// distinct removes empty texts, and all but the first of texts that differ only in case.
func distinct(texts []string) []string {
	var kept []string
	seen := map[string]bool{"": true}
	for _, text := range texts {
		if lower := strings.ToLower(text); !seen[lower] {
			seen[lower] = true
			kept = append(kept, text)
		}
	}
	return kept
}
