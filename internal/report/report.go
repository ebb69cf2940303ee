// Package report renders an [audit.Result] for people, dashboards and other
// programs.
//
// Every renderer is a pure function of the result and the options: it neither
// sorts, filters nor decides. The order is the engine's (but of documents for
// people, and of a SARIF run that is longer than its viewers keep, which have the worst
// first), every control of the profile appears, whatever its outcome, and the same input
// gives the same bytes. A result that was saved as JSON and read back by [ReadResults]
// renders byte for byte as it did at first, because [Render] takes every result through its
// JSON form before anything else sees it.
//
// Names of roles, users and views come from the environment and are not trusted. What has
// no glyph of its own (control characters, bidirectional and zero-width marks) is written
// out as an escape, and each format then quotes what has a meaning in it. JSON is the
// exception: it keeps every character, as a \u escape where a terminal might act on it.
//
// The forms follow RFC 8259 (JSON), OASIS SARIF 2.1.0 together with GitHub's page
// "SARIF support for code scanning" and Azure DevOps' page "SARIF SAST Scans", the
// Jenkins JUnit schema, RFC 4180 (CSV), GitHub Flavored Markdown, GitHub's page
// "Workflow commands for GitHub Actions", OCSF 1.8.0 and NIST's OSCAL.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// A Format is a form in which a result can be written. The zero value is unknown.
type Format int

// The formats.
const (
	Unknown Format = iota
	// Table is for people at a terminal.
	Table
	// JSON is the contract other programs build on.
	JSON
	// SARIF is for code scanning.
	SARIF
	// JUnit is for test dashboards.
	JUnit
	// HTML is one self-contained page.
	HTML
	// Markdown is for a job summary or a pull request.
	Markdown
	// CSV has a row for each finding.
	CSV
	// GitHub is workflow commands, which become annotations.
	GitHub
	// Unix is a line for each finding, as compilers write them and editors read them.
	Unix
	// OpenMetrics is gauges for a collector of metrics.
	OpenMetrics
	// GitLab is a Code Quality report.
	GitLab
	// OCSF is an event of the Open Cybersecurity Schema Framework for each control.
	OCSF
	// OSCAL is NIST's assessment results.
	OSCAL
)

// Formats lists every format in the order in which help names them.
func Formats() []Format {
	return []Format{Table, JSON, SARIF, JUnit, HTML, Markdown, CSV, GitHub, Unix, OpenMetrics, GitLab, OCSF, OSCAL}
}

func (f Format) String() string {
	switch f {
	case Table:
		return "table"
	case JSON:
		return "json"
	case SARIF:
		return "sarif"
	case JUnit:
		return "junit"
	case HTML:
		return "html"
	case Markdown:
		return "markdown"
	case CSV:
		return "csv"
	case GitHub:
		return "github"
	case Unix:
		return "unix"
	case OpenMetrics:
		return "openmetrics"
	case GitLab:
		return "gitlab"
	case OCSF:
		return "ocsf"
	case OSCAL:
		return "oscal"
	case Unknown:
	}
	return "unknown"
}

// plain reports whether a format's documents are lines of text, where an extra space does
// no harm.
func (f Format) plain() bool {
	switch f {
	case JUnit, Markdown, CSV, Unix, OpenMetrics:
		return true
	case Unknown, Table, JSON, SARIF, HTML, GitHub, GitLab, OCSF, OSCAL:
	}
	return false
}

// ParseFormat reads a format as [Format.String] spells it.
func ParseFormat(s string) (Format, error) {
	return parseName(s, "format", Formats())
}

// A Profile says which SARIF consumer to serve. The zero value is treated as [Generic].
type Profile int

// The SARIF profiles.
const (
	ProfileUnknown Profile = iota
	// Generic is plain SARIF 2.1.0.
	Generic
	// GitHubCodeScanning leaves out what GitHub would wrongly show as an alert, even in
	// verbose documents.
	GitHubCodeScanning
	// AzureDevOpsPipeline adds what GitHub Advanced Security for Azure DevOps requires; see
	// [AzureDevOps].
	AzureDevOpsPipeline
)

