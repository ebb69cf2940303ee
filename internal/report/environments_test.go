package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func integration(environment, organization, profile string) audit.Result {
	return audit.Result{
		Format: audit.ResultFormat, Environment: audit.Environment{Name: environment, URL: "https://x.example", OrganizationID: organization},
		Profile: audit.Profile{Name: profile}, Verdict: audit.VerdictIncomplete,
	}
}

// The profile distinguishes the results of several integrations of one environment in every
// format; a single one keeps its name.
func TestIntegrationsOfOneEnvironment(t *testing.T) {
	t.Parallel()
	one, two := integration("production", "o", "demandbase"), integration("production", "o", "gong")
	for _, f := range []Format{Table, Markdown, HTML, SARIF} {
		if strings.Contains(mustRender(t, f, one, Options{}), "production (demandbase)") {
			t.Errorf("%s names a single result by its profile", f)
		}
		both := mustRenderAll(t, f, []audit.Result{one, two}, Options{})
		unread := two
		unread.Environment.OrganizationID, unread.Controls, unread.Unread = "", nil, &audit.Unread{Message: "timeout"}
		if part := mustRenderAll(t, f, []audit.Result{one, unread}, Options{}); !strings.Contains(strings.ReplaceAll(part, `\`, ""), "production (gong)") {
			t.Errorf("%s does not tell a result that could not be read from another of its environment:\n%s", f, part)
		}
		if f == SARIF {
			if runs := checkSARIF(t, both).Runs; len(runs) != 2 || runs[0].AutomationDetails.ID == runs[1].AutomationDetails.ID {
				t.Errorf("the runs are %+v", runs)
			}
			continue
		}
		for _, name := range []string{"production (demandbase)", "production (gong)"} {
			if !strings.Contains(strings.ReplaceAll(both, `\`, ""), name) {
				t.Errorf("%s does not name %s:\n%s", f, name, both)
			}
		}
	}
}

// The page of an environment has all of its integrations, and the index leads to each.
func TestPageOfAnEnvironment(t *testing.T) {
	t.Parallel()
	one, two, three := integration("production", "o", "demandbase"), integration("production", "o", "gong"), integration("test", "p", "demandbase")
	pages := map[string]string{}
	err := Pages([]audit.Result{one, three, two, one}, Options{}, func(p Page) error {
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
		t.Error("the page of another environment has the result too")
	}
}

// BenchmarkDistinctNames names the results of 1,000 environments.
func BenchmarkDistinctNames(b *testing.B) {
	rs := make([]audit.Result, 1000)
	for i := range rs {
		rs[i] = audit.Result{Environment: audit.Environment{Name: "contoso", URL: fmt.Sprintf("https://contoso-%04d.crm.dynamics.com", i)}}
	}
	for b.Loop() {
		withDistinctNames(rs, &Options{})
	}
}
