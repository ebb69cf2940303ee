// Package collector turns Web API rows into a snapshot. Its interface to the environment only reads.
//
// The default scope reads what the verdict needs, in four rounds of parallel requests. Their
// number does not grow with the environment; see docs/architecture.md.
//
//  1. userRound: the auditor's identity; the organization; the possible integration users, with
//     their roles and teams; the definitions of the minimum's privileges; roles with a matching
//     name; system views with the required names; the configured owners of views
//  2. viewRound: the roles of the user's teams; shares with the user and its teams; the personal
//     views that the user and each owner see, with a WhoAmI as the same identity; the privileges
//     of the known roles
//  3. teamGrantRound: the privileges of the teams' roles
//  4. confirmationRound: these roles again, to find out whether one changed during the read; the
//     business units, because a disabled one locks out all units below it
//
// Another round is needed for an environment that does not return roles and teams with the user
// (membershipRound), if the user's roles grant nothing of the minimum (candidateRound), and for a
// required view that only the auditor sees (unseenViewRound). Several integrations of one
// environment go through the rounds together: each table is read once for what any of them needs.
//
// A read is complete, or the coverage says what is missing. A refused section is Forbidden. A
// section that cannot be read completely, or that changes each time it is read, is Failed. A
// section that depends on one of these is Skipped. Each row must have each requested column,
// with its type. No key may appear twice. All announced rows must arrive. A role must be the
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

// A Reader reads from one environment. Both methods may be called from several goroutines at
// once. Rows yields every row of a collection, with all rows of the collections expanded in it.
// If it cannot, the last thing that it yields is an error.
type Reader interface {
	Rows(ctx context.Context, r dataverse.Request) iter.Seq2[json.RawMessage, error]
	Get(ctx context.Context, r dataverse.Request) (json.RawMessage, error)
}

// Options say what to collect.
type Options struct {
	Scope       snapshot.Scope
	Requirement snapshot.Requirement
	// Environment names the environment; its organization id is filled in.
	Environment snapshot.Environment
	// Pattern is the part of a name that identifies the user and the role if the requirement
	// names none.
	Pattern string
	// Privileges is the profile's minimum, in the spelling that the snapshot uses.
	Privileges []string
	Tool       snapshot.Tool
	// Now is the clock.
	Now func() time.Time
	// Strong bypasses Dataverse's caches of permissions.
	Strong bool
	// Progress receives the progress of reading. It is called from many goroutines and
	// should return at once. May be nil.
	Progress func(Event)
}

// An Event reports the beginning or end of one read. A section may require several reads.
type Event struct {
	Section snapshot.Section
	// Label says in a few words what is read.
	Label string
	// Attempt counts from 1. From 2 on, the previous response was inconsistent.
	Attempt int
	// Done is false at the beginning of an attempt. At the end of the last attempt it is true,
	// and State and Rows are set.
	Done  bool
	State snapshot.State
	Rows  int
}

// CollectAll reads one environment for several integrations. It returns the sealed snapshot of
// each, byte for byte the same as if it had been read alone. The options may differ only in the
// requirement, the pattern and the privileges. It fails only if nothing can be judged: the
// environment cannot be reached, sign-in fails, the identity is not a user of the environment,
// or the context ends. All lesser faults are in the snapshot's coverage.
func CollectAll(ctx context.Context, r Reader, options []Options) ([]*snapshot.Snapshot, error) {
	group := newGroup(r, options)
	for _, round := range []func(*collection) ([]part, error){
		(*collection).userRound, (*collection).membershipRound, (*collection).viewRound, (*collection).teamGrantRound,
		(*collection).candidateRound, (*collection).confirmationRound, (*collection).unseenViewRound,
	} {
		if err := group.run(ctx, round); err != nil {
			if refused := dataverse.ErrorOf(err); refused.BlocksAllRequests() {
				unlabeled := *refused
				unlabeled.Label = "" // it depends on chance which request was refused first
				err = &unlabeled
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

func newGroup(r Reader, options []Options) *integrationGroup {
	group := &integrationGroup{
		cache:      &responseCache{responses: map[dataverse.Request]*cachedResponse{}},
		roleCopies: map[string]role{},
	}
	reader := NewStrictReader(r, options[0].Strong)
	if options[0].Progress != nil {
		reader.progress = options[0].Progress
	}
	if len(options) > 1 {
		reader.cache = group.cache
	}
	takenAt := options[0].Now().UTC().Truncate(time.Second)
	for _, o := range options {
		c := &collection{
			Options: o, reader: reader, group: group, takenAt: takenAt,
			spellings: map[string]string{}, results: map[snapshot.Section][]snapshot.Coverage{},
			requestedRoots: map[string]bool{}, grants: map[string]roleGrants{}, sharesRequested: map[string]bool{},
		}
		for _, name := range o.Privileges {
			c.spellings[strings.ToLower(name)] = name
		}
		group.members = append(group.members, c)
	}
	return group
}

// A collection is the state of reading for one integration. The mutex guards the results, which
// parts share. Each later field is written by one part of a round and read in later rounds.
type collection struct {
	Options

	reader    *StrictReader
	group     *integrationGroup
	takenAt   time.Time
	spellings map[string]string // the profile's spelling of a privilege, by the name in lower case

	mu      sync.Mutex
	results map[snapshot.Section][]snapshot.Coverage // of the parts of each section

	auditor             string // the systemuserid of the identity that reads
	organizationID      string
	principalNames      dataverse.PrincipalNames // the principals that advice can name
	organization        organization
	users               []User
	user                *User // the integration user; nil unless exactly one user matches
	separateMemberships bool  // the environment does not return roles and teams with users
	teams               []team
	teamRolesRequested  bool
	units               []unit
	definitions         []privilegeDefinition
	rolesByName         []role // root roles with a matching name
	confirmedRoles      map[string]role
	requestedRoots      map[string]bool // root roles with privileges that were requested
	grants              map[string]roleGrants
	owners              []User
	auditorViews        []view
	ownerViews          []view
	userViews           []view
	systemViews         []systemView
	shares              []Share
	shareTableErr       error              // why the table of shares could not be read
	sharesRequested     map[string]bool    // views with shares that were requested one by one
	auditorGrants       map[string][]Grant // by the privilege's name in lower case
	privilegeNames      map[string]string  // names in lower case by the privileges' ids
}

// A part of a round runs in parallel with the others.
type part = func(context.Context) error

// parallel runs do n times at once. The client limits how many requests run at the same time.
func parallel(ctx context.Context, n int, do func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}
