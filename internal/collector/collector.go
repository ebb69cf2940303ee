// Package collector turns Web API rows into a snapshot. It gets an interface that only reads.
//
// The default scope reads what the verdict needs, in four rounds of parallel requests. Their
// number does not grow with the environment; docs/architecture.md has it.
//
//  1. who the auditor is; the organization; the users that may be the integration's, with
//     their roles and teams; the definitions of the minimum's privileges; roles with a
//     matching name; system views with the required names; the views' configured owners
//  2. the roles of the user's teams; shares with the user and its teams; the personal views
//     as the user and as each owner sees them, with a WhoAmI as the same identity; what the
//     known roles grant
//  3. what the roles of the teams grant
//  4. whether any of these roles has changed during the read; the business units, because a
//     disabled one locks out all units below it
//
// Another round is needed for environments that do not return roles and teams with the user,
// for a role with a matching name that grants nothing of the minimum, and for a required view
// that only the auditor sees. Several integrations of one environment go through the rounds
// together: each table is read once for what any of them needs.
//
// A read is complete or it says what is missing. A refused section is Forbidden. A section
// that cannot be read completely, or not twice with the same result, is Failed. A section
// that depends on one of these is Skipped. Each requested column must be in each row, with
// its type; no key may appear twice; all announced rows must arrive; and a role must be the
// same before and after its privileges are read.
//
// Sources, of Microsoft's "Power Apps developer documentation, Dataverse": "Use the Microsoft
// Dataverse Web API", the table reference, "Security concepts" and "Impersonate another user
// using the Web API".
package collector

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Reader reads from one environment. Both methods may be called from several
// goroutines at once. Rows yields every row of a collection, those of collections
// expanded in it included, or ends with an error; it never ends early without one.
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
	// Pattern is the part of a name by which user and role are found if the requirement names
	// none.
	Pattern string
	// Privileges is the profile's minimum, in the spelling that the snapshot uses.
	Privileges []string
	Tool       snapshot.Tool
	// Now is the clock.
	Now func() time.Time
	// Strong asks for what is true now, past the caches of permissions.
	Strong bool
	// Progress receives the progress of reading. It is called from many goroutines and
	// should return at once. May be nil.
	Progress func(Event)
}

// An Event reports the beginning or end of one question to the environment. A section may
// require several.
type Event struct {
	Section snapshot.Section
	// Label says in a few words what is read.
	Label string
	// Attempt counts from 1; above it, the answer was inconsistent and is read again.
	Attempt int
	// Done is false at the beginning of an attempt. At the end of the last one it is true, with
	// State and the number of Rows.
	Done  bool
	State snapshot.State
	Rows  int
}

// CollectAll reads one environment for several integrations. It returns the sealed snapshot of
// each, which is the same as if it had been read alone; the same environment gives the same
// bytes. Common questions are asked once, and questions about the same table in one request.
// The options may differ only in the requirement, the pattern and the privileges. It fails only
// if nothing can be judged: the environment cannot be reached, sign-in fails, the identity is
// not a user of the environment, or the context ends. The snapshot's coverage has all lesser
// faults.
func CollectAll(ctx context.Context, r Reader, options []Options) ([]*snapshot.Snapshot, error) {
	group := &integrationGroup{reader: &cachingReader{Reader: r, responses: map[dataverse.Request]*cachedResponse{}}, roleCopies: map[string]role{}}
	asker := NewStrictReader(r, options[0].Strong)
	if options[0].Progress != nil {
		asker.progress = options[0].Progress
	}
	if len(options) > 1 {
		asker.reader = group.reader
	}
	taken := options[0].Now().UTC().Truncate(time.Second)
	for _, o := range options {
		c := &collection{
			Options: o, StrictReader: asker, group: group, takenAt: taken,
			spellings: map[string]string{}, results: map[snapshot.Section][]partResult{},
			requestedRoots: map[string]bool{}, grants: map[string]roleGrants{}, sharesRequested: map[string]bool{},
		}
		for _, name := range o.Privileges {
			c.spellings[strings.ToLower(name)] = name
		}
		group.members = append(group.members, c)
	}
	for _, round := range []func(*collection) ([]part, error){
		(*collection).roundOne, (*collection).membershipRound, (*collection).roundTwo,
		(*collection).roundThree, (*collection).candidateRound, (*collection).roundFour, (*collection).lastRound,
	} {
		if err := group.run(ctx, round); err != nil {
			if refused := apiError(err); refused.BlocksAllRequests() {
				all := *refused
				all.Label = "" // it depends on chance which request was refused first
				err = &all
			}
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, fmt.Errorf("reading the environment: %w", err)
		}
	}
	snapshots := make([]*snapshot.Snapshot, len(options))
	for i, c := range group.members {
		c.markPartialSections()
		c.markMissingUsers()
		snapshots[i] = c.assemble()
		if err := snapshots[i].Seal(); err != nil {
			return nil, err
		}
	}
	return snapshots, nil
}

// collection is the state of reading for one integration. Its fields below are each
// written by one part of a round and read in later ones; the mutex guards what parts
// share.
type collection struct {
	Options
	*StrictReader

	group     *integrationGroup
	takenAt   time.Time
	spellings map[string]string // lower-case privilege name to the profile's

	mu      sync.Mutex
	results map[snapshot.Section][]partResult

	auditor             string                   // its systemuserid
	principalNames      dataverse.PrincipalNames // whom a refusal may name, once the users are read
	organizationID      string
	organization        organization
	users               []User
	user                *User // the single live one that the requirement means, or nil
	separateMemberships bool  // roles and teams did not come with the users
	teams               []team
	teamRolesRequested  bool // their roles were asked for
	units               []unit
	definitions         []privilegeDefinition
	rolesByName         []role // roots with a matching name
	confirmedRoles      map[string]role
	requestedRoots      map[string]bool // roots whose privileges were asked for
	grants              map[string]roleGrants
	owners              []User
	auditorViews        []view
	ownerViews          []view
	userViews           []view
	systemViews         []systemView
	shares              []Share
	shareTableErr       error              // why the table of shares was refused
	sharesRequested     map[string]bool    // those that were asked whom they are shared with
	auditorGrants       map[string][]Grant // by the privilege's name in lower case
	privilegeNames      map[string]string  // those names by the privileges' ids
}

// A part of a round runs in parallel with the others.
type part = func(context.Context) error

// parallel runs a part for each of n. The client bounds how many requests run at once.
func parallel(ctx context.Context, n int, part func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range n {
		group.Go(func() error { return part(ctx, i) })
	}
	return group.Wait()
}
