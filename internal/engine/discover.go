package engine

import (
	"context"
	"errors"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Discovery is what policy/dbaudit/discovery says of the application users of an
// environment.
type Discovery struct {
	Users        []DiscoveredUser `json:"users"`
	Integrations []Proposal       `json:"integrations"`
	// PassedOver fit a profile that another user is proposed for.
	PassedOver []PassedOver `json:"passed_over"`
	Unread     []Unread     `json:"unread"`
}

// A DiscoveredUser is an application user, with what it holds.
type DiscoveredUser struct {
	User          audit.Subject    `json:"user"`
	ApplicationID string           `json:"application_id"`
	BusinessUnit  string           `json:"business_unit"`
	Disabled      bool             `json:"disabled"`
	Roles         []DiscoveredRole `json:"roles"`
	// Fits are the profiles that the user fits, the best first.
	Fits      []Fit       `json:"fits"`
	Dangerous []Dangerous `json:"dangerous"`
	// Unknown says what was not read of this user.
	Unknown []string `json:"unknown"`
}

// A DiscoveredRole is a role that a user holds, by its root.
type DiscoveredRole struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Administrator is the administrator's template that the role is of; empty for others.
	Administrator string `json:"administrator"`
	// Ways are how the role is assigned to the user; empty if it is assigned but has no
	// effect.
	Ways         []string `json:"ways"`
	Reservations []string `json:"reservations"`
}

// A Fit is a profile that a user may be the integration of.
type Fit struct {
	Profile string `json:"profile"`
	// By is application-id, user or role: what names the vendor.
	By string `json:"by"`
	// Granted is how much of the minimum is granted at any level; nil where not all was
	// read that hangs on it.
	Granted  *int `json:"granted"`
	Required int  `json:"required"`
}

// Dangerous is a dangerous privilege that no one asks for.
type Dangerous struct {
	Name  string   `json:"name"`
	Lets  string   `json:"lets"`
	Depth string   `json:"depth"`
	Roles []string `json:"roles"`
}

// A Proposal is an integration to judge.
type Proposal struct {
	Profile       string        `json:"profile"`
	ApplicationID string        `json:"application_id"`
	Role          string        `json:"role"`
	User          audit.Subject `json:"user"`
}

// PassedOver is a user that fits the profile of a proposal whose user is another.
type PassedOver struct {
	Profile string        `json:"profile"`
	User    audit.Subject `json:"user"`
}

// Unread is a section that was not read, or not whole.
type Unread struct {
	Section string `json:"section"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
}

const discoveryRef = "data.dbaudit.discovery.report"

// Discover says what the application users of an environment hold and which of the
// profiles they fit. The snapshot must have all of them.
func (e *Engine) Discover(ctx context.Context, s *snapshot.Snapshot, profiles []profile.Profile, limit time.Duration) (Discovery, error) {
	if s.Source != snapshot.SourceEnvironment || s.Scope == snapshot.ScopeIntegration {
		return Discovery{}, errors.New("the snapshot has not all application users: collect it with `dbaudit collect --scope environment`")
	}
	if err := s.CheckUsers(); err != nil {
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
