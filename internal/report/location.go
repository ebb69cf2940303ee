package report

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// physicalLocation is a place in the checkout: for an entry of an archive, the archive, and for a
// file elsewhere, the configuration. within and origin then name the actual place.
func physicalLocation(l *audit.Location) (p sarifPhysical, within *sarifPhysical, origin string) {
	p = sarifPhysical{File: sarifArtifact{URI: "dbaudit.yaml"}, Region: sarifRegion{StartLine: 1}}
	if l == nil || l.Path == "" {
		return p, nil, ""
	}
	file, entry, inArchive := strings.Cut(l.Path, "!/")
	if !inCheckout(file) {
		return p, nil, visible(fileAndLine(l.Path, l.Line))
	}
	p.File.URI = escapePath(path.Clean(file))
	if inArchive {
		if name := strings.TrimLeft(path.Clean("/"+entry), "/"); name != "" {
			within = &sarifPhysical{sarifArtifact{URI: escapePath(name)}, sarifRegionOf(l)}
		}
		return p, within, visible(fileAndLine(entry, l.Line))
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

func fileAndLine(file string, line int) string {
	if line < 1 {
		return file
	}
	return fmt.Sprintf("%s, line %d", file, line)
}

// inCheckout reports whether a path is relative and does not leave its folder.
func inCheckout(file string) bool {
	drive := len(file) >= 2 && file[1] == ':'
	return !drive && !strings.Contains(file, `\`) && !strings.Contains(file, "://") && path.Clean(file) != "." && filepath.IsLocal(file)
}

// escapePath percent-encodes a path, except slashes and RFC 3986's unreserved characters. A colon
// in the first segment would end a scheme.
func escapePath(s string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(s))
}
