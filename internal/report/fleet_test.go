package report

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// fleet returns the results of n environments in no order, and the history of a year of weekly
// scans.
func fleet(n int) ([]audit.Result, []history.Environment) {
	samples := []audit.Result{compliant(), mixed(), incomplete(), compliant(), waived()}
	rs := make([]audit.Result, n)
	ts := make([]history.Environment, n)
	for i := range rs {
		r := samples[i%len(samples)]
		if i%100 == 99 {
			r.Controls, r.Summary, r.Verdict = nil, audit.Summary{}, audit.VerdictIncomplete
			r.Unread = &audit.Unread{Message: "the environment cannot be reached"}
		}
		if i%7 == 0 {
			r.Notes = append(r.Notes, audit.ViewsUnchecked)
		}
		r.Environment.Name = fmt.Sprintf("client-%04d-production", i)
		r.Environment.URL = "https://" + r.Environment.Name + ".crm4.dynamics.com"
		r.Environment.OrganizationID = fmt.Sprintf("5b1c8a34-9a35-4a54-9d43-%012d", i)
		rs[i] = r
		ts[i] = history.Environment{OrganizationID: r.Environment.OrganizationID, Profile: r.Profile.Name}
		for week := range 52 {
			p := day(1, (i+week)%3, (i*week)%2)
			p.TakenAt = p.TakenAt.AddDate(0, 0, 7*week)
			ts[i].Results = append(ts[i].Results, p)
		}
	}
	return rs, ts
}

// TestFleetStaysSmall checks the size of documents for many environments: a line of a table and 1
// kB of an index for each, besides a fixed part.
func TestFleetStaysSmall(t *testing.T) {
	t.Parallel()
	const n = 200
	rs, ts := fleet(n)
	all := func(f Format, o Options) string {
		t.Helper()
		return mustRenderAll(t, f, rs, o)
	}
	for _, width := range []int{0, 80, 100, 120} {
		table := all(Table, Options{Width: width, Summary: true})
		if lines := strings.Count(table, "\n"); lines > n+100 {
			t.Errorf("at %d columns the table has %d lines", width, lines)
		}
		for line := range strings.Lines(table) {
			if n := text.Width(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
				t.Fatalf("%d columns at %d: %s", n, width, line)
			}
		}
		if !strings.Contains(table, "\n200 environments: 40 noncompliant, 118 compliant, 40 incomplete, 2 not read\n") || !strings.Contains(table, "* "+audit.ViewsUnchecked) {
			t.Errorf("the totals are missing:\n%s", table[len(table)-300:])
		}
	}

	var index []byte
	names := map[string]bool{}
	err := Pages(rs, Options{Rules: rules(), Trends: ts}, func(p Page) error {
		names[p.Name] = true
		if p.Name == indexFile {
			index = p.Data
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(index) > 30_000+1000*n || len(names) != n+1 {
		t.Errorf("the index has %d bytes, beside %d pages", len(index), len(names)-1)
	}
	for name := range names {
		if name != indexFile && !bytes.Contains(index, []byte(`href="`+name+`"`)) {
			t.Errorf("the index does not lead to %s", name)
		}
	}
}

// worst returns the results of n environments in which every control failed or is unknown.
func worst(n int, outcome audit.Outcome) []audit.Result {
	rs := make([]audit.Result, n)
	for i := range rs {
		r := compliant()
		r.Environment.Name, r.Environment.OrganizationID = fmt.Sprintf("client-%04d-production", i), fmt.Sprintf("5b1c8a34-9a35-4a54-9d43-%012d", i)
		for j := range r.Controls {
			c := &r.Controls[j]
			c.Outcome = outcome
			if outcome == audit.OutcomeFail {
				fail(&r, string(c.ID), audit.Finding{Message: "the role does not have what the vendor's line asks for", Subject: role()})
			} else {
				c.Reason = "teams could not be read: the auditor lacks prvReadTeam"
			}
		}
		rs[i] = judge(r)
	}
	return rs
}

// TestResultsAreNotHeld checks that rendered results are released, so that memory does not depend
// on the number of environments. SARIF is an exception, because it joins runs.
func TestResultsAreNotHeld(t *testing.T) {
	const n, interval = 120, 30 // results, and results between two measurements
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	rs := make([]audit.Result, n)
	for i := range rs {
		rs[i] = mixed()
	}
	before := heap()
	held := slices.Collect(renderer{}.prepare(rs, Options{}).all())
	all := heap() - before
	runtime.KeepAlive(held)
	const pages Format = "pages"
	for _, renderer := range append(renderers(), renderer{format: pages}) {
		if renderer.format == SARIF {
			continue
		}
		o := Options{Width: 100, Summary: true}
		set := renderer.prepare(rs, o)
		// The first measurement includes what the format needs for any number of results.
		first, most, rendered := uint64(0), uint64(0), 0
		measure := func() {
			if rendered++; rendered%interval == 0 {
				most = max(most, heap())
				first = cmp.Or(first, most)
			}
		}
		convert := set.convert
		set.convert = func(r audit.Result) audit.Result {
			measure()
			return convert(r)
		}
		out := bufio.NewWriterSize(io.Discard, bufferSize)
		var err error
		switch renderer.format {
		case GitHub:
			writeGitHub(set, o)
		case pages:
			err = Pages(rs, o, func(Page) error { measure(); return nil })
		default:
			err = renderer.write(out, set, o)
		}
		if err != nil || rendered < n {
			t.Fatalf("%s: %d results, %v", renderer.format, rendered, err)
		}
		// Some formats hold the document.
		if grown := most - first; grown > all/2 {
			t.Errorf("%s: %d kB more with %d results, which take %d kB", renderer.format, grown>>10, n, all>>10)
		}
	}
}
