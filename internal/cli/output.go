package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/report"
)

// An output is one document to write: a format and, unless it goes to standard
// output, a file.
type output struct {
	format string
	file   string
}

// outputs collects -f and -o in the order in which they stand, so that each file
// belongs to the format before it.
type outputs struct {
	list         []output
	formats      []report.Format // that may be asked for; empty for all
	sarifProfile report.Profile  // ProfileUnknown to deduce it
	summary      *bool           // nil if it depends on how many results there are
	severity     audit.Severity  // least of the table; SeverityInvalid for all
}

// summaryAbove is how many results a table shows in full by itself.
const summaryAbove = 20

func (o *outputs) add(flags *pflag.FlagSet) {
	flags.VarP(&outputFlag{o, true}, "format", "f",
		"`format` of a document: "+strings.Join(o.words(), ", ")+"; repeatable (default table)")
	flags.VarP(&outputFlag{o, false}, "output", "o", "output `file` for the preceding -f, or in the format of its extension, such as x.html (default standard output); DIR/ gets HTML: an index and a page for each")
	flags.BoolFunc("summary", fmt.Sprintf("show one row per environment in the table, without details (default with more than %d)", summaryAbove),
		func(value string) error {
			on, err := strconv.ParseBool(value)
			o.summary = &on
			return err
		})
	flags.Var(choose(&o.severity, audit.Severities()...), "severity", "lowest `severity` of the controls in the table; does not change the exit code")
	flags.Var(choose(&o.sarifProfile, report.Profiles()...), "sarif-profile",
		"`viewer` that SARIF is for: "+strings.Join(spelled(report.Profiles()), ", ")+" (default that of the CI it runs in, else generic)")
}

// words are the formats that may be asked for.
func (o *outputs) words() []string {
	if o.formats != nil {
		return spelled(o.formats)
	}
	return spelled(report.Formats())
}

type outputFlag struct {
	outputs  *outputs
	isFormat bool
}

func (f *outputFlag) String() string { return "" }
func (f *outputFlag) Type() string   { return "string" }

// Words are the formats; a file has no known values.
func (f *outputFlag) Words() []string {
	if !f.isFormat {
		return nil
	}
	return f.outputs.words()
}

func (f *outputFlag) Set(value string) error {
	list := f.outputs.list
	last := len(list) - 1
	switch {
	case value == "":
		return errors.New("it is empty")
	case f.isFormat && last >= 0 && list[last].format == "":
		list[last].format = value
	case f.isFormat:
		f.outputs.list = append(list, output{format: value})
	case last >= 0 && list[last].file == "":
		list[last].file = value
	default:
		f.outputs.list = append(list, output{file: value})
	}
	return nil
}

// A document is an output with its format understood.
type document struct {
	format report.Format
	file   string // empty for standard output
	viewer viewer

	summary  *bool
	severity audit.Severity // SeverityInvalid for all
}

// folder reports whether the document is a folder of pages.
func (d document) folder() bool { return console.IsFolder(d.file) }

// documentsFor understands the outputs. What is wrong with them is said here, before
// anything is read.
func documentsFor(a *app, o outputs) ([]document, error) {
	docs, err := o.documents()
	if err != nil {
		return nil, err
	}
	v, err := viewerFor(a, o.sarifProfile)
	if err != nil {
		return nil, err
	}
	for i := range docs {
		docs[i].viewer, docs[i].summary, docs[i].severity = v, o.summary, o.severity
	}
	return docs, nil
}

func (o *outputs) documents() ([]document, error) {
	list := o.list
	if len(list) == 0 {
		list = []output{{format: report.Table.String()}}
	}
	var docs []document
	toStdout := 0
	files := map[string]bool{}
	for _, out := range list {
		format := report.FormatOf(out.file)
		if console.IsFolder(out.file) {
			format = report.HTML
		}
		if out.format != "" {
			var err error
			format, err = report.ParseFormat(out.format)
			switch {
			case err != nil && strings.Contains(out.format, ","):
				return nil, usagef("-f %s: repeat -f for each format, such as -f table -f json -o result.json", out.format)
			case err != nil:
				return nil, usagef("%w", err)
			}
		}
		if o.formats != nil && !slices.Contains(o.formats, format) {
			return nil, usagef("-f %s: want %s", format, listed(o.words()))
		}
		if console.IsFolder(out.file) && format != report.HTML {
			return nil, usagef("-o %s is a folder, which only -f html can fill: give -f %s a file", out.file, format)
		}
		if console.IsStdout(out.file) {
			out.file = ""
		}
		if out.file == "" {
			toStdout++
		} else if files[out.file] {
			return nil, usagef("-o %s appears twice: each format needs a separate file", out.file)
		}
		files[out.file] = true
		docs = append(docs, document{format: format, file: out.file})
	}
	if toStdout > 1 {
		return nil, usagef("%d formats would go to standard output: give all but one a file with -o FILE after its -f", toStdout)
	}
	return docs, nil
}

// render writes the results to each document. Files are written whole or not at
// all.
func render(a *app, docs []document, results []audit.Result, o report.Options) error {
	for _, doc := range docs {
		local := o
		local.Summary = len(results) > summaryAbove
		if doc.summary != nil {
			local.Summary = *doc.summary
		}
		local.Least = doc.severity
		local.Warn = func(text string) { a.Warnf("%s: %s", cmp.Or(doc.file, doc.format.String()), text) }
		if doc.folder() {
			if err := putPages(doc.file, results, local); err != nil {
				return err
			}
			continue
		}
		local.SARIFProfile, local.AzureDevOps = doc.viewer.profile, doc.viewer.pipeline
		if doc.file == "" {
			local.Width, local.Color = a.Width, a.Color()
		}
		draw := func(w io.Writer) (err error) {
			if len(results) == 1 {
				err = report.Render(w, doc.format, results[0], local)
			} else {
				err = report.RenderAll(w, doc.format, results, local)
			}
			if err != nil {
				return fmt.Errorf("rendering %s: %w", doc.format, err)
			}
			return nil
		}
		// Standard output is written to by the renderer itself, which alone may write
		// commands to it.
		if stream := a.Stream(doc.file); stream != nil {
			if err := draw(stream); err != nil {
				return err
			}
			continue
		}
		if console.SameFile(doc.file, a.Getenv("GITHUB_STEP_SUMMARY")) {
			local.MarkdownLimit = report.JobSummaryLimit
		}
		err := console.WriteTo(doc.file, func(w io.Writer) error {
			if doc.format == report.CSV {
				if _, err := io.WriteString(w, byteOrderMark); err != nil {
					return err
				}
			}
			return draw(w)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// putPages fills a folder with an index and a page for each result. Other files in it
// stay as they are.
func putPages(dir string, results []audit.Result, o report.Options) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of -o: %w", err)
	}
	return report.Pages(results, o, func(p report.Page) error {
		return console.WriteFile(filepath.Join(dir, p.Name), p.Data)
	})
}

// byteOrderMark begins a file of CSV: without it Excel takes the text for another
// encoding. Standard output has none, since programs read that.
const byteOrderMark = "\ufeff"

// writable refuses files that could not be written, before anything is done whose
// result they are to hold.
func writable(a *app, docs []document) error {
	for _, doc := range docs {
		if a.Stream(doc.file) != nil {
			continue
		}
		if doc.folder() {
			if err := os.MkdirAll(doc.file, 0o700); err != nil {
				return fmt.Errorf("making the folder of -o: %w", err)
			}
			continue
		}
		if err := console.Writable(doc.file); err != nil {
			return err
		}
	}
	return nil
}
