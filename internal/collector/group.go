package collector

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// An integrationGroup is the integrations for which one environment is read together. Each has a
// collection. All go through the rounds in step, so that one request can serve all of them.
type integrationGroup struct {
	members []*collection
	cache   *responseCache

	mu         sync.Mutex
	roleCopies map[string]role // by root: the copy with the privileges that are read
}

// run runs one round for all members. It prepares the parts of all members before it starts the
// first part. The first error ends the round and cancels its requests.
func (g *integrationGroup) run(ctx context.Context, round func(*collection) ([]part, error)) error {
	var parts []part
	for _, c := range g.members {
		more, err := round(c)
		if err != nil {
			return err
		}
		parts = append(parts, more...)
	}
	tasks, ctx := errgroup.WithContext(ctx)
	g.cache.ctx = ctx
	for _, part := range parts {
		tasks.Go(func() error { return part(ctx) })
	}
	return tasks.Wait()
}

// union returns what any of the members needs.
func (g *integrationGroup) union(needs func(*collection) []string) []string {
	var all []string
	for _, m := range g.members {
		all = append(all, needs(m)...)
	}
	return all
}

// sharedCopy returns the copy of a role that is read. It is the same for all members, because
// the copies of a role grant what their root grants.
func (g *integrationGroup) sharedCopy(root string, choose func(string) role) role {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.roleCopies[root]; !ok {
		g.roleCopies[root] = choose(root)
	}
	return g.roleCopies[root]
}

// userCondition matches all users that may be the integration user of a member and, with
// allApplications, all application users.
func (g *integrationGroup) userCondition(allApplications bool) dataverse.Expr {
	application := dataverse.NeNull("applicationid")
	var ids, people, patterns []string
	for _, m := range g.members {
		switch r := m.Requirement; {
		case r.ApplicationID != "":
			ids = append(ids, r.ApplicationID)
		case r.User != "":
			people = append(people, r.User)
		default:
			patterns = append(patterns, m.Pattern)
		}
	}
	var either []dataverse.Expr
	if allApplications {
		either, ids, patterns = append(either, application), nil, nil
	}
	either = append(either, idConditions("applicationid", distinct(ids))...)
	either = append(either, textConditions("domainname", people)...)
	for _, pattern := range distinct(patterns) {
		either = append(either, dataverse.And(application, dataverse.Contains("fullname", pattern)))
	}
	return dataverse.Or(either...)
}

// confirmConditions returns a condition for each role that any member reads again.
func (g *integrationGroup) confirmConditions() []dataverse.Expr {
	var conditions []dataverse.Expr
	seen := map[string]bool{}
	for _, m := range g.members {
		for _, condition := range m.confirmConditions(m.knownRoles()) {
			text := dataverse.Collection("x").Filter(condition).String()
			if !seen[text] {
				seen[text] = true
				conditions = append(conditions, condition)
			}
		}
	}
	return conditions
}
