package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// fix adds the lines that the judged roles lack to their files. It reports whether a file
// was changed, and why others were not: each file is fixed separately.
func (l *lintRun) fix(judged []judgedRole) (changed bool, failures []error) {
	byFile := map[string][]solution.Addition{}
	var files []string
	for _, j := range judged {
		grants := slices.DeleteFunc(l.lacking(j), func(g solution.Grant) bool {
			// A line without a valid level must be corrected, not duplicated.
			return slices.ContainsFunc(j.role.Entries, func(e solution.Entry) bool { return strings.EqualFold(e.Name, g.Name) }) ||
				slices.ContainsFunc(byFile[j.role.File], func(a solution.Addition) bool { // by another integration
					return a.Role.At == j.role.At && slices.ContainsFunc(a.Grants, func(o solution.Grant) bool { return o.Name == g.Name })
				})
		})
		if len(grants) == 0 || j.role.File == "" {
			continue
		}
		if !slices.Contains(files, j.role.File) {
			files = append(files, j.role.File)
		}
		byFile[j.role.File] = append(byFile[j.role.File], solution.Addition{Role: j.role, Grants: grants})
	}
	for _, file := range files {
		if strings.Contains(file, "!/") {
			l.Warnf("%s: a file in an archive cannot be fixed: unpack the solution", file)
			continue
		}
		lines, err := mend(file, byFile[file])
		if err != nil {
			failures = append(failures, fmt.Errorf("fixing %s: %w", file, err))
			continue
		}
		changed = true
		l.Sayf("%s: %d lines added", file, lines)
	}
	return changed, failures
}

// lacking lists the privileges that a role lacks altogether. A level that is too
// shallow was somebody's decision and stays, and what somebody has accepted to be
// missing is not written either.
func (l *lintRun) lacking(j judgedRole) []solution.Grant {
	r := j.result
	if l.accepted.Waivers != nil {
		accepted, _ := l.accepted.Waivers.Apply([]audit.Result{r}, l.accepted.Options)
		r = accepted[0]
	}
	var grants []solution.Grant
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			depth, err := snapshot.ParseDepth(f.Evidence.Text("required_depth"))
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

// fixFile adds to the roles of a file, and counts the lines.
func mend(file string, additions []solution.Addition) (lines int, err error) {
	data, err := solution.Add(additions...)
	if err != nil {
		return 0, err
	}
	for _, a := range additions {
		lines += len(a.Grants)
	}
	return lines, rewrite(filepath.FromSlash(file), data)
}

// rewrite replaces the content of somebody's file, whole or not at all, and leaves
// its permissions and its owner as they are. A file of several names is written in
// its place, so that all of them go on to mean it.
func rewrite(name string, data []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o200 == 0 {
		return errors.New("the file is read-only: check it out, or make it writable, and run again")
	}
	if names(info) > 1 {
		return os.WriteFile(name, data, info.Mode().Perm())
	}
	if err := console.WriteFile(name, data); err != nil {
		return err
	}
	if err := keepOwner(name, info); err != nil {
		return err
	}
	return os.Chmod(name, info.Mode().Perm())
}
