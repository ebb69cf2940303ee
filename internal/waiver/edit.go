package waiver

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// fileHeader returns the first lines of a new file.
func fileHeader() string {
	return "# yaml-language-server: $schema=" + audit.SchemaURL("waivers") + "\n" +
		"# Accepted findings. Each needs an owner, a reason and an expiry date at most 366 days ahead.\n"
}

// Append adds waivers to the end of a file and returns its new content; nothing else changes. data
// is the old content, which is empty for a new file. The new content is checked as by [Parse].
func Append(name string, data []byte, added []Waiver, asOf time.Time) ([]byte, error) {
	indent := "  "
	var out bytes.Buffer
	if len(bytes.TrimSpace(data)) == 0 {
		out.WriteString(fileHeader() + "waivers:\n")
	} else {
		f, err := Parse(name, data, asOf)
		if err != nil {
			return nil, err
		}
		if len(f.Waivers) == 0 {
			return nil, fmt.Errorf("%s: its list is empty: delete the file, or write the first waiver yourself", name)
		}
		indent = strings.Repeat(" ", max(f.doc.FaultAt("", "waivers", "0").Column-3, 0))
		out.Write(bytes.TrimRight(data, "\n"))
		out.WriteByte('\n')
	}
	item, err := yamldoc.Encode(added)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(item)) {
		out.WriteString(indent + line)
	}
	f, err := Parse(name, out.Bytes(), asOf)
	if err != nil {
		return nil, fmt.Errorf("adding the waiver: %w", err)
	}
	if n := len(f.Waivers); n < len(added) || f.Waivers[n-1].target() != added[len(added)-1].target() {
		return nil, fmt.Errorf("%s is not written as a plain list: add the waiver yourself:\n%s", name, item)
	}
	return out.Bytes(), nil
}

// Narrow returns a waiver for each open finding of the results that w covers. Each covers only its
// finding: it names the environment or the profile if there are several.
func (w *Waiver) Narrow(results []audit.Result, o Options) []Waiver {
	var narrow []Waiver
	for _, r := range results {
		if !w.appliesTo(r) {
			continue
		}
		s := o.siblings(r, w.Control)
		for _, other := range results {
			same := other.Environment.Name == r.Environment.Name
			s.environments = s.environments || !same
			s.profiles = s.profiles || same && other.Profile.Name != r.Profile.Name
		}
		for _, c := range r.Controls {
			for _, f := range c.Findings {
				if c.ID != w.Control || f.Waiver != nil || !w.covers(f) {
					continue
				}
				n := *w
				n.Subject, n.Privilege = SubjectName(f.Subject), f.Evidence.Text("privilege")
				if s.environments {
					n.Environment = r.Environment.Name
				}
				if s.profiles {
					n.Profile = r.Profile.Name
				}
				if !slices.Contains(narrow, n) {
					narrow = append(narrow, n)
				}
			}
		}
	}
	return narrow
}
