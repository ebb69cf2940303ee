package lint

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// A RoleResult is a role with its result.
type RoleResult struct {
	Role     solution.Role // zero if the required role was not found
	Result   audit.Result
	snapshot *snapshot.Snapshot // nil unless it is kept
}

// judge judges the roles that are meant. If none is, the result is that of a role that does
// not exist; if nothing was read, no result exists.
func (a criteria) judge(ctx context.Context, found solution.Contents) ([]RoleResult, error) {
	if len(found.Roles) == 0 {
		return nil, nil
	}
	var judged []RoleResult
	var err error
	// A role may be in several files.
	roles := slices.DeleteFunc(slices.Clone(found.Roles), func(r solution.Role) bool { return !a.mayJudge(r.Name) })
	if len(roles) == 0 {
		judged, err = a.judgeMissingRole(ctx, found)
	} else {
		judged, err = a.judgeRoles(ctx, roles)
	}
	if err != nil || a.Options.SaveSnapshot == nil {
		return judged, err
	}
	if len(judged) > 1 {
		return nil, run.Usagef("--snapshot saves one snapshot, but %d roles were found: choose one with --integration-role and PATH", len(judged))
	}
	return judged, a.Options.SaveSnapshot(judged[0].snapshot)
}

// judgeRoles judges the roles one by one, and keeps those that are meant.
func (a criteria) judgeRoles(ctx context.Context, roles []solution.Role) ([]RoleResult, error) {
	progress := a.Progress("lint")
	defer progress.Stop()
	progress.Task("judging " + text.Count(len(roles), "role"))
	var done atomic.Int64
	judged := make([]RoleResult, len(roles))
	// The first error ends the others, and so does an interruption.
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, role := range roles {
		group.Go(func() (err error) {
			if judged[i], err = a.judgeRole(ctx, role); err != nil {
				return fmt.Errorf("%s: the role %q: %w", role.File, role.Name, err)
			}
			progress.Task(fmt.Sprintf("%d of %d roles judged", done.Add(1), len(roles)))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if a.requirement.Role == "" && !a.judgesAllRoles() {
		judged = a.mostLikely(judged)
	}
	for i, title := range distinctTitles(judged) {
		judged[i].Result.Environment.Name = title
	}
	return judged, nil
}

// judgeRole judges one role.
func (a criteria) judgeRole(ctx context.Context, role solution.Role) (RoleResult, error) {
	if err := ctx.Err(); err != nil {
		return RoleResult{}, err
	}
	s, notes, err := role.Snapshot(a.requirement, a.minimum, a.standard, snapshot.Tool(a.Tool))
	if err != nil {
		return RoleResult{}, err
	}
	result, err := a.Judge(ctx, a.Engine, s, a.profile, a.Options.EvaluatedAt)
	if err != nil {
		return RoleResult{}, err
	}
	result.Notes = append(result.Notes, notes...)
	if role.Managed {
		result.Notes = append(result.Notes, "the role comes from a managed solution")
	}
	setLocations(&result, role)
	one := RoleResult{Role: role, Result: result}
	if a.Options.SaveSnapshot != nil {
		one.snapshot = s
	}
	return one, nil
}

// judgeMissingRole is the result if no file has the required role.
func (a criteria) judgeMissingRole(ctx context.Context, found solution.Contents) ([]RoleResult, error) {
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
	a.Infof("%s", note)
	s, err := solution.SnapshotWithoutRole(strings.Join(a.Options.Paths, ", "), a.requirement, a.minimum, a.standard, snapshot.Tool(a.Tool))
	if err != nil {
		return nil, err
	}
	result, err := a.Judge(ctx, a.Engine, s, a.profile, a.Options.EvaluatedAt)
	if err != nil {
		return nil, err
	}
	result.Notes = append(result.Notes, note)
	if a.env.Integration.Role != "" && a.requirement.Role == a.env.Integration.Role {
		run.LocateFindings(&result, a.file, a.env)
	} else {
		for i := range result.Controls {
			result.Controls[i].Location = a.missingRoleLocation(found.Roles[0])
		}
	}
	return []RoleResult{{Result: result, snapshot: s}}, nil
}

// missingRoleLocation is the location of a role that was not found: the file that was named, or the
// first file of the folders that were named, because code scanning needs a file.
func (a criteria) missingRoleLocation(first solution.Role) *audit.Location {
	name := a.Options.Paths[0]
	if info, err := os.Stat(filepath.FromSlash(name)); name != solution.Stdin && (err != nil || info.IsDir()) {
		name, _, _ = strings.Cut(first.File, "!/")
	}
	return &audit.Location{Path: relativePath(workingDirectory(), name), Line: 1}
}
