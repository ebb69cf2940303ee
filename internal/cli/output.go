package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
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
	sarifProfile string
	summary      summaryFlag
	severity     string
}

// summaryAbove is how many results a table shows in full by itself.
const summaryAbove = 20

// summaryFlag is --summary, which by itself depends on how many results there are.
type summaryFlag struct{ given, on bool }

func (f *summaryFlag) String() string   { return "" }
func (f *summaryFlag) Type() string     { return "bool" }
func (f *summaryFlag) IsBoolFlag() bool { return true }

func (f *summaryFlag) Set(value string) error {
	on, err := strconv.ParseBool(value)
	if err != nil {
		return errors.New("want true or false")
	}
	f.given, f.on = true, on
	return nil
}

func (o *outputs) add(flags *pflag.FlagSet) {
	names := make([]string, 0, len(report.Formats()))
	for _, f := range report.Formats() {
		names = append(names, f.String())
	}
	flags.VarP(&outputFlag{o, true}, "format", "f",
		"`format` of a document: "+strings.Join(names, ", ")+"; repeatable (default table)")
	flags.VarP(&outputFlag{o, false}, "output", "o", "output `file` for the preceding -f (default standard output); DIR/ holds HTML: an index and a page for each")
	flags.Var(&o.summary, "summary", fmt.Sprintf("the table has a row for each environment and no details (default with more than %d)", summaryAbove))
	flags.Lookup("summary").NoOptDefVal = "true"
	flags.StringVar(&o.severity, "severity", "", "lowest `severity` of the controls that the table lists; the exit code stays")
	profiles := make([]string, 0, len(report.Profiles()))
	for _, p := range report.Profiles() {
		profiles = append(profiles, p.String())
	}
	flags.StringVar(&o.sarifProfile, "sarif-profile", "",
		"`viewer` that SARIF is for: "+strings.Join(profiles, ", ")+" (default that of the CI it runs in, else generic)")
}

type outputFlag struct {
	outputs  *outputs
	isFormat bool
}

func (f *outputFlag) String() string { return "" }
func (f *outputFlag) Type() string   { return "string" }

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

	summary  summaryFlag
	severity audit.Severity // SeverityInvalid for all
}

// folder reports whether the document is a folder of pages.
func (d document) folder() bool { return isFolder(d.file) }

// isFolder reports whether a file's name is that of a folder.
func isFolder(name string) bool {
	return strings.HasSuffix(name, "/") || strings.HasSuffix(name, string(filepath.Separator))
}

// documents understands the outputs. What is wrong with them is said here, before
// anything is read.
func (a *app) documents(o outputs) ([]document, error) {
	docs, err := o.documents()
	if err != nil {
		return nil, err
	}
	v, err := a.viewer(o.sarifProfile)
	if err != nil {
		return nil, err
	}
	least := audit.SeverityInvalid
	if o.severity != "" {
		if least, err = audit.ParseSeverity(o.severity); err != nil {
			return nil, usagef("--severity %s: want info, low, medium, high or critical", o.severity)
		}
	}
	for i := range docs {
		docs[i].viewer, docs[i].summary, docs[i].severity = v, o.summary, least
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
		name := out.format
		if name == "" {
			name = formatOfFile(out.file)
		}
		format, err := report.ParseFormat(name)
		switch {
		case err != nil && strings.Contains(name, ","):
			return nil, usagef("-f %s: give each format an -f of its own, such as -f table -f json -o result.json", name)
		case err != nil:
			return nil, usagef("%w", err)
		}
		if isFolder(out.file) && format != report.HTML {
			return nil, usagef("-o %s is a folder, which -f html alone fills: give -f %s a file", out.file, name)
		}
		if isStdout(out.file) {
			out.file = ""
		}
		if out.file == "" {
			toStdout++
		} else if files[out.file] {
			return nil, usagef("-o %s stands twice: each format needs a file of its own", out.file)
		}
		files[out.file] = true
		docs = append(docs, document{format: format, file: out.file})
	}
	if toStdout > 1 {
		return nil, usagef("%d formats would go to standard output: give all but one a file by -o FILE after its -f", toStdout)
	}
	return docs, nil
}

// formatOfFile guesses the format of a file that was named without one.
func formatOfFile(file string) string {
	if isFolder(file) {
		return report.HTML.String()
	}
	switch strings.ToLower(filepath.Ext(file)) {
	case ".json":
		return report.JSON.String()
	case ".sarif":
		return report.SARIF.String()
	case ".xml":
		return report.JUnit.String()
	case ".html", ".htm":
		return report.HTML.String()
	case ".md", ".markdown":
		return report.Markdown.String()
	case ".csv":
		return report.CSV.String()
	case ".prom":
		return report.OpenMetrics.String()
	case ".ndjson":
		return report.OCSF.String()
	}
	return report.Table.String()
}

