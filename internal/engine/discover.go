package engine

import (
	"context"
	"errors"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Discovery is the report of policy/dbaudit/discovery on the application users of an
// environment.
type Discovery struct {
	Users        []DiscoveredUser `json:"users"`
	Integrations []Proposal       `json:"integrations"`
	PassedOver   []PassedOverUser `json:"passed_over"`
	Unread       []UnreadSection  `json:"unread"`
}

// A DiscoveredUser is an application user with its roles.
type DiscoveredUser struct {
	User          audit.Subject    `json:"user"`
	ApplicationID string           `json:"application_id"`
	BusinessUnit  string           `json:"business_unit"`
	Disabled      bool             `json:"disabled"`
	Roles         []DiscoveredRole `json:"roles"`
	// Fits are the profiles that the user matches, the best match first.
	Fits      []Fit                `json:"fits"`
	Dangerous []DangerousPrivilege `json:"dangerous"`
	// Unknown lists what was not read about this user.
	Unknown []string `json:"unknown"`
}

// A DiscoveredRole is a role of a user. Its ID is the id of the role's root.
type DiscoveredRole struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Administrator is the name of the administrator template of the role; empty for other roles.
	Administrator string `json:"administrator"`
	// Ways says how the role is assigned to the user; empty if the assignment has no effect.
	Ways []string `json:"ways"`
	// Reservations says why it is unknown whether the role has an effect, or why it has none.
	Reservations []string `json:"reservations"`
}

// A Fit is a profile that a user matches.
type Fit struct {
	Profile string `json:"profile"`
	// By is what matches: application-id, user or role.
	By string `json:"by"`
	// Granted is the number of privileges of the minimum that are granted, at any depth; nil if
	// not all roles of the user were read.
	Granted *int `json:"granted"`
	// Required is the number of privileges of the minimum.
	Required int `json:"required"`
}

// A DangerousPrivilege is one that the best matching profile neither requires nor allows.
type DangerousPrivilege struct {
	Name string `json:"name"`
	// Lets says what the privilege lets its holder do.
	Lets  string   `json:"lets"`
	Depth string   `json:"depth"`
	Roles []string `json:"roles"`
}

// A Proposal is an integration that the configuration could name.
type Proposal struct {
	Profile       string        `json:"profile"`
	ApplicationID string        `json:"application_id"`
	Role          string        `json:"role"`
	User          audit.Subject `json:"user"`
}

// A PassedOverUser is a user that matches a profile for which another user is proposed.
type PassedOverUser struct {
	Profile string        `json:"profile"`
	User    audit.Subject `json:"user"`
}

// An UnreadSection is a section that was not read, or only in part.
type UnreadSection struct {
	Section string `json:"section"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
}

const discoveryRef = "data.dbaudit.discovery.report"

// Discover reports on the roles of the application users of an environment, and on the profiles
// that the users match. The snapshot must contain all application users.
func (e *Engine) Discover(ctx context.Context, s *snapshot.Snapshot, profiles []profile.Profile, limit time.Duration) (Discovery, error) {
	if s.Source != snapshot.SourceEnvironment || s.Scope == snapshot.ScopeIntegration {
		return Discovery{}, errors.New("the snapshot has not all application users: collect it with `dbaudit collect --scope environment`")
	}
	if err := s.CheckApplicationUsers(); err != nil {
		return Discovery{}, err
	}
	q, err := e.prepare(ctx, discoveryRef, profiles...)
	if err != nil {
		return Discovery{}, err
	}
	var d Discovery
	err = q.evaluate(ctx, s, limit, &d)
	return d, err
}
