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

// A document is an output in a format, written to a file or, if file is empty, to standard output.
type document struct {
	format report.Format
	file   string
}

// outputs holds the flags for output. It keeps -f and -o in their order, because each -o belongs to
// the -f before it.
type outputs struct {
	list         []document
	formats      []report.Format     // the accepted formats; empty for all
	sarifProfile report.SARIFProfile // SARIFProfileUnknown to deduce it
	summary      *bool               // nil to decide by the number of results
	severity     audit.Severity      // lowest in the table; SeverityInvalid for all
	pipeline     report.AzureDevOps
}

// summaryAbove is the largest number of results that a table shows in full by default.
const summaryAbove = 20

func (o *outputs) add(flags *pflag.FlagSet) {
	flags.VarP(&outputFlag{o, true}, "format", "f",
		"`format` of a document: "+strings.Join(o.formatNames(), ", ")+"; repeatable (default table)")
	flags.VarP(&outputFlag{o, false}, "output", "o", "output `file` for the preceding -f, or in the format of its extension, such as x.html (default standard output); DIR/ gets HTML: an index and a page for each")
	flags.BoolFunc("summary", fmt.Sprintf("show one row per environment in the table, without details (default with more than %d)", summaryAbove),
		func(value string) error {
			on, err := strconv.ParseBool(value)
			o.summary = &on
			return err
		})
	flags.Var(newChoice(&o.severity, audit.Severities()...), "severity", "lowest `severity` of the controls in the table; does not change the exit code")
	flags.Var(newChoice(&o.sarifProfile, report.SARIFProfiles()...), "sarif-profile",
		"`viewer` that SARIF is for: "+strings.Join(stringsOf(report.SARIFProfiles()), ", ")+" (default that of the CI it runs in, else generic)")
}

func (o *outputs) formatNames() []string {
	if o.formats != nil {
		return stringsOf(o.formats)
	}
	return stringsOf(report.Formats())
}

// An outputFlag is the value of -f or -o.
type outputFlag struct {
	outputs  *outputs
	isFormat bool
}

func (f *outputFlag) String() string { return "" }
func (f *outputFlag) Type() string   { return "string" }

// Choices returns the formats; for a file, nil.
func (f *outputFlag) Choices() []string {
	if !f.isFormat {
		return nil
	}
	return f.outputs.formatNames()
}

func (f *outputFlag) Set(value string) error {
	list := f.outputs.list
	last := len(list) - 1
	switch {
	case value == "":
		return errors.New("it is empty")
	case f.isFormat && last >= 0 && list[last].format == "":
		list[last].format = report.Format(value)
	case f.isFormat:
		f.outputs.list = append(list, document{format: report.Format(value)})
	case last >= 0 && list[last].file == "":
		list[last].file = value
	default:
		f.outputs.list = append(list, document{file: value})
	}
	return nil
}

// documentFlags are the flags for the format and the file of a command's own document.
type documentFlags struct{ format, file string }

// add adds -f and -o. The first format is the default.
func (f *documentFlags) add(flags *pflag.FlagSet, formats ...string) {
	f.format = formats[0]
	flags.VarP(newChoice(&f.format, formats...), "format", "f", "output `format`: "+orList(formats))
	outputFileFlag(flags, &f.file)
}

// addAnswer adds -f for a short answer, and --json, which the first release had.
func (f *documentFlags) addAnswer(flags *pflag.FlagSet) {
	f.format = "table"
	flags.VarP(newChoice(&f.format, "table", "json"), "format", "f", "output `format`: table or json")
	flags.BoolFunc("json", "as -f json", func(string) error { f.format = "json"; return nil })
	_ = flags.MarkHidden("json") // the flag exists
}

// write writes a document as JSON, or draws it as a table.
func (f documentFlags) write(a *app, document any, draw func(w io.Writer, width int) error) error {
	if f.format == "json" {
		return a.WriteJSON(f.file, document)
	}
	return a.WriteTable(f.file, draw)
}

