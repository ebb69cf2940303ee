// Package report renders an [audit.Result] for people, dashboards and other
// programs.
//
// Every renderer is a pure function of the result and the options: it filters and decides
// nothing, and equal input gives equal bytes, also after a result was saved as JSON and read
// back by [ReadResults]. The order is the engine's; documents for people, and a SARIF run with
// more results than its viewers keep, have the worst first.
//
// Names of roles, users and views are not trusted. What has no glyph (control characters,
// bidirectional and zero-width marks) becomes an escape before a renderer sees it, and each
// format quotes what has a meaning in it. JSON keeps every character, as a \u escape if a
// terminal might act on it.
//
// The forms follow RFC 8259 (JSON), OASIS SARIF 2.1.0 together with GitHub's page
// "SARIF support for code scanning" and Azure DevOps' page "SARIF SAST Scans", the
// Jenkins JUnit schema, RFC 4180 (CSV), GitHub Flavored Markdown, GitHub's page
// "Workflow commands for GitHub Actions", OCSF 1.8.0 and NIST's OSCAL.
package report

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"
	"unique"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Options say how to render. The zero value gives a plain, complete document.
type Options struct {
	// Width is the number of columns of the terminal. 0 is for output that is not a
	// terminal: tables then take the width that they need, and have no broken lines and no colors.
	Width int
	Color bool // whether tables may have ANSI colours
	// Rules documents the rules by id; a missing rule has no help.
	Rules        map[string]audit.Rule
	SARIFProfile SARIFProfile // the viewer that a SARIF document is for
	AzureDevOps  AzureDevOps  // used with [SARIFAzureDevOps]
	// CheckoutPath turns a path relative to the working directory into one relative to the root
	// of the checkout, which viewers of code use; nil if the working directory is the root.
	CheckoutPath func(path string) string
	// TargetFlags returns the flags by which the user named a result's environment and profile; nil
	// means the address and the profile's name.
	TargetFlags func(audit.Result) []string
	// ApplyFlags returns the flags that apply needs for a result; nil means none.
	ApplyFlags func(audit.Result) []string
	// Warn receives what a document leaves out because of its viewer's limits; may be nil.
	Warn func(text string)
	// MarkdownLimit is the maximum size of a Markdown document in bytes; 0 is [CommentLimit].
	MarkdownLimit int
	// Summary leaves out the details of a table: each of several results is only a row.
	Summary bool
	// MinSeverity is the lowest severity of the controls that a table lists; the zero value means all.
	MinSeverity audit.Severity
	Verbose     bool                  // whether what is otherwise only counted is shown in full
	Trends      []history.Environment // drawn in HTML, each next to the result of its environment and profile

	indexURL string // where the index is that a page of HTML belongs to
	multiple bool   // whether JSON is a document of several results
}

// Render writes one result.
func Render(w io.Writer, f Format, r audit.Result, o Options) error {
	return render(w, f, []audit.Result{r}, o)
}

// RenderAll writes several results as one document: in JSON as [audit.ResultsFormat], in SARIF
// as a run for each, in HTML with an index, in the other formats one after another.
func RenderAll(w io.Writer, f Format, rs []audit.Result, o Options) error {
	o.multiple = true
	return render(w, f, rs, o)
}

// bufferSize is how much of a document is held before it is written, so that a short document is
// written completely or not at all.
const bufferSize = 1 << 20

func render(w io.Writer, f Format, rs []audit.Result, o Options) error {
	form, err := rendererFor(f)
	if err != nil {
		return err
	}
	if form.distinctNames {
		rs = withDistinctNames(rs, &o)
	}
	from := form.prepare(rs, o)
	if f == GitHub {
		return text.WriteCommands(w, writeGitHub(from, o))
	}
	if form.lineBased {
		w = text.NewStream(w, false) // files may be printed later, too
	}
	// Some libraries drop write errors; this writer keeps the first.
	out := bufio.NewWriterSize(w, bufferSize)
	if err = form.write(out, from, o); err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("rendering %s: %w", f, err)
	}
	return nil
}

// A resultSet hands over results in the form that a renderer expects.
type resultSet struct {
	results []audit.Result
	convert func(audit.Result) audit.Result
}

func (form renderer) prepare(rs []audit.Result, o Options) *resultSet {
	line := func(s string) string { return unique.Make(visible(s)).Value() } // what many results say is held once
	if form.keepsText {
		line = validUTF8
	}
	return &resultSet{rs, func(r audit.Result) audit.Result {
		rewriteStrings(reflect.ValueOf(&r).Elem(), line)
		fillNilLists(&r)
		if form.checkoutPaths && o.CheckoutPath != nil {
			for _, l := range locations(r) {
				l.Path = o.CheckoutPath(l.Path)
			}
		}
		return r
	}}
}

// all converts one result at a time, so that not all are held twice.
func (s *resultSet) all() iter.Seq[audit.Result] {
	return func(yield func(audit.Result) bool) {
		for _, r := range s.results {
			if !yield(s.convert(r)) {
				return
			}
		}
	}
}

// validUTF8 is s with U+FFFD in place of what is not UTF-8, as JSON has it.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// rewriteStrings copies what a part of a result refers to, and applies line to every text. Places, evidence
// and fixes keep their texts, because paths and scripts need the real names.
func rewriteStrings(v reflect.Value, line func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(line(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			copied := reflect.New(v.Type().Elem())
			copied.Elem().Set(v.Elem())
			v.Set(copied)
			rewriteStrings(v.Elem(), line)
		}
	case reflect.Slice:
		if !v.IsNil() {
			copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(copied, v)
			v.Set(copied)
		}
		for i := range v.Len() {
			rewriteStrings(v.Index(i), line)
		}
	case reflect.Struct:
		switch v.Type() {
		case reflect.TypeFor[time.Time]():
			return
		case reflect.TypeFor[audit.Location](), reflect.TypeFor[audit.Fix]():
			line = validUTF8
		}
		for i := range v.NumField() {
			rewriteStrings(v.Field(i), line)
		}
	default:
	}
}

// locations are the places in files that a result names.
func locations(r audit.Result) []*audit.Location {
	var list []*audit.Location
	if r.Unread != nil {
		list = append(list, r.Unread.Location)
	}
	for _, c := range r.Controls {
		list = append(list, c.Location)
		for _, f := range c.Findings {
			list = append(list, f.Location)
		}
	}
	return slices.DeleteFunc(list, func(l *audit.Location) bool { return l == nil })
}

// fillNilLists replaces absent lists by empty ones, which the format requires.
func fillNilLists(r *audit.Result) {
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
