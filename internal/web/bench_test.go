package web_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/web"
)

// resultDays is for how many days each environment of the benchmark has results. The pages are
// measured with a year, which takes minutes to store.
var resultDays = flag.Int("bench.days", 12, "days of results in the store of BenchmarkPages")

// BenchmarkPages measures each page and each answer of the API with 1,000 environments in SQLite.
func BenchmarkPages(b *testing.B) {
	const environments = 1000
	days := *resultDays
	at := noon().AddDate(0, 0, -days)
	s := must.Get(store.Open(b.Context(), filepath.Join(b.TempDir(), "fleet.db"), store.Options{Now: func() time.Time { return at }}))
	defer s.Close()
	var list []store.Environment
	for i := range environments {
		list = append(list, store.Environment{Name: fmt.Sprintf("client-%04d", i), URL: "https://contoso.crm.dynamics.com", Every: 24 * time.Hour, Config: "x: y\n", Requirements: store.Requirements{"demandbase": ""}})
	}
	must.Get(s.Import(b.Context(), "jane", list))
	for d := range days {
		at = noon().AddDate(0, 0, d+1-days)
		var results []audit.Result
		for i, e := range list {
			outcome := audit.OutcomePass
			if i%3 == 0 && d%50 < 20 {
				outcome = audit.OutcomeFail
			}
			r := result(e.Name, at, outcome)
			r.Environment.OrganizationID = fmt.Sprintf("11111111-1111-1111-1111-%012d", i)
			for n := range 35 {
				r.Controls = append(r.Controls, audit.Control{ID: audit.ControlID(fmt.Sprintf("DB-C-%d", n)), Severity: audit.SeverityLow, Outcome: audit.OutcomePass, Findings: []audit.Finding{}})
			}
			r.Summary = audit.Summarize(r.Controls)
			results = append(results, r)
		}
		must.Do(b, s.Record(b.Context(), results, nil, "bench"))
	}
	handler := must.Get(web.New(web.Options{Store: s}))
	run := fmt.Sprint((days-1)*environments + 4) // of client-0003
	for _, path := range []string{
		"/", "/?label=team=sales&verdict=compliant", "/?control=DB-PRIV-LEAD", "/controls", "/controls/DB-PRIV-LEAD", "/metrics",
		"/environments/client-0003", "/environments/client-0003/report/demandbase",
		"/api/v1/environments", "/api/v1/environments/client-0003", "/api/v1/environments/client-0003/findings",
		"/api/v1/environments/client-0003/runs?limit=500", "/api/v1/controls/DB-PRIV-LEAD",
		"/api/v1/runs/" + run, "/api/v1/runs/" + run + "/results/demandbase", "/api/v1/runs/" + run + "/results/demandbase?format=sarif",
	} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://localhost"+path, nil)
				if handler.ServeHTTP(w, request); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