// render writes the results to each document. Files are written whole or not at
// all.
func (a *app) render(docs []document, results []audit.Result, o report.Options) error {
	for _, doc := range docs {
		local := o
		local.Summary = doc.summary.on || !doc.summary.given && len(results) > summaryAbove
		local.Least = doc.severity
		if doc.folder() {
			if err := putPages(doc.file, results, local); err != nil {
				return err
			}
			continue
		}
		// Standard output is written to by the renderer itself, which alone may write
		// commands to it.
		var b bytes.Buffer
		stream := a.stream(doc.file)
		w := stream
		if stream == nil {
			w = &b
			if doc.file == a.Getenv("GITHUB_STEP_SUMMARY") {
				local.MarkdownLimit = report.JobSummaryLimit
			}
			if doc.format == report.CSV {
				b.WriteString(byteOrderMark)
			}
		}
		local.SARIFProfile, local.AzureDevOps = doc.viewer.profile, doc.viewer.pipeline
		if doc.file == "" {
			local.Width, local.Color = a.Width, a.color()
		}
		var err error
		if len(results) == 1 {
			err = report.Render(w, doc.format, results[0], local)
		} else {
			err = report.RenderAll(w, doc.format, results, local)
		}
		if err != nil {
			return fmt.Errorf("rendering %s: %w", doc.format, err)
		}
		if stream != nil {
			continue
		}
		if err := writeFile(doc.file, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// isStdout reports whether a name of an output means standard output.
func isStdout(file string) bool {
	switch file {
	case "", "-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		return true
	}
	return false
}

// stream is the guarded stream that a name of an output means; nil where it is a file.
// The system's own names of the streams would lead past the guard, and replace a log
// that a shell adds to.
func (a *app) stream(file string) io.Writer {
	switch {
	case isStdout(file):
		return a.Stdout
	case file == "/dev/stderr" || file == "/dev/fd/2" || file == "/proc/self/fd/2":
		return a.Stderr
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
		return writeFile(filepath.Join(dir, p.Name), p.Data)
	})
}

// byteOrderMark begins a file of CSV: without it Excel takes the text for another
// encoding. Standard output has none, since programs read that.
const byteOrderMark = "\ufeff"

// putJSON writes a document that is not a report of a result.
func (a *app) putJSON(file string, document any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return a.putData(file, b.Bytes())
}

// putData writes a document that is JSON: to a file byte for byte, to standard output
// as what means the same and may be printed.
func (a *app) putData(file string, data []byte) error {
	if a.stream(file) != nil {
		data = text.JSON(data)
	}
	return a.put(file, data)
}

// putTable writes what draw prints to standard output, or to a file as it would
// be where no terminal is.
func (a *app) putTable(file string, draw func(to *app) error) error {
	var b bytes.Buffer
	to := &app{Env: a.Env, global: a.global}
	to.Stdout = text.NewStream(&b, false)
	if !isStdout(file) {
		to.Width = 0
	}
	if err := draw(to); err != nil {
		return err
	}
	return a.put(file, b.Bytes())
}

func (a *app) color() bool {
	return a.StdoutIsTerminal && !a.global.noColor && a.Getenv("NO_COLOR") == ""
}

// writable refuses files that could not be written, before anything is done whose
// result they are to hold.
func (a *app) writable(docs []document) error {
	for _, doc := range docs {
		if a.stream(doc.file) != nil {
			continue
		}
		if doc.folder() {
			if err := os.MkdirAll(doc.file, 0o700); err != nil {
				return fmt.Errorf("making the folder of -o: %w", err)
			}
			continue
		}
		name := resolved(doc.file)
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			continue // a device or a pipe, which to open may have an effect
		}
		probe, err := beside(name)
		if err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// resolved follows a link, so that what it leads to is written and not the link.
func resolved(name string) string {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		return target
	}
	return name
}

// beside makes the temporary file that becomes the named one.
func beside(name string) (*os.File, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil, errors.New("it is a folder: name a file in it")
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the folder %s does not exist: make it first", filepath.Dir(name))
	}
	return file, err
}

// put writes data to a file, or to standard output where the name is empty.
func (a *app) put(file string, data []byte) error {
	if stream := a.stream(file); stream != nil {
		if _, err := stream.Write(data); err != nil {
			return fmt.Errorf("writing to a standard stream: %w", err)
		}
		return nil
	}
	return writeFile(file, data)
}

// writeFile writes a file whole or not at all, readable by its owner alone: what
// dbaudit writes may hold the names of people. A link is followed; a device or a
// pipe, such as /dev/null, is written to and never replaced.
func writeFile(name string, data []byte) (err error) {
	name = resolved(name)
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return writeDevice(name, data)
	}
	temporary, err := beside(name)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = temporary.Close()
			_ = os.Remove(temporary.Name())
			err = fmt.Errorf("writing %s: %w", name, err)
		}
	}()
	if _, err := temporary.Write(data); err != nil {
		return err
	}
	if err := temporary.Sync(); err != nil {
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}

func writeDevice(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
