package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// A judgedRole is a role with what became of it.
type judgedRole struct {
	role   solution.Role
	result audit.Result
}

// judgeAll judges the roles of each integration by what that asks for.
func (l *lintRun) judgeAll(ctx context.Context, found solution.Found) ([]judgedRole, error) {
	var all []judgedRole
	for _, one := range l.all {
		judged, err := l.by(one).judge(ctx, found)
		if err != nil {
			return nil, err
		}
		all = append(all, judged...)
	}
	return all, nil
}

// judge judges the roles that are meant. Where none is, the result is that of a
// role that does not exist; where nothing was read there is none.
func (l *lintRun) judge(ctx context.Context, found solution.Found) ([]judgedRole, error) {
	if len(found.Roles) == 0 {
		return nil, nil
	}
	roles := l.choose(found.Roles)
	if len(roles) == 0 {
		result, err := l.nowhere(ctx, found)
		return []judgedRole{{result: result}}, err
	}
	if l.flags.snapshot != "" && len(roles) > 1 {
		return nil, usagef("--snapshot keeps one snapshot, and %d roles are meant: choose one by --integration-role and PATH", len(roles))
	}
	titles := titlesOf(roles)
	progress := l.Doing("lint", fmt.Sprintf("judging %d roles", len(roles)))
	defer progress.Stop()
	var done atomic.Int64
	judged := make([]judgedRole, len(roles))
	// The first error ends the others, and so does an interruption.
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, role := range roles {
		group.Go(func() error {
			result, err := l.judgeOne(ctx, role)
			if err != nil {
				return fmt.Errorf("%s: the role %q: %w", role.File, role.Name, err)
			}
			result.Environment.Name = titles[i]
			judged[i] = judgedRole{role, result}
			progress.Task(fmt.Sprintf("%d of %d roles judged", done.Add(1), len(roles)))
			return nil
		})
	}
	return judged, group.Wait()
}

// titlesOf names each role by its file; where that has several, by its name too, and
// where they share the name, by its id or else its line.
func titlesOf(roles []solution.Role) []string {
	titles := make([]string, len(roles))
	for i, r := range roles {
		titles[i] = r.File
	}
	for _, more := range []func(solution.Role) string{
		func(r solution.Role) string { return ": " + r.Name },
		func(r solution.Role) string {
			if r.ID == "" {
				return ""
			}
			return " " + r.ID
		},
		func(r solution.Role) string { return fmt.Sprintf(" (line %d)", r.At.Line) },
	} {
		count := map[string]int{}
		for _, title := range titles {
			count[title]++
		}
		for i, r := range roles {
			if count[titles[i]] > 1 {
				titles[i] += more(r)
			}
		}
	}
	return titles
}

func (l *lintRun) minimum() solution.Minimum {
	depths := maps.Clone(l.profile.Depths)
	if depths == nil {
		depths = map[string]snapshot.Depth{}
	}
	maps.Copy(depths, l.requirement.Depth)
	return solution.Minimum{Privileges: l.profile.Minimum(), Depths: depths}
}

func (l *lintRun) judgeOne(ctx context.Context, role solution.Role) (audit.Result, error) {
	if err := ctx.Err(); err != nil {
		return audit.Result{}, err
	}
	s, notes, err := role.Snapshot(l.requirement, l.minimum(), l.standard, snapshot.Tool(l.Tool))
	if err != nil {
		return audit.Result{}, err
	}
	result, err := l.evaluate(ctx, s)
	if err != nil {
		return audit.Result{}, err
	}
	result.Notes = append(result.Notes, notes...)
	if role.Managed {
		result.Notes = append(result.Notes, "the role comes from a managed solution")
	}
	place(&result, role)
	return result, nil
}

// evaluate judges a snapshot, and keeps it where that is asked for.
func (l *lintRun) evaluate(ctx context.Context, s *snapshot.Snapshot) (audit.Result, error) {
	if l.flags.snapshot != "" {
		if err := keepSnapshot(l.app, s, l.flags.snapshot); err != nil {
			return audit.Result{}, err
		}
	}
	return l.Judge(ctx, l.engine, s, l.profile, l.asOf)
}

