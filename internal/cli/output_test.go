package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/run"
)

// TestFolderOfPages checks that -o DIR/ writes an index and a page for each result, implies HTML,
// and refuses other formats.
func TestFolderOfPages(t *testing.T) {
	t.Parallel()
	o := outputs{list: []document{{file: filepath.Join(t.TempDir(), "pages") + "/"}}}
	a := newApp(Env{Host: run.Host{Getenv: func(string) string { return "" }}})
	if err := o.resolve(a); err != nil || o.list[0].format != report.HTML {
		t.Fatalf("%v, %v", o.list, err)
	}
	results := []audit.Result{
		{Environment: audit.Environment{Name: "a", URL: "https://a.crm.dynamics.com"}, Verdict: audit.VerdictCompliant},
		{Environment: audit.Environment{Name: "a", URL: "https://b.crm.dynamics.com"}, Verdict: audit.VerdictCompliant},
	}
	if err := o.render(a, results, report.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.html", "a.html", "a-2.html"} {
		if _, err := os.Stat(filepath.Join(o.list[0].file, name)); err != nil {
			t.Error(err)
		}
	}
	o.list[0].format = "json"
	if _, err := o.documents(); err == nil || !strings.Contains(err.Error(), "a folder, which only -f html can fill") {
		t.Errorf("%v", err)
	}
}

// TestSummaryByDefault checks that a table of more than twenty results is a summary, unless
// --summary says otherwise.
func TestSummaryByDefault(t *testing.T) {
	t.Parallel()
	on := true
	for _, test := range []struct {
		n    int
		flag *bool
		want bool
	}{
		{20, nil, false},
		{21, nil, true},
		{21, new(bool), false},
		{2, &on, true},
	} {
		var b bytes.Buffer
		a := newApp(Env{
			Streams: console.Streams{Stdout: &b},
			Host:    run.Host{Getenv: func(string) string { return "" }},
		})
		results := make([]audit.Result, test.n)
		for i := range results {
			results[i] = audit.Result{Environment: audit.Environment{Name: "x", URL: "https://x"}, Verdict: audit.VerdictCompliant}
		}
		o := outputs{list: []document{{format: report.Table}}, summary: test.flag}
		if err := o.render(a, results, report.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := !strings.Contains(b.String(), "Evaluated"); got != test.want {
			t.Errorf("%+v: a summary: %t", test, got)
		}
	}
}

// A failingWriter fails like a full disk.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no space is left") }

// TestRenderWriteError checks that the error for a document that cannot be written names its format
// once.
func TestRenderWriteError(t *testing.T) {
	t.Parallel()
	a := newApp(Env{Streams: console.Streams{Stdout: failingWriter{}}, Host: run.Host{Getenv: func(string) string { return "" }}})
	o := outputs{list: []document{{format: report.Table}}}
	if err := o.render(a, make([]audit.Result, 1), report.Options{}); err == nil || err.Error() != "rendering table: no space is left" {
		t.Errorf("%v", err)
	}
}
