package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func pipeline() AzureDevOps {
	return AzureDevOps{
		Organization: "contoso", Project: "Sales", DefinitionID: "12", DefinitionName: "nightly audit",
		PhaseID: "3dc8fd7e-4368-5a92-293e-d53cefc8c4b3", PhaseName: "Audit", Branch: "refs/heads/main", BuildID: "4711",
	}
}

func mustRender(t testing.TB, f Format, r audit.Result, o Options) string {
	t.Helper()
	return mustRenderAll(t, f, []audit.Result{r}, o)
}

func mustRenderAll(t testing.TB, f Format, rs []audit.Result, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Render(&b, f, rs, o); err != nil {
		t.Fatalf("rendering %s: %v", f, err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (write the golden files with go test ./internal/report -update)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, diff)
	}
}

// TestGolden renders two saved results in every format, and the others in the formats that differ
// for them.
func TestGolden(t *testing.T) {
	t.Parallel()
	help := Options{Rules: rules()}
	forms := []struct {
		file    string
		format  Format
		options Options
	}{
		{"table-80.txt", Table, Options{Width: 80}},
		{"junit.xml", JUnit, Options{}},
		{"md", Markdown, help},
		{"csv", CSV, Options{}},
		{"github.txt", GitHub, Options{}},
		{"unix.txt", Unix, Options{}},
		{"json", JSON, Options{}},
		// From here on for two of the results alone.
		{"table-80-color.txt", Table, Options{Width: 80, Color: true}},
		{"table-200.txt", Table, Options{Width: 200}},
		{"table-0.txt", Table, Options{}},
		{"table-0-verbose.txt", Table, Options{Verbose: true}},
		{"sarif", SARIF, help},
		{"html", HTML, help},
	}
	for name, n := range map[string]int{"mixed": len(forms), "compliant": 7, "incomplete": 7, "waived": 7, "unread": len(forms)} {
		for _, form := range forms[:n] {
			t.Run(name+"."+form.file, func(t *testing.T) {
				golden(t, name+"."+form.file, mustRender(t, form.format, loadResult(name), form.options))
			})
		}
	}
}

// TestReadResultRendersTheSame checks that a result renders the same after it was saved and read.
func TestReadResultRendersTheSame(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]audit.Result{"mixed": mixed(), "compliant": compliant(), "waived": waived(), "unread": unreadFile(), "hostile": hostile()} {
		saved := mustRender(t, JSON, r, Options{})
		read, err := ReadResults([]byte(saved))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, f := range Formats() {
			o := Options{Width: 80, Rules: rules(), Verbose: true}
			first, later := mustRender(t, f, r, o), mustRender(t, f, read[0], o)
			if first != later {
				t.Errorf("%s: %s differs after the result was saved and read:\n%s", name, f, cmp.Diff(first, later))
			}
		}
	}
}

// TestEveryControlIsShown checks that formats that show controls rather than findings name every
// control.
func TestEveryControlIsShown(t *testing.T) {
	t.Parallel()
	r := mixed()
	for _, f := range []Format{Table, JSON, SARIF, JUnit, HTML, Markdown, OCSF, OSCAL} {
		out := mustRender(t, f, r, Options{Verbose: true})
		for _, c := range r.Controls {
			if !strings.Contains(out, string(c.ID)) {
				t.Errorf("%s does not show %s, which is %s", f, c.ID, c.Outcome)
			}
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteErrorsAreReturned(t *testing.T) {
	t.Parallel()
	broken := errors.New("no space left on device")
	for _, f := range Formats() {
		if err := Render(brokenWriter{broken}, f, []audit.Result{mixed()}, Options{}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	if err := Render(&bytes.Buffer{}, Unknown, []audit.Result{mixed()}, Options{}); err == nil || !strings.Contains(err.Error(), "table, json, sarif") {
		t.Errorf("the unknown format: %v", err)
	}
	if err := Render(&bytes.Buffer{}, SARIF, []audit.Result{mixed()}, Options{SARIFProfile: SARIFAzureDevOps}); err == nil || !strings.Contains(err.Error(), "System.PhaseId") {
		t.Errorf("azuredevops without a pipeline: %v", err)
	}
}

func TestJSONIsTheContract(t *testing.T) {
	t.Parallel()
	out := mustRender(t, JSON, mixed(), Options{})
	if !strings.HasPrefix(out, "{\n  \"format\": \"dbaudit.result/v1\",\n  \"tool\": {") || !strings.HasSuffix(out, "}\n") {
		t.Errorf("unexpected frame: %.60q … %q", out, out[len(out)-3:])
	}
	if strings.Contains(out, `\u003c`) {
		t.Error("HTML is escaped")
	}
	r := compliant()
	r.Controls[0].Findings = nil
	if out := mustRender(t, JSON, r, Options{}); strings.Contains(out, `"findings": null`) {
		t.Error("missing findings are null, not an empty list")
	}
	for _, rs := range [][]audit.Result{nil, {compliant(), mixed()}} {
		var doc audit.Results
		if err := json.Unmarshal([]byte(mustRenderAll(t, JSON, rs, Options{})), &doc); err != nil || doc.Format != audit.ResultsFormat || doc.Results == nil || len(doc.Results) != len(rs) {
			t.Errorf("%d results: %v, %q with %d", len(rs), err, doc.Format, len(doc.Results))
		}
	}
}

// TestWaivedFindingsAreNotLeadFindings checks that summaries name a finding that is not waived, if
// the control has one, and that the table counts the waived ones.
func TestWaivedFindingsAreNotLeadFindings(t *testing.T) {
	t.Parallel()
	for f, want := range map[Format]string{
		HTML:     `Field – Write is not granted; Organization is required (prvWriteAttribute)</a> <span class="about">and 1 more</span></td><td>Grant Field – Write at`,
		Markdown: "| Field – Write is not granted; Organization is required (prvWriteAttribute) (and 1 more) |",
		JUnit:    `<failure message="Field – Write is not granted; Organization is required (prvWriteAttribute) (and 1 more)"`,
		Table:    "FAILED  7 controls, 9 findings, 1 of them waived\n",
	} {
		if out := mustRender(t, f, mixed(), Options{}); !strings.Contains(out, want) {
			t.Errorf("%s lacks %q", f, want)
		}
	}
}
