package report_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report"
)

// The profile distinguishes the results of several integrations of one environment in every
// format; a single one keeps its name.
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

// The page of an environment has all of its integrations, and the index leads to each.
func TestPageOfAnEnvironment(t *testing.T) {
	t.Parallel()
	one := audit.Result{
		Format: audit.ResultFormat, Environment: audit.Environment{Name: "production", URL: "https://x.example", OrganizationID: "o"},
		Profile: audit.Profile{Name: "demandbase"}, Verdict: audit.VerdictIncomplete,
	}
	two, three := one, one
	two.Profile.Name = "gong"
	three.Environment = audit.Environment{Name: "test", URL: "https://y.example", OrganizationID: "p"}
	pages := map[string]string{}
	err := report.Pages([]audit.Result{one, three, two, one}, report.Options{}, func(p report.Page) error {
		pages[p.Name] = string(p.Data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(pages)); !slices.Equal(names, []string{"index.html", "production-2.html", "production.html", "test.html"}) {
		t.Fatalf("the pages are %q", names)
	}
	for _, text := range []string{"production (demandbase)", "production (gong)", "2 integrations", `href="index.html"`} {
		if !strings.Contains(pages["production.html"], text) {
			t.Errorf("the environment's page lacks %s", text)
		}
	}
	for _, link := range []string{`href="production.html#e1-result"`, `href="production.html#e2-result"`, `href="test.html"`, `href="production-2.html"`} {
		if !strings.Contains(pages["index.html"], link) {
			t.Errorf("the index lacks %s", link)
		}
	}
	if strings.Contains(pages["test.html"], "production") {
		t.Error("another environment's page has it too")
	}
}
