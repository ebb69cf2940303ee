package lint

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// Fix adds the lines that the judged roles lack to their files. It reports whether a file
// was changed, and why others were not: each file is fixed separately.
func (l *Linter) Fix(judged []RoleResult, write func(name string, data []byte) error) (changed bool, failures []error) {
	byFile := map[string][]solution.Addition{}
	var files []string
	for _, j := range judged {
		file := j.Role.File
		grants := slices.DeleteFunc(l.missingGrants(j.Result), func(g solution.Grant) bool {
			// A line without a valid level must be corrected, not duplicated.
			return slices.ContainsFunc(j.Role.Entries, func(e solution.Entry) bool { return strings.EqualFold(e.Name, g.Name) }) ||
				slices.ContainsFunc(byFile[file], func(a solution.Addition) bool { // by another integration
					return a.Role.At == j.Role.At && slices.ContainsFunc(a.Grants, func(o solution.Grant) bool { return o.Name == g.Name })
				})
		})
		if len(grants) == 0 || file == "" {
			continue
		}
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
		byFile[file] = append(byFile[file], solution.Addition{Role: j.Role, Grants: grants})
	}
	for _, file := range files {
		if strings.Contains(file, "!/") {
			l.Warnf("%s: a file in an archive cannot be fixed: unpack the solution", file)
			continue
		}
		data, err := solution.Add(byFile[file]...)
		if err == nil {
			err = write(filepath.FromSlash(file), data)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("fixing %s: %w", file, err))
			continue
		}
		lines := 0
		for _, a := range byFile[file] {
			lines += len(a.Grants)
		}
		changed = true
		l.Infof("%s: %s added", file, text.Count(lines, "line"))
	}
	return changed, failures
}

// missingGrants lists the privileges that a role lacks. It leaves out levels that are too low,
// because a person chose them, and accepted findings.
func (l *Linter) missingGrants(r audit.Result) []solution.Grant {
	if l.Accepted.Waivers != nil {
		accepted, _ := l.Accepted.Waivers.Apply([]audit.Result{r}, l.Accepted.Options)
		r = accepted[0]
	}
	var grants []solution.Grant
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			depth, err := audit.ParseDepth(f.Evidence.Text("required_depth"))
			if c.Rule != "role/privileges" || f.Evidence.Text("state") != "missing" || f.Waiver != nil || err != nil {
				continue
			}
			g := solution.Grant{Name: f.Evidence.Text("privilege"), Depth: depth}
			if !slices.ContainsFunc(grants, func(o solution.Grant) bool { return o.Name == g.Name }) {
				grants = append(grants, g)
			}
		}
	}
	return grants
}