// resolve determines the format and the file of each output, and returns an error if they cannot be
// written. otherFiles are the other files that the command writes; empty names are ignored.
func (o *outputs) resolve(a *app, otherFiles ...string) (err error) {
	if o.list, err = o.documents(); err != nil {
		return err
	}
	files := otherFiles
	for _, d := range o.list {
		files = append(files, cmp.Or(d.file, "-"))
	}
	if err := requireDistinctFiles(files...); err != nil {
		return err
	}
	// Checked now, and not after an environment was read or changed.
	for _, file := range files {
		switch {
		case file == "" || a.StandardStream(file) != nil:
		case console.IsFolder(file):
			err = console.CheckFolder(file)
		default:
			err = console.CheckWritable(file)
		}
		if err != nil {
			return err
		}
	}
	o.sarifProfile, o.pipeline, err = viewerFor(a, o.sarifProfile)
	return err
}

// documents returns the outputs with their formats; by default, a table on standard output.
func (o *outputs) documents() ([]document, error) {
	if len(o.list) == 0 {
		return []document{{format: report.Table}}, nil
	}
	docs := slices.Clone(o.list)
	for i := range docs {
		d := &docs[i]
		if d.format == report.Unknown {
			d.format = report.FormatForFile(d.file)
			if console.IsFolder(d.file) {
				d.format = report.HTML
			}
		}
		if console.IsStdout(d.file) {
			d.file = ""
		}
		switch {
		case strings.Contains(string(d.format), ","):
			return nil, usagef("-f %s: repeat -f for each format, such as -f table -f json -o result.json", d.format)
		case !slices.Contains(o.formatNames(), string(d.format)):
			return nil, usagef("-f %s: want %s", d.format, orList(o.formatNames()))
		case console.IsFolder(d.file) && d.format != report.HTML:
			return nil, usagef("-o %s is a folder, which only -f html can fill: give -f %s a file", d.file, d.format)
		}
	}
	return docs, nil
}

// render writes the results to each document. It writes a file completely or not at all.
func (o *outputs) render(a *app, results []audit.Result, options report.Options) error {
	options.MinSeverity, options.Summary = o.severity, len(results) > summaryAbove
	if o.summary != nil {
		options.Summary = *o.summary
	}
	for _, doc := range o.list {
		if err := o.write(a, doc, results, options); err != nil {
			return err
		}
	}
	return nil
}

func (o *outputs) write(a *app, doc document, results []audit.Result, options report.Options) error {
	options.Warn = func(text string) { a.Warnf("%s: %s", cmp.Or(doc.file, doc.format.String()), text) }
	if console.IsFolder(doc.file) {
		return writePages(doc.file, results, options)
	}
	options.SARIFProfile, options.AzureDevOps = o.sarifProfile, o.pipeline
	if doc.file == "" {
		options.Width, options.Color = a.Width, a.Color()
	}
	if console.SameFile(doc.file, a.Getenv("GITHUB_STEP_SUMMARY")) {
		options.MarkdownLimit = report.JobSummaryLimit
	}
	draw := func(w io.Writer) error { return report.Render(w, doc.format, results, options) }
	// Only a renderer may write workflow commands to the unguarded stream.
	if stream := a.StandardStream(doc.file); stream != nil {
		return draw(stream)
	}
	return console.WriteTo(doc.file, func(w io.Writer) error {
		if doc.format == report.CSV {
			if _, err := io.WriteString(w, byteOrderMark); err != nil {
				return err
			}
		}
		return draw(w)
	})
}

// writePages writes an index and a page for each result to a folder. It leaves other files there.
func writePages(dir string, results []audit.Result, o report.Options) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of -o: %w", err)
	}
	return report.Pages(results, o, func(p report.Page) error {
		return console.WriteFile(filepath.Join(dir, p.Name), p.Data)
	})
}

// byteOrderMark is at the start of a CSV file, because Excel otherwise assumes another encoding. It
// is not written to standard output, which programs read.
const byteOrderMark = "\ufeff"
