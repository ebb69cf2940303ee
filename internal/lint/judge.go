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
	snapshot *snapshot.Snapshot // nil unless it is saved
}

// judge judges the roles that the requirement means. If it finds none, it returns the result for a
// role that does not exist; if no role was read at all, it returns no result.
func (in integration) judge(ctx context.Context, found solution.Contents) ([]RoleResult, error) {
	if len(found.Roles) == 0 {
		return nil, nil
	}
	var results []RoleResult
	var err error
	roles := slices.DeleteFunc(slices.Clone(found.Roles), func(r solution.Role) bool { return !in.mayJudge(r.Name) })
	if len(roles) == 0 {
		results, err = in.judgeMissingRole(ctx, found)
	} else {
		results, err = in.judgeRoles(ctx, roles)
	}
	if err != nil || in.Options.SaveSnapshot == nil {
		return results, err
	}
	if len(results) > 1 {
		return nil, run.Usagef("--snapshot saves one snapshot, but %d roles were found: choose one with --integration-role and PATH", len(results))
	}
	return results, in.Options.SaveSnapshot(results[0].snapshot)
}

// judgeRoles judges the roles in parallel. If the requirement names no role, it returns only the
// results for the most likely one.
func (in integration) judgeRoles(ctx context.Context, roles []solution.Role) ([]RoleResult, error) {
	progress := in.Progress("lint")
	defer progress.Stop()
	progress.Task("judging " + text.Count(len(roles), "role"))
	var done atomic.Int64
	results := make([]RoleResult, len(roles))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, role := range roles {
		group.Go(func() (err error) {
			if results[i], err = in.judgeRole(ctx, role); err != nil {
				return fmt.Errorf("%s: the role %q: %w", role.File, role.Name, err)
			}
			progress.Task(fmt.Sprintf("%d of %s judged", done.Add(1), text.Count(len(roles), "role")))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if in.requirement.Role == "" && !in.judgesAllRoles() {
		results = in.mostLikely(results)
	}
	for i, title := range distinctTitles(results) {
		results[i].Result.Environment.Name = title
	}
	return results, nil
}

func (in integration) judgeRole(ctx context.Context, role solution.Role) (RoleResult, error) {
	if err := ctx.Err(); err != nil {
		return RoleResult{}, err
	}
	s, notes, err := role.Snapshot(in.requirement, in.minimum, in.standard, snapshot.Tool(in.Tool))
	if err != nil {
		return RoleResult{}, err
	}
	result, err := in.Judge(ctx, in.Engine, s, in.profile, in.Options.EvaluatedAt)
	if err != nil {
		return RoleResult{}, err
	}
	result.Notes = append(result.Notes, notes...)
	if role.Managed {
		result.Notes = append(result.Notes, "the role comes from a managed solution")
	}
	setLocations(&result, role)
	judged := RoleResult{Role: role, Result: result}
	if in.Options.SaveSnapshot != nil {
		judged.snapshot = s
	}
	return judged, nil
}

// judgeMissingRole returns the result for files that do not contain the required role.
func (in integration) judgeMissingRole(ctx context.Context, found solution.Contents) ([]RoleResult, error) {
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
	in.Infof("%s", note)
	s, err := solution.SnapshotWithoutRole(strings.Join(in.Options.Paths, ", "), in.requirement, in.minimum, in.standard, snapshot.Tool(in.Tool))
	if err != nil {
		return nil, err
	}
	result, err := in.Judge(ctx, in.Engine, s, in.profile, in.Options.EvaluatedAt)
	if err != nil {
		return nil, err
	}
	result.Notes = append(result.Notes, note)
	if in.env.Integration.Role != "" && in.requirement.Role == in.env.Integration.Role {
		run.LocateFindings(&result, in.file, in.env)
	} else {
		for i := range result.Controls {
			result.Controls[i].Location = in.missingRoleLocation(found.Roles[0])
		}
	}
	return []RoleResult{{Result: result, snapshot: s}}, nil
}

// missingRoleLocation returns the location for a role that was not found, because code scanning needs
// a file: the first path, or the first file in it if it is a folder.
func (in integration) missingRoleLocation(first solution.Role) *audit.Location {
	name := in.Options.Paths[0]
	if info, err := os.Stat(filepath.FromSlash(name)); name != solution.Stdin && (err != nil || info.IsDir()) {
		name, _, _ = strings.Cut(first.File, "!/")
	}
	return &audit.Location{Path: relativePath(workingDirectory(), name), Line: 1}
}