// nowhere is the result where no role is the one that is looked for.
func (l *lintRun) nowhere(ctx context.Context, found solution.Found) (audit.Result, error) {
	var names []string
	for _, r := range found.Roles {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for i := range names {
		names[i] = strconv.Quote(names[i])
	}
	note := fmt.Sprintf("no role in the files is the integration's; there are %s: choose by --integration-role, or judge all by --all-roles",
		strings.Join(names, ", "))
	if len(found.Faults) > 0 {
		note += "; it may be in a file that could not be read"
	}
	l.Sayf("%s", note)
	s, err := solution.Nowhere(strings.Join(l.paths, ", "), l.requirement, l.minimum(), l.standard, snapshot.Tool(l.Tool))
	if err != nil {
		return audit.Result{}, err
	}
	result, err := l.evaluate(ctx, s)
	if err != nil {
		return audit.Result{}, err
	}
	result.Notes = append(result.Notes, note)
	if l.env.Integration.Role != "" && l.requirement.Role == l.env.Integration.Role {
		run.Locate(&result, l.file, l.env)
		return result, nil
	}
	for i := range result.Controls {
		result.Controls[i].Location = l.searched(found.Roles[0])
	}
	return result, nil
}

// searched is where a role was looked for in vain: the file that was named, or where
// folders were, the first one read, because code scanning knows no folders.
func (l *lintRun) searched(first solution.Role) *audit.Location {
	name := l.paths[0]
	if info, err := os.Stat(filepath.FromSlash(name)); name != solution.Stdin && (err != nil || info.IsDir()) {
		name, _, _ = strings.Cut(first.File, "!/")
	}
	return &audit.Location{Path: relative(name), Line: 1}
}

// choose picks the roles that are meant: all of them; else those of the required
// name; else, of those whose name fits the profile's pattern, those of the name
// that grants most of the minimum. A role may stand in several files.
func (l *lintRun) choose(roles []solution.Role) []solution.Role {
	if l.flags.allRoles || (l.profile.Name == engine.LintProfile && l.requirement.Role == "") {
		return roles
	}
	var fitting []solution.Role
	for _, r := range roles {
		if l.requirement.FitsRole(r.Name, l.profile.Pattern) {
			fitting = append(fitting, r)
		}
	}
	if l.requirement.Role != "" || len(fitting) == 0 {
		return fitting
	}
	score := map[string]int{}
	var names []string
	for _, r := range fitting {
		name := strings.ToLower(r.Name)
		if _, ok := score[name]; !ok {
			names = append(names, name)
		}
		score[name] = max(score[name], l.score(r))
	}
	slices.SortFunc(names, func(a, b string) int {
		if score[a] != score[b] {
			return score[b] - score[a]
		}
		return strings.Compare(a, b)
	})
	var chosen []solution.Role
	var others []string
	for _, r := range fitting {
		if strings.EqualFold(r.Name, names[0]) {
			chosen = append(chosen, r)
		} else {
			others = append(others, fmt.Sprintf("%q (%s)", r.Name, r.File))
		}
	}
	if len(others) > 0 {
		l.Warnf("several roles could be the integration role; %q was judged, not %s", chosen[0].Name, strings.Join(others, ", "))
	}
	return chosen
}

// score is how much of the minimum a role grants, at whatever level.
func (l *lintRun) score(r solution.Role) int {
	granted := map[string]bool{}
	for _, e := range r.Entries {
		if e.Depth() != snapshot.DepthNone {
			granted[strings.ToLower(e.Name)] = true
		}
	}
	n := 0
	for _, name := range l.profile.Minimum() {
		if granted[strings.ToLower(name)] {
			n++
		}
	}
	return n
}

// place gives each control and finding its line in the role's file.
func place(r *audit.Result, role solution.Role) {
	at := func(p solution.Position) *audit.Location {
		return &audit.Location{Path: role.File, Line: p.Line, Column: p.Column, EndColumn: p.EndColumn}
	}
	deepest := map[string]int{}
	for i, e := range role.Entries {
		key := strings.ToLower(e.Name)
		if j, ok := deepest[key]; !ok || e.Depth() > role.Entries[j].Depth() {
			deepest[key] = i
		}
	}
	for i := range r.Controls {
		control := &r.Controls[i]
		control.Location = at(role.At)
		for j := range control.Findings {
			finding := &control.Findings[j]
			finding.Location = at(role.PrivilegesAt)
			if n, ok := entryOf(finding.Evidence); ok && n < len(role.Entries) {
				finding.Location = at(role.Entries[n].At)
				continue
			}
			switch control.Rule {
			case "role/custom", "lint/locked":
				finding.Location = at(role.CustomizableAt)
				continue
			}
			for _, name := range named(finding.Evidence) {
				if n, ok := deepest[strings.ToLower(name)]; ok {
					finding.Location = at(role.Entries[n].At)
					break
				}
			}
		}
	}
}

// entryOf is the line of the file that a rule on files means, by its number among
// the role's lines.
func entryOf(e audit.Evidence) (int, bool) {
	number, ok := e["entry"].(json.Number)
	if !ok {
		return 0, false
	}
	n, err := number.Int64()
	return int(n), err == nil && n >= 0
}

// named lists the privileges that a finding is about, the first first.
func named(e audit.Evidence) []string {
	names := []string{e.Text("privilege")}
	for _, key := range []string{"surplus", "privileges"} {
		list, _ := e[key].([]any)
		for _, item := range list {
			if name, ok := item.(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}
