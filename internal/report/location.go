package report

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// physicalLocation returns a location within the checkout, as viewers of SARIF require. For an entry
// of an archive, that is the archive: within and origin are the location in it. For a file outside
// of the checkout, that is the configuration: origin is the location of the file.
func physicalLocation(l *audit.Location) (p sarifPhysical, within *sarifPhysical, origin string) {
	p = sarifPhysical{File: sarifArtifact{URI: "dbaudit.yaml"}, Region: sarifRegion{StartLine: 1}}
	if l == nil || l.Path == "" {
		return p, nil, ""
	}
	file, entry, inArchive := strings.Cut(l.Path, "!/")
	if !inCheckout(file) {
		return p, nil, text.Line(fileAndLine(l.Path, l.Line))
	}
	p.File.URI = escapePath(path.Clean(file))
	if inArchive {
		if name := strings.TrimLeft(path.Clean("/"+entry), "/"); name != "" {
			within = &sarifPhysical{sarifArtifact{URI: escapePath(name)}, sarifRegionOf(l)}
		}
		return p, within, text.Line(fileAndLine(entry, l.Line))
	}
	p.Region = sarifRegionOf(l)
	return p, nil, ""
}

func sarifRegionOf(l *audit.Location) sarifRegion {
	r := sarifRegion{StartLine: max(l.Line, 1)}
	if l.Line >= 1 && l.Column >= 1 {
		r.StartColumn = l.Column
		if l.EndColumn > l.Column {
			r.EndColumn = l.EndColumn
		}
	}
	return r
}

// locationText returns a location for people. It is empty for nil.
func locationText(l *audit.Location) string {
	if l == nil {
		return ""
	}
	return text.Line(fileAndLine(l.Path, l.Line))
}

func fileAndLine(file string, line int) string {
	if line < 1 {
		return file
	}
	return fmt.Sprintf("%s, line %d", file, line)
}

// inCheckout reports whether a path is relative and stays below the working directory.
func inCheckout(file string) bool {
	drive := len(file) >= 2 && file[1] == ':'
	return !drive && !strings.Contains(file, `\`) && !strings.Contains(file, "://") && path.Clean(file) != "." && filepath.IsLocal(file)
}

// escapePath percent-encodes a path, except slashes and the unreserved characters of RFC 3986. A colon
// is encoded too, because in the first segment it would end a scheme.
func escapePath(s string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(s))
}
