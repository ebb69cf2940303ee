package lab

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/cli"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/run"
)

// TestHostileNames serves names that could do harm in a request, in a policy or in a report, and checks each
// format.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	l := New(t)
	for what, name := range map[string]string{
		"quotes":   `O'Brien "the ''Role''" or 1 eq 1`,
		"pipes":    `a|b||c` + "`d`" + ` \| *e* [f](javascript:g)`,
		"lines":    "one\ntwo\r\nthree\tfour",
		"escapes":  "\x1b[31mred\x1b[0m\x07\x1b]8;;http://example.com\x07link",
		"markup":   `<script>alert(1)</script><img src=x onerror=alert(1)>&lt;&amp;]]>`,
		"bidi":     "\u202egpj.exe\u202c \u2066isolate\u2069 \u200f\u200e\u061c\u200b\ufeff",
		"long":     strings.Repeat("lång", 820),
		"formula":  `=HYPERLINK("http://example.com","+1-2@3")`,
		"commands": "::error file=x::y%0A ${{ secrets.TOKEN }} $(id) `id` %s %d {{.}}",
		"filter":   `x') or contains(name,'`,
	} {
		t.Run(what, func(t *testing.T) {
			sc := l.Compliant.Clone()
			UseNameEverywhere(&sc, name)
			l.Serve(t, &sc)
			result, s := l.JudgeServed(t, sc.Requirement)
			if got, want := deviations(result), expectedDeviations(sc, l.Profile); !slices.Equal(got, want) || len(got) < 6 {
				t.Fatalf("the name has changed:\n%s", diffLines(got, want))
			}
			data, err := s.Encode()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "snapshot.json")
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"check", file}
			for _, format := range report.Formats() {
				args = append(args, "-f", format.String())
				if format != report.Table {
					args = append(args, "-o", documentPath(file, format))
				}
			}
			table, stderr, code := runDbaudit(t, true, args...)
			if code != 1 || stderr != "" {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			for _, format := range report.Formats() {
				t.Run(format.String(), func(t *testing.T) {
					document := table
					if format != report.Table {
						data, err := os.ReadFile(documentPath(file, format))
						if err != nil {
							t.Fatal(err)
						}
						document = string(data)
						if format == report.CSV {
							document = strings.TrimPrefix(document, "\ufeff")
						}
					}
					checkHarmless(t, format, document, result)
				})
			}
		})
	}
}

func documentPath(file string, format report.Format) string { return file + "." + format.String() }

// runDbaudit runs dbaudit in this process.
func runDbaudit(t *testing.T, terminal bool, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var outBuffer, errBuffer bytes.Buffer
	env := cli.Env{
		Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &outBuffer, Stderr: &errBuffer, StdoutIsTerminal: terminal, StderrIsTerminal: terminal},
		Host:    run.Host{Getenv: func(string) string { return "" }, Now: Now},
	}
	if terminal {
		env.Width = 100
	}
	code = cli.Main(t.Context(), args, env)
	return outBuffer.String(), errBuffer.String(), code
}

// checkHarmless checks that a document contains nothing that a terminal, a browser, a spreadsheet or a parser
// interprets as more than text.
func checkHarmless(t *testing.T, format report.Format, document string, result audit.Result) {
	t.Helper()
	for i, r := range document {
		isColor := r == '\x1b' && format == report.Table
		if r != '\n' && !isColor && (unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) || r == '\ufeff' || r == '\u200b') {
			t.Fatalf("%U at %d: %q", r, i, document[max(0, i-60):min(len(document), i+60)])
		}
	}
	if strings.Contains(document, "\x1b[31mred") || strings.Contains(document, "\x1b]") {
		t.Error("the document contains an escape sequence of a name")
	}
	switch format {
	case report.Unknown, report.Table, report.Unix, report.OpenMetrics:
	case report.JSON, report.SARIF, report.GitLab, report.OSCAL:
		if !json.Valid([]byte(document)) {
			t.Error("the document is not JSON")
		}
	case report.OCSF:
		for line := range strings.Lines(document) {
			if !json.Valid([]byte(line)) {
				t.Errorf("the line is not JSON: %s", line)
			}
		}
	case report.JUnit:
		decoder := xml.NewDecoder(strings.NewReader(document))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("the document is not XML: %v", err)
			}
		}
	case report.CSV:
		rows, err := csv.NewReader(strings.NewReader(document)).ReadAll()
		if err != nil {
			t.Fatalf("the document is not CSV: %v", err)
		}
		if want := 1 + result.Summary.Findings + result.Summary.Unknown; len(rows) != want {
			t.Errorf("%d rows, want %d: the header, and one for each finding", len(rows), want)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("a spreadsheet would evaluate %q", cell)
				}
			}
		}
	case report.HTML, report.Markdown:
		for _, markup := range []string{"<script>alert", "<img src=x", `href="javascript:`} {
			if i := strings.Index(document, markup); i >= 0 {
				t.Errorf("unescaped: %q", document[max(0, i-60):min(len(document), i+60)])
			}
		}
	case report.GitHub:
		for line := range strings.Lines(document) {
			if command, _, ok := strings.Cut(strings.TrimPrefix(line, "::"), "::"); strings.HasPrefix(line, "::") && ok &&
				!slices.Contains([]string{"error", "warning", "notice", "group", "endgroup"}, strings.Fields(command)[0]) {
				t.Errorf("the line is an unexpected command: %q", line)
			}
		}
	}
}
