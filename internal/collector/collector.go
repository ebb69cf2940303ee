// Package collector turns Web API rows into a snapshot. It reads, and is handed
// nothing that could write.
//
// The default scope asks for what the verdict needs and no more, in four rounds
// of parallel requests whose number does not grow with the environment:
//
//  1. who the auditor is; the organization; the users that may be the
//     integration's, with their roles and teams; the definitions of the minimum's
//     privileges; roles of the required name; the required views as the auditor
//     sees them; system views of their names; the owners that the configuration
//     names
//  2. the roles of the user's teams; what has been shared with the user and its
//     teams; the personal views as the user and as each owner sees them; business
//     units; what each role known so far grants
//  3. what the roles that came through teams grant
//  4. whether any of these roles changed meanwhile
//
// A section that is refused is Forbidden, one that cannot be read whole, or not
// twice alike, is Failed with its reason. None is silently short: each column
// that was asked for must be in each row, no key may come twice, and every page
// is followed to the end. The documented protocol is Microsoft's "Use the
// Dataverse Web API"; the tables are those of its reference.
package collector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Reader reads from one environment. Both methods may be called from several
// goroutines at once. Rows yields every row of a collection or ends with an
// error; it never ends early without one.
type Reader interface {
	Rows(ctx context.Context, r dataverse.Request) iter.Seq2[json.RawMessage, error]
	Get(ctx context.Context, r dataverse.Request) (json.RawMessage, error)
}

// Options say what to collect.
type Options struct {
	Scope       snapshot.Scope
	Requirement snapshot.Requirement
	// Environment names what is read; its organization id is filled in.
	Environment snapshot.Environment
	// Pattern is the part of a name by which user and role are deduced where the
	// requirement names none.
	Pattern string
	// Privileges is the profile's minimum, in the spelling that the snapshot uses.
	Privileges []string
	Tool       snapshot.Tool
	Now        func() time.Time
	// Strong asks for what is true now, past the caches of permissions.
	Strong bool
	// Progress is told of sections. It is called from many goroutines; nil for
	// nobody.
	Progress func(Event)
}

// An Event says how far a section is.
type Event struct {
	Section snapshot.Section
	// Done is false when reading begins, true when it ended with State.
	Done  bool
	State snapshot.State
	// Attempt counts from 1.
	Attempt int
}

