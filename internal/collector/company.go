package collector

import (
	"context"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A company is the integrations for which one environment is read together. Each has a
// collection. All go through the rounds in step, so that one request can serve all.
type company struct {
	members []*collection
	once    *onceReader

	mu     sync.Mutex
	copies map[string]role // which copy of a role is asked what it grants, by its root
}

// run does one round of all members. All parts are prepared, member by member, before the
// first begins. The first error ends the round, and all its requests.
func (g *company) run(ctx context.Context, round func(*collection) ([]part, error)) error {
	var parts []part
	for _, c := range g.members {
		more, err := round(c)
		if err != nil {
			return err
		}
		parts = append(parts, more...)
	}
	tasks, ctx := errgroup.WithContext(ctx)
	g.once.ctx = ctx
	for _, do := range parts {
		tasks.Go(func() error { return do(ctx) })
	}
	return tasks.Wait()
}

// all is what any member asks for.
func (g *company) all(asks func(*collection) []string) []string {
	var all []string
	for _, m := range g.members {
		all = append(all, asks(m)...)
	}
	return all
}

// oneCopy is the copy of a role whose grants are read: the same for all members, because
// copies grant what their root grants.
func (g *company) oneCopy(root string, choose func(string) role) role {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.copies[root]; !known {
		g.copies[root] = choose(root)
	}
	return g.copies[root]
}

// users is the condition of all users that may be an integration's; in the wide scope,
// all application users too.
func (g *company) users(wide bool) dataverse.Expr {
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
	fits = append(fits, eachID("applicationid", eachOnce(ids))...)
	fits = append(fits, eachText("domainname", people)...)
	for _, part := range eachOnce(parts) {
		fits = append(fits, dataverse.And(application, dataverse.Contains("fullname", part)))
	}
	return dataverse.Or(fits...)
}

// confirming has a condition for each role that any member reads once more.
func (g *company) confirming() []dataverse.Expr {
	var conditions []dataverse.Expr
	known := map[string]bool{}
	for _, m := range g.members {
		for _, condition := range m.confirming(m.firstSeen()) {
			text := dataverse.Collection("x").Filter(condition).String()
			if !known[text] {
				known[text] = true
				conditions = append(conditions, condition)
			}
		}
	}
	return conditions
}

// eachOnce keeps the first of words that differ only in case, and no empty words.
func eachOnce(words []string) []string {
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
