package collector

import (
	"context"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A integrationGroup is the integrations for which one environment is read together. Each has a
// collection. All go through the rounds in step, so that one request can serve all.
type integrationGroup struct {
	members []*collection
	reader  *cachingReader

	mu         sync.Mutex
	roleCopies map[string]role // which copy of a role is asked what it grants, by its root
}

// run does one round of all members. All parts are prepared, member by member, before the
// first begins. The first error ends the round, and all its requests.
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
	g.reader.ctx = ctx
	for _, do := range parts {
		tasks.Go(func() error { return do(ctx) })
	}
	return tasks.Wait()
}

// union is what any member asks for.
func (g *integrationGroup) union(asks func(*collection) []string) []string {
	var all []string
	for _, m := range g.members {
		all = append(all, asks(m)...)
	}
	return all
}

// sharedCopy is the copy of a role whose grants are read: the same for all members, because
// copies grant what their root grants.
func (g *integrationGroup) sharedCopy(root string, choose func(string) role) role {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.roleCopies[root]; !known {
		g.roleCopies[root] = choose(root)
	}
	return g.roleCopies[root]
}

// userCondition is the condition of all users that may be an integration's; in the wide scope,
// all application users too.
func (g *integrationGroup) userCondition(wide bool) dataverse.Expr {
	application := dataverse.NeNull("applicationid")
	var ids, people, parts []string
	for _, m := range g.members {
		switch r := m.Requirement; {
		case r.ApplicationID != "":
			ids = append(ids, r.ApplicationID)
		case r.User != "":
			people = append(people, r.User)
		default:
			parts = append(parts, m.Pattern)
		}
	}
	var fits []dataverse.Expr
	if wide {
		fits, ids, parts = append(fits, application), nil, nil
	}
	fits = append(fits, idConditions("applicationid", distinct(ids))...)
	fits = append(fits, textConditions("domainname", people)...)
	for _, part := range distinct(parts) {
		fits = append(fits, dataverse.And(application, dataverse.Contains("fullname", part)))
	}
	return dataverse.Or(fits...)
}

// confirmConditions has a condition for each role that any member reads once more.
func (g *integrationGroup) confirmConditions() []dataverse.Expr {
	var conditions []dataverse.Expr
	known := map[string]bool{}
	for _, m := range g.members {
		for _, condition := range m.confirmConditions(m.knownRoles()) {
			text := dataverse.Collection("x").Filter(condition).String()
			if !known[text] {
				known[text] = true
				conditions = append(conditions, condition)
			}
		}
	}
	return conditions
}

// distinct keeps the first of words that differ only in case, and no empty words.
func distinct(words []string) []string {
	var once []string
	known := map[string]bool{"": true}
	for _, word := range words {
		if lower := strings.ToLower(word); !known[lower] {
			known[lower] = true
			once = append(once, word)
		}
	}
	return once
}
