package report

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// A Format is an output format, by its name on the command line. The zero value is unknown.
type Format string

// The formats.
const (
	Unknown     Format = ""
	Table       Format = "table"       // for people at a terminal
	JSON        Format = "json"        // the contract with other programs
	SARIF       Format = "sarif"       // for code scanning
	JUnit       Format = "junit"       // for test dashboards
	HTML        Format = "html"        // one self-contained page
	Markdown    Format = "markdown"    // for a job summary or a pull request
	CSV         Format = "csv"         // a row for each finding
	GitHub      Format = "github"      // workflow commands, which become annotations
	Unix        Format = "unix"        // a line for each finding, in the form of compiler errors
	OpenMetrics Format = "openmetrics" // gauges for a metrics collector
	GitLab      Format = "gitlab"      // a Code Quality report
	OCSF        Format = "ocsf"        // an event of the Open Cybersecurity Schema Framework for each control
	OSCAL       Format = "oscal"       // NIST's assessment results
)

func (f Format) String() string { return string(f) }

// A renderer writes results in one format.
type renderer struct {
	format        Format
	write         func(io.Writer, *resultSet, Options) error // nil for [GitHub], which bypasses the [text.Stream]
	extensions    []string                                   // of the files in this format
	keepsText     bool                                       // whether JSON escapes names, so that [text.Line] need not
	lineBased     bool                                       // whether a [text.Stream] may add spaces to the document
	distinctNames bool                                       // whether only the environment's name identifies a result
	checkoutPaths bool                                       // whether viewers look for files in the checkout
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

// Formats returns every format, in the order of the help text.
func Formats() []Format {
	var list []Format
	for _, r := range renderers() {
		list = append(list, r.format)
	}
	return list
}

// rendererFor returns the renderer of a format. The error of an unknown one lists all formats.
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

// FormatForFile returns the format for a file by its extension. The default is [Table].
func FormatForFile(file string) Format {
	extension := strings.ToLower(filepath.Ext(file))
	for _, r := range renderers() {
		if slices.Contains(r.extensions, extension) {
			return r.format
		}
	}
	return Table
}

// A SARIFProfile is the viewer that a SARIF document is for. The zero value means [SARIFGeneric].
type SARIFProfile string

// The SARIF profiles.
const (
	SARIFProfileUnknown SARIFProfile = ""
	SARIFGeneric        SARIFProfile = "generic"     // plain SARIF 2.1.0
	SARIFGitHub         SARIFProfile = "github"      // GitHub code scanning, which shows every result as an alert
	SARIFAzureDevOps    SARIFProfile = "azuredevops" // GitHub Advanced Security for Azure DevOps; see [AzureDevOps]
)

// SARIFProfiles returns every SARIF profile.
func SARIFProfiles() []SARIFProfile {
	return []SARIFProfile{SARIFGeneric, SARIFGitHub, SARIFAzureDevOps}
}
