package collector_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/google/go-cmp/cmp"
)

// Required views are requested by name only, because the environment refuses a request with an
// unknown table. Views of other tables with the same name are dropped.
func TestViewsOfOtherTables(t *testing.T) {
	t.Parallel()
	rec, o, want := recordSample(t)
	for r := range rec.responses {
		if strings.Contains(r.Path, "returnedtypecode%20eq") {
			t.Errorf("the request names a table: %s", r.Path)
		}
	}
	var added atomic.Int64
	s := mustCollect(t, interceptor{Reader: rec.replay(), rows: func(r dataverse.Request, rows []json.RawMessage) []json.RawMessage {
		key := map[string]string{"userqueries": "userqueryid", "savedqueries": "savedqueryid"}[entitySet(r)]
		if key == "" || !strings.Contains(r.Path, "$filter") {
			return rows
		}
		for _, row := range slices.Clone(rows) {
			var other map[string]any
			if err := json.Unmarshal(row, &other); err != nil {
				t.Error(err)
			}
			other[key], other["returnedtypecode"] = fmt.Sprintf("%08d-0000-4000-8000-000000000000", len(rows)), "incident"
			data, err := json.Marshal(other)
			if err != nil {
				t.Error(err)
			}
			added.Add(1)
			rows = append(slices.Clip(rows), data)
		}
		return rows
	}}, o)
	if got := encode(t, s); got != want || added.Load() == 0 {
		t.Errorf("%d rows added: %s", added.Load(), cmp.Diff(want, got))
	}
}
