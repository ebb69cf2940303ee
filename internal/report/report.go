// Package report renders an [audit.Result] for people, dashboards and other programs.
//
// Every renderer is a pure function of the result and the options. It decides nothing, and equal
// input gives equal bytes, also after [ReadResults] has read the result from saved JSON. Controls
// keep the engine's order, but documents for people have the worst first, and so does a SARIF run
// with more results than its viewers keep.
//
// Names of roles, users and views are not trusted. Characters without a glyph become escapes before
// a renderer sees them, and each format quotes the characters that have a meaning in it. JSON keeps
// every character, as a \u escape if a terminal might act on it.
//
// The formats follow RFC 8259 (JSON), OASIS SARIF 2.1.0, GitHub's page "SARIF support for code
// scanning", Azure DevOps' page "SARIF SAST Scans", the Jenkins JUnit schema, RFC 4180 (CSV), GitHub
// Flavored Markdown, GitHub's page "Workflow commands for GitHub Actions", OCSF 1.8.0 and NIST's
// OSCAL.
package report

import (
	"bufio"
	"fmt"
	"io"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Options configures a renderer. The zero value gives a plain, complete document.
type Options struct {
	// Width is the width of the terminal in columns. 0 means that the output is not a terminal: then
	// tables are as wide as their content, without line breaks in cells and without colors.
	Width        int
	Color        bool                  // allows ANSI colors in a table
	Rules        map[string]audit.Rule // by id; a report lacks the help of rules that are missing
	SARIFProfile SARIFProfile          // the viewer that a SARIF document is for
	AzureDevOps  AzureDevOps           // required with [SARIFAzureDevOps]
	// CheckoutPath turns a path relative to the working directory into one relative to the root of
	// the checkout, which viewers of code use. nil means that the working directory is the root.
	CheckoutPath func(path string) string
	// TargetFlags returns the flags by which the user chose the environment and the profile of a
	// result. nil means the URL and the name of the profile.
	TargetFlags func(audit.Result) []string
	ApplyFlags  func(audit.Result) []string // returns the flags that apply needs; nil means none
	// Warn receives a message about what a document omits because of a limit of its viewer. It may
	// be nil.
	Warn          func(message string)
	MarkdownLimit int                   // the maximum size in bytes; 0 means [CommentLimit]
	Summary       bool                  // limits a table of several results to a row for each
	MinSeverity   audit.Severity        // of the controls that a table lists; the zero value lists all
	Verbose       bool                  // shows in full what is otherwise only counted
	Trends        []history.Environment // the history of environments, which HTML shows
}

// bufferSize is large enough that most documents are written in one call, after they were rendered
// without an error.
const bufferSize = 1 << 20

// Render writes results as one document. Unless there is exactly one, it is [audit.ResultsFormat] in
// JSON, has a run for each in SARIF and an index in HTML; in the other formats, the results follow one
// another.
func Render(w io.Writer, f Format, rs []audit.Result, o Options) error {
	renderer, err := rendererFor(f)
	if err != nil {
		return err
	}
	if renderer.distinctNames {
		rs = withDistinctNames(rs, &o)
	}
	set := renderer.prepare(rs, o)
	if f == GitHub {
		return text.WriteCommands(w, writeGitHub(set, o))
	}
	if renderer.lineBased {
		w = text.NewStream(w, false) // because people may print the file later
	}
	// Some encoders drop write errors. This writer keeps the first and returns it from Flush.
	out := bufio.NewWriterSize(w, bufferSize)
	if err = renderer.write(out, set, o); err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("rendering %s: %w", f, err)
	}
	return nil
}