// Profiles lists every SARIF profile.
func Profiles() []Profile {
	return []Profile{Generic, GitHubCodeScanning, AzureDevOpsPipeline}
}

func (p Profile) String() string {
	switch p {
	case Generic:
		return "generic"
	case GitHubCodeScanning:
		return "github"
	case AzureDevOpsPipeline:
		return "azuredevops"
	case ProfileUnknown:
	}
	return "unknown"
}

// ParseProfile reads a SARIF profile as [Profile.String] spells it.
func ParseProfile(s string) (Profile, error) {
	return parseName(s, "SARIF profile", Profiles())
}

func parseName[T fmt.Stringer](s, what string, valid []T) (T, error) {
	names := make([]string, len(valid))
	for i, v := range valid {
		if v.String() == s {
			return v, nil
		}
		names[i] = v.String()
	}
	var zero T
	return zero, fmt.Errorf("unknown %s %q: want one of %s", what, s, strings.Join(names, ", "))
}

// AzureDevOps identifies the pipeline run that a SARIF document belongs to, as the
// agent's predefined variables give it.
type AzureDevOps struct {
	Organization   string // the last segment of System.CollectionUri
	Project        string // System.TeamProject
	DefinitionID   string // System.DefinitionId
	DefinitionName string // Build.DefinitionName
	PhaseID        string // System.PhaseId
	PhaseName      string // System.PhaseName
	Branch         string // Build.SourceBranch
	BuildID        string // Build.BuildId
}

// Options say how to render. The zero value gives a plain, complete document.
type Options struct {
	// Width is the number of columns of the terminal. 0 means that there is no terminal:
	// tables then take the width they need, break no lines and have no colours.
	Width int
	// Color allows ANSI colours in tables. The caller decides, based on the terminal,
	// NO_COLOR and the flags.
	Color bool
	// Rules documents the rules by id; formats that show help leave it out for missing
	// rules.
	Rules map[string]audit.Rule
	// SARIFProfile is the viewer that a SARIF document is for.
	SARIFProfile Profile
	// AzureDevOps is used with [AzureDevOpsPipeline].
	AzureDevOps AzureDevOps
	// InCheckout turns a path relative to the working directory into one relative to the
	// root of the checkout, where code scanning and annotations look for files. nil means
	// that the working directory is the root.
	InCheckout func(path string) string
	// Asked are the flags that name a result's environment and profile for another command,
	// as they were given to this one. nil means the address and the profile's name.
	Asked func(audit.Result) []string
	// Warn receives what a document leaves out because its viewer takes no more; nil for
	// nobody.
	Warn func(text string)
	// MarkdownLimit is the maximum size of a Markdown document in bytes; 0 means
	// [CommentLimit].
	MarkdownLimit int
	// Summary leaves the details out of a table: each of several results is then a row.
	Summary bool
	// Least is the lowest severity of the controls that a table lists; the zero value means
	// all. The verdict and the facts stay.
	Least audit.Severity
	// Verbose shows in full what is otherwise only counted.
	Verbose bool
	// Trends are drawn in HTML, each next to the result of its environment and profile.
	Trends []Trend

	index string // where the index is that a page of HTML belongs to
}

// Render writes one result.
func Render(w io.Writer, f Format, r audit.Result, o Options) error {
	return render(w, f, []audit.Result{r}, false, o)
}

// RenderAll writes several results as one document: in JSON as
// [audit.ResultsFormat], in SARIF as a run for each, in HTML with an index, in the
// other formats one after another in the form's own frame.
func RenderAll(w io.Writer, f Format, rs []audit.Result, o Options) error {
	return render(w, f, rs, true, o)
}

