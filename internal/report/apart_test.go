package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report"
)

// Results of several integrations of one environment are told apart by their profiles in
// every format; a single one is named as it was.
func TestSeveralOfOneEnvironment(t *testing.T) {
	t.Parallel()
	one := audit.Result{
		Format: audit.ResultFormat, Environment: audit.Environment{Name: "production", URL: "https://x.example", OrganizationID: "o"},
		Profile: audit.Profile{Name: "demandbase"}, Verdict: audit.VerdictIncomplete,
	}
	two := one
	two.Profile.Name = "gong"
	for _, f := range []report.Format{report.Table, report.Markdown, report.HTML, report.SARIF} {
		var alone, both bytes.Buffer
		if err := report.Render(&alone, f, one, report.Options{}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(alone.String(), "production (demandbase)") {
			t.Errorf("%s names a single result by its profile", f)
		}
		if err := report.RenderAll(&both, f, []audit.Result{one, two}, report.Options{}); err != nil {
			t.Fatal(err)
		}
		if f == report.SARIF {
			var log struct {
				Runs []struct{ AutomationDetails struct{ ID string } }
			}
			if err := json.Unmarshal(both.Bytes(), &log); err != nil {
				t.Fatal(err)
			}
			if len(log.Runs) != 2 || log.Runs[0].AutomationDetails.ID == log.Runs[1].AutomationDetails.ID {
				t.Errorf("the runs are %+v", log.Runs)
			}
			continue
		}
		for _, name := range []string{"production (demandbase)", "production (gong)"} {
			if !strings.Contains(strings.ReplaceAll(both.String(), `\`, ""), name) {
				t.Errorf("%s does not name %s:\n%s", f, name, both.String())
			}
		}
	}
}