// Collect reads a snapshot. It fails where nothing can be judged at all: the
// environment cannot be reached, sign-in fails, the identity is no user of the
// environment, or the context ends. Everything less is said in the snapshot's
// coverage.
func Collect(ctx context.Context, r Reader, o Options) (*snapshot.Snapshot, error) {
	c := &collection{
		reader: r, Options: o, canonical: map[string]string{},
		absent: map[string]bool{}, stamps: map[string]string{}, asked: map[string]bool{},
	}
	for _, name := range o.Privileges {
		c.canonical[strings.ToLower(name)] = name
	}
	c.snapshot = snapshot.New()
	c.snapshot.Scope = o.Scope
	c.snapshot.Source = snapshot.SourceEnvironment
	c.snapshot.Requirement = o.Requirement
	c.snapshot.Environment = o.Environment
	c.snapshot.Tool = o.Tool
	c.snapshot.TakenAt = o.Now().UTC().Truncate(time.Second)
	for _, round := range []func(context.Context) error{c.roundOne, c.roundTwo, c.roundThree, c.roundFour} {
		if err := round(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.snapshot.Seal(); err != nil {
		return nil, err
	}
	return c.snapshot, nil
}

// collection is the state of one Collect. The mutex guards the snapshot and
// what the rounds hand each other.
type collection struct {
	Options

	reader    Reader
	canonical map[string]string // lower-case privilege name to the profile's spelling

	mu       sync.Mutex
	snapshot *snapshot.Snapshot
	absent   map[string]bool   // optional columns that this environment does not have
	auditor  string            // the auditor's own systemuserid
	user     string            // the single live candidate's systemuserid
	stamps   map[string]string // roleid to its modifiedon and version when first read
	asked    map[string]bool   // roots whose privileges were asked for
}

// inconsistent is a fault of what was read, not of reading it: the section is
// read again before it is given up.
type inconsistent struct{ reason string }

func (e *inconsistent) Error() string { return e.reason }

func inconsistentf(format string, args ...any) error {
	return &inconsistent{fmt.Sprintf(format, args...)}
}

const attempts = 3

// section reads a section, again where what came was inconsistent, and records
// how it ended. It returns an error only where the whole collection must stop.
func (c *collection) section(ctx context.Context, s snapshot.Section, read func(context.Context) error) error {
	var err error
	for attempt := 1; attempt <= attempts; attempt++ {
		c.tell(Event{Section: s, Attempt: attempt})
		err = read(ctx)
		var again *inconsistent
		if !errors.As(err, &again) {
			break
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("reading %s: %w", words(s), context.Cause(ctx))
	}
	c.settle(s, err)
	return nil
}

// settle records how a section ended. A section that is read in several parts
// keeps the first fault.
func (c *collection) settle(s snapshot.Section, err error) {
	coverage := snapshot.Coverage{State: snapshot.StateCollected}
	if err != nil {
		coverage = snapshot.Coverage{State: snapshot.StateFailed, Detail: err.Error()}
		var refused *dataverse.Error
		if errors.As(err, &refused) && (refused.Kind == dataverse.Forbidden || refused.Kind == dataverse.NotMember) {
			coverage.State = snapshot.StateForbidden
		}
	}
	c.mu.Lock()
	if was, ok := c.snapshot.Coverage[s]; !ok || was.State == snapshot.StateCollected {
		c.snapshot.Coverage[s] = coverage
	}
	c.mu.Unlock()
	c.tell(Event{Section: s, Done: true, State: coverage.State})
}

func (c *collection) skip(s snapshot.Section, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snapshot.Coverage[s] = snapshot.Coverage{State: snapshot.StateSkipped, Detail: reason}
}

func (c *collection) tell(e Event) {
	if c.Progress != nil {
		c.Progress(e)
	}
}

func words(s snapshot.Section) string { return strings.ReplaceAll(string(s), "_", " ") }

// parallel runs the parts of a round side by side. The client bounds how many
// requests are really under way.
func parallel(ctx context.Context, parts ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error { return part(ctx) })
	}
	return group.Wait()
}

func (c *collection) roundOne(ctx context.Context) error {
	one := func(s snapshot.Section, read func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error { return c.section(ctx, s, read) }
	}
	parts := []func(context.Context) error{
		c.identity,
		one(snapshot.SectionOrganization, c.organization),
		one(snapshot.SectionUsers, c.users),
		one(snapshot.SectionPrivileges, c.privileges),
		one(snapshot.SectionRoles, c.roles),
	}
	if c.viewsWanted() {
		parts = append(parts,
			one(snapshot.SectionViews, c.auditorViews),
			one(snapshot.SectionSystemViews, c.systemViews),
		)
	} else {
		c.settle(snapshot.SectionViews, nil)
		c.settle(snapshot.SectionSystemViews, nil)
	}
	if len(c.owners()) > 0 {
		parts = append(parts, one(snapshot.SectionViews, c.ownerUsers))
	}
	if err := parallel(ctx, parts...); err != nil {
		return err
	}
	c.user, _ = c.snapshot.User(c.Requirement, c.Pattern)
	return nil
}

// viewsWanted reports whether personal and system views beside the user's own
// list are of interest.
func (c *collection) viewsWanted() bool {
	return len(c.Requirement.Views) > 0 || c.Scope == snapshot.ScopeEnvironment
}

// owners are the user principal names that the configuration gives for views.
func (c *collection) owners() []string {
	var owners []string
	for _, v := range c.Requirement.Views {
		if v.Owner != "" && !slices.ContainsFunc(owners, func(o string) bool { return strings.EqualFold(o, v.Owner) }) {
			owners = append(owners, v.Owner)
		}
	}
	slices.Sort(owners)
	return owners
}

func (c *collection) roundTwo(ctx context.Context) error {
	parts := []func(context.Context) error{
		func(ctx context.Context) error { return c.section(ctx, snapshot.SectionBusinessUnits, c.businessUnits) },
		func(ctx context.Context) error { return c.section(ctx, snapshot.SectionTeams, c.teams) },
		func(ctx context.Context) error { return c.section(ctx, snapshot.SectionShares, c.shares) },
		c.userViews,
		c.grants,
	}
	for _, owner := range c.foundOwners() {
		parts = append(parts, func(ctx context.Context) error {
			return c.section(ctx, snapshot.SectionViews, func(ctx context.Context) error { return c.ownerViews(ctx, owner) })
		})
	}
	return parallel(ctx, parts...)
}

// roundThree reads what the roles grant that round two brought.
func (c *collection) roundThree(ctx context.Context) error { return c.grants(ctx) }

// roundFour makes sure that no role changed while it was read.
func (c *collection) roundFour(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		changed, err := c.changedRoles(ctx)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("reading roles: %w", context.Cause(ctx))
		case err != nil:
			c.settle(snapshot.SectionRolePrivileges, fmt.Errorf("making sure that no role changed meanwhile: %w", err))
			return nil
		case len(changed) == 0:
			return nil
		case attempt == attempts:
			c.settle(snapshot.SectionRolePrivileges, fmt.Errorf(
				"%s changed each time the roles were read: try again when nobody edits them", strings.Join(changed, ", ")))
			return nil
		}
		for _, root := range changed {
			delete(c.asked, root)
		}
		if err := c.grants(ctx); err != nil {
			return err
		}
	}
}