func render(w io.Writer, f Format, rs []audit.Result, several bool, o Options) error {
	if f == JSON { // one result after the other, so that a thousand are not held twice
		if err := writeJSON(w, rs, several); err != nil {
			return fmt.Errorf("rendering %s: %w", f, err)
		}
		return nil
	}
	rs, err := canonical(rs)
	if err != nil {
		return fmt.Errorf("rendering %s: %w", f, err)
	}
	if o.InCheckout != nil && (f == SARIF || f == GitHub || f == GitLab) {
		for i := range rs {
			eachLocation(&rs[i], func(l *audit.Location) { l.Path = o.InCheckout(l.Path) })
		}
	}
	switch f {
	case Table, HTML, Markdown, SARIF, GitHub:
		apart(rs)
	default:
	}
	// Some of the libraries below drop write errors, so each format but JSON is built in
	// memory and handed to w in one write.
	var b bytes.Buffer
	switch f {
	case Table:
		err = writeTable(&b, rs, o)
	case SARIF:
		err = writeSARIF(&b, rs, o)
	case JUnit:
		err = writeJUnit(&b, rs, o)
	case HTML:
		err = writeHTML(&b, rs, o)
	case Markdown:
		err = writeMarkdown(&b, rs, o)
	case CSV:
		err = writeCSV(&b, rs, o)
	case GitHub:
		if err := text.WriteCommands(w, writeGitHub(rs, o)); err != nil {
			return fmt.Errorf("writing the %s report: %w", f, err)
		}
		return nil
	case Unix:
		err = writeUnix(&b, rs)
	case OpenMetrics:
		err = writeOpenMetrics(&b, rs)
	case GitLab:
		err = writeGitLab(&b, rs)
	case OCSF:
		err = writeOCSF(&b, rs, o)
	case OSCAL:
		err = writeOSCAL(&b, rs, o)
	case JSON, Unknown:
		_, err = ParseFormat(f.String())
	}
	if err != nil {
		return fmt.Errorf("rendering %s: %w", f, err)
	}
	if f.plain() {
		// Files may be printed later, too.
		b = *bytes.NewBufferString(text.Harmless(b.String()))
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the %s report: %w", f, err)
	}
	return nil
}

// canonical converts the results to JSON and back. Evidence from a policy then has the
// types of a saved result, invalid UTF-8 is replaced, and results that could not be saved
// are refused. Each result is converted separately, because there may be thousands.
func canonical(rs []audit.Result) ([]audit.Result, error) {
	out := make([]audit.Result, len(rs))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range rs {
		group.Go(func() error {
			b, err := json.Marshal(rs[i])
			if err != nil {
				return err
			}
			d := json.NewDecoder(bytes.NewReader(b))
			d.UseNumber()
			if err := d.Decode(&out[i]); err != nil {
				return err
			}
			fillEmpty(&out[i])
			return nil
		})
	}
	return out, group.Wait()
}

// eachLocation visits every place in a file that a result names.
func eachLocation(r *audit.Result, visit func(*audit.Location)) {
	if r.Unread != nil && r.Unread.Location != nil {
		visit(r.Unread.Location)
	}
	for i := range r.Controls {
		c := &r.Controls[i]
		if c.Location != nil {
			visit(c.Location)
		}
		for j := range c.Findings {
			if l := c.Findings[j].Location; l != nil {
				visit(l)
			}
		}
	}
}

// fillEmpty makes empty lists empty rather than absent, as the contract requires.
func fillEmpty(r *audit.Result) {
	if r.Controls == nil {
		r.Controls = []audit.Control{}
	}
	for i := range r.Controls {
		c := &r.Controls[i]
		if c.Findings == nil {
			c.Findings = []audit.Finding{}
		}
		for j := range c.Findings {
			if c.Findings[j].Evidence == nil {
				c.Findings[j].Evidence = audit.Evidence{}
			}
		}
	}
}
