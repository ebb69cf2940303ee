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

// Fix adds the lines that the judged roles lack to their files. It reports whether it changed a file,
// and returns the errors of files that it could not change.
func (l *Linter) Fix(results []RoleResult, write func(name string, data []byte) error) (changed bool, failures []error) {
	byFile := map[string][]solution.Addition{}
	var files []string
	for _, r := range results {
		file := r.Role.File
		grants := slices.DeleteFunc(l.missingGrants(r.Result), func(g audit.Grant) bool {
			// A line without a valid level must be corrected, not duplicated.
			hasEntry := slices.ContainsFunc(r.Role.Entries, func(e solution.Entry) bool { return strings.EqualFold(e.Name, g.Name) })
			// Another integration may need the same line.
			return hasEntry || slices.ContainsFunc(byFile[file], func(a solution.Addition) bool {
				return a.Role.Position == r.Role.Position && hasGrant(a.Grants, g.Name)
			})
		})
		if len(grants) == 0 || file == "" {
			continue
		}
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
		byFile[file] = append(byFile[file], solution.Addition{Role: r.Role, Grants: grants})
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

func hasGrant(grants []audit.Grant, name string) bool {
	return slices.ContainsFunc(grants, func(g audit.Grant) bool { return g.Name == name })
}

// missingGrants returns the privileges that a role lacks. It omits privileges with a level that is
// too low, because a person chose the level, and accepted findings.
func (l *Linter) missingGrants(r audit.Result) []audit.Grant {
	if l.Accepted.Waivers != nil {
		accepted, _ := l.Accepted.Waivers.Apply([]audit.Result{r}, l.Accepted.Options)
		r = accepted[0]
	}
	var grants []audit.Grant
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			depth, err := audit.ParseDepth(f.Evidence.Text("required_depth"))
			if c.Rule != "role/privileges" || f.Evidence.Text("state") != "missing" || f.Waiver != nil || err != nil {
				continue
			}
			g := audit.Grant{Name: f.Evidence.Text("privilege"), Depth: depth}
			if !hasGrant(grants, g.Name) {
				grants = append(grants, g)
			}
		}
	}
	return grants
}
