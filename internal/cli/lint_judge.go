package cli

import (
	"cmp"
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

// A judgedRole is a role with its result.
type judgedRole struct {
	role     solution.Role
	snapshot *snapshot.Snapshot // nil where every role is judged
	result   audit.Result
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

// judge judges the roles that are meant. If none is, the result is that of a role that does
// not exist; if nothing was read, there is no result.
func (l *lintRun) judge(ctx context.Context, found solution.Found) ([]judgedRole, error) {
	if len(found.Roles) == 0 {
		return nil, nil
	}
	roles := l.candidates(found.Roles)
	if len(roles) == 0 {
		result, err := l.nowhere(ctx, found)
		return []judgedRole{{result: result}}, err
	}
	judged, err := l.judgeEach(ctx, roles)
	if err != nil {
		return nil, err
	}
	if l.requirement.Role == "" && !l.everyRole() {
		judged = l.likeliest(judged)
	}
	if l.flags.snapshot != "" {
		if len(judged) > 1 {
			return nil, usagef("--snapshot saves one snapshot, but %d roles were found: choose one with --integration-role and PATH", len(judged))
		}
		err = keepSnapshot(l.app, judged[0].snapshot, l.flags.snapshot)
	}
	for i, title := range titlesOf(judged) {
		judged[i].result.Environment.Name = title
	}
	return judged, err
}

// judgeEach judges each role by itself.
func (l *lintRun) judgeEach(ctx context.Context, roles []solution.Role) ([]judgedRole, error) {
	progress := l.Doing("lint", fmt.Sprintf("judging %d roles", len(roles)))
	defer progress.Stop()
	var done atomic.Int64
	judged := make([]judgedRole, len(roles))
	// The first error ends the others, and so does an interruption.
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, role := range roles {
		group.Go(func() (err error) {
			if judged[i], err = l.judgeOne(ctx, role); err != nil {
				return fmt.Errorf("%s: the role %q: %w", role.File, role.Name, err)
			}
			progress.Task(fmt.Sprintf("%d of %d roles judged", done.Add(1), len(roles)))
			return nil
		})
	}
	return judged, group.Wait()
}

// titlesOf names each role by its file; where that has several, by its name too, and
// where they share the name, by its id or else its line.
func titlesOf(judged []judgedRole) []string {
	titles := make([]string, len(judged))
	for i, one := range judged {
		titles[i] = one.role.File
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
		for i, one := range judged {
			if count[titles[i]] > 1 {
				titles[i] += more(one.role)
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

func (l *lintRun) judgeOne(ctx context.Context, role solution.Role) (judgedRole, error) {
	if err := ctx.Err(); err != nil {
		return judgedRole{}, err
	}
	s, notes, err := role.Snapshot(l.requirement, l.minimum(), l.standard, snapshot.Tool(l.Tool))
	if err != nil {
		return judgedRole{}, err
	}
	result, err := l.Judge(ctx, l.engine, s, l.profile, l.asOf)
	if err != nil {
		return judgedRole{}, err
	}
	result.Notes = append(result.Notes, notes...)
	if role.Managed {
		result.Notes = append(result.Notes, "the role comes from a managed solution")
	}
	place(&result, role)
	one := judgedRole{role: role, result: result}
	if l.flags.snapshot != "" {
		one.snapshot = s
	}
	return one, nil
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
	note := fmt.Sprintf("no role in the files is the integration's; found: %s; choose one with --integration-role, or judge all with --all-roles",
		strings.Join(names, ", "))
	if len(found.Faults) > 0 {
		note += "; it may be in a file that could not be read"
	}
	l.Sayf("%s", note)
	s, err := solution.Nowhere(strings.Join(l.paths, ", "), l.requirement, l.minimum(), l.standard, snapshot.Tool(l.Tool))
	if err != nil {
		return audit.Result{}, err
	}
	if l.flags.snapshot != "" {
		if err := keepSnapshot(l.app, s, l.flags.snapshot); err != nil {
			return audit.Result{}, err
		}
	}
	result, err := l.Judge(ctx, l.engine, s, l.profile, l.asOf)
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

// everyRole reports whether each role of the files is judged for itself.
func (l *lintRun) everyRole() bool {
	return l.flags.allRoles || l.profile.Name == engine.LintProfile && l.requirement.Role == ""
}

// candidates are the roles that may be meant: all of them, or those whose name is the
// required one or fits the profile's pattern. A role may be in several files.
func (l *lintRun) candidates(roles []solution.Role) []solution.Role {
	if l.everyRole() {
		return roles
	}
	return slices.DeleteFunc(slices.Clone(roles), func(r solution.Role) bool { return !l.requirement.FitsRole(r.Name, l.profile.Pattern) })
}

// likeliest keeps the roles of the name that grants most of the minimum, by what the
// policies found granted, at whatever level.
func (l *lintRun) likeliest(judged []judgedRole) []judgedRole {
	score := map[string]int{}
	for _, one := range judged {
		name := strings.ToLower(one.role.Name)
		score[name] = max(score[name], grantedOf(one.result))
	}
	best := slices.MinFunc(slices.Collect(maps.Keys(score)), func(a, b string) int {
		return cmp.Or(cmp.Compare(score[b], score[a]), cmp.Compare(a, b))
	})
	var chosen []judgedRole
	var others []string
	for _, one := range judged {
		if strings.EqualFold(one.role.Name, best) {
			chosen = append(chosen, one)
		} else {
			others = append(others, fmt.Sprintf("%q (%s)", one.role.Name, one.role.File))
		}
	}
	if len(others) > 0 {
		l.Warnf("several roles could be the integration role; %q was judged, not %s", chosen[0].role.Name, strings.Join(others, ", "))
	}
	return chosen
}

// grantedOf is how many privileges of the minimum a result says are granted.
func grantedOf(r audit.Result) int {
	n := 0
	if r.Integration != nil {
		for _, depth := range r.Integration.Granted {
			if depth != snapshot.DepthNone.String() {
				n++
			}
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
