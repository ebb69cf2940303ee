package report

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// A Format is a form in which a result can be written, by the name that users give it. The
// zero value is unknown.
type Format string

// The formats.
const (
	Unknown     Format = ""
	Table       Format = "table"       // for people at a terminal
	JSON        Format = "json"        // the contract other programs build on
	SARIF       Format = "sarif"       // for code scanning
	JUnit       Format = "junit"       // for test dashboards
	HTML        Format = "html"        // one self-contained page
	Markdown    Format = "markdown"    // for a job summary or a pull request
	CSV         Format = "csv"         // a row for each finding
	GitHub      Format = "github"      // workflow commands, which become annotations
	Unix        Format = "unix"        // a line for each finding, as compilers write them and editors read them
	OpenMetrics Format = "openmetrics" // gauges for a collector of metrics
	GitLab      Format = "gitlab"      // a Code Quality report
	OCSF        Format = "ocsf"        // an event of the Open Cybersecurity Schema Framework for each control
	OSCAL       Format = "oscal"       // NIST's assessment results
)

func (f Format) String() string { return string(f) }

type renderer struct {
	format        Format
	write         func(io.Writer, *resultSet, Options) error
	extensions    []string // of the files that the format is written to
	keepsText     bool     // whether text stays as the environment has it, with escapes of JSON; others get legible text
	lineBased     bool     // whether a document is lines of text, where an extra space does no harm
	distinctNames bool     // whether it shows a result by its environment's name alone
	checkoutPaths bool     // whether its viewers look for files in the checkout
}

func renderers() []renderer {
	return []renderer{
		{format: Table, write: writeTable, distinctNames: true},
		{format: JSON, write: writeJSON, keepsText: true, extensions: []string{".json"}},
		{format: SARIF, write: writeSARIF, distinctNames: true, checkoutPaths: true, extensions: []string{".sarif"}},
		{format: JUnit, write: writeJUnit, lineBased: true, extensions: []string{".xml"}},
		{format: HTML, write: writeHTML, distinctNames: true, extensions: []string{".html", ".htm"}},
		{format: Markdown, write: writeMarkdown, lineBased: true, distinctNames: true, extensions: []string{".md", ".markdown"}},
		{format: CSV, write: writeCSV, lineBased: true, extensions: []string{".csv"}},
		{format: GitHub, distinctNames: true, checkoutPaths: true},
		{format: Unix, write: writeUnix, lineBased: true},
		{format: OpenMetrics, write: writeOpenMetrics, lineBased: true, extensions: []string{".prom"}},
		{format: GitLab, write: writeGitLab, checkoutPaths: true},
		{format: OCSF, write: writeOCSF, keepsText: true, extensions: []string{".ndjson"}},
		{format: OSCAL, write: writeOSCAL},
	}
}

// Formats lists every format in the order in which help names them.
func Formats() []Format {
	var list []Format
	for _, r := range renderers() {
		list = append(list, r.format)
	}
	return list
}

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	form, err := rendererFor(Format(s))
	return form.format, err
}

func rendererFor(f Format) (renderer, error) {
	var names []string
	for _, r := range renderers() {
		if r.format == f {
			return r, nil
		}
		names = append(names, string(r.format))
	}
	return renderer{}, fmt.Errorf("unknown format %q: want one of %s", f, strings.Join(names, ", "))
}

// FormatForFile is the format of a file by the extension in its name; else [Table].
func FormatForFile(file string) Format {
	ending := strings.ToLower(filepath.Ext(file))
	for _, r := range renderers() {
		if slices.Contains(r.extensions, ending) {
			return r.format
		}
	}
	return Table
}

// A SARIFProfile says which SARIF consumer to serve. The zero value is treated as [SARIFGeneric].
type SARIFProfile string

// The SARIF profiles.
const (
	SARIFProfileUnknown SARIFProfile = ""
	SARIFGeneric        SARIFProfile = "generic"     // plain SARIF 2.1.0
	SARIFGitHub         SARIFProfile = "github"      // without what GitHub would wrongly show as an alert, even if verbose
	SARIFAzureDevOps    SARIFProfile = "azuredevops" // with what GitHub Advanced Security for Azure DevOps requires; see [AzureDevOps]
)

// SARIFProfiles lists every SARIF profile.
func SARIFProfiles() []SARIFProfile {
	return []SARIFProfile{SARIFGeneric, SARIFGitHub, SARIFAzureDevOps}
}

func (p SARIFProfile) String() string { return string(p) }
