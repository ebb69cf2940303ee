// Package doctor examines, before a scan, whether it will work: one check after
// the other, from the host's name to each read that the collector needs. It says of
// each what was found, what is missing and where to grant it. After a cause that blocks
// everything (a disabled environment, a blocked application), nothing else is checked, and
// the cause is reported once. It also knows the least role that an auditor needs ([Least],
// [RoleXML]), and what whoever applies a plan lacks ([ExamineApplication]).
//
// It reads only, a row or two at a time, and keeps nothing. Checks are data; what
// they look like is the command line's business.
//
// Sources, of Microsoft's documentation: "Use the Microsoft Dataverse Web API",
// "Impersonate another user using the Web API", "Security roles and privileges",
// "Security role UI to privilege mapping", "Solution component file reference",
// "Assign security roles to users".
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Outcome is how a check ended.
type Outcome int

// The outcomes.
const (
	Unknown Outcome = iota
	Passed
	Warned  // a scan works, but something should not stay so
	Failed  // a scan cannot work, or reads too little
	Skipped // it could not be checked, or there is nothing to check
)

// String gives the outcome's name in lower case.
func (o Outcome) String() string {
	switch o {
	case Passed:
		return "pass"
	case Warned:
		return "warning"
	case Failed:
		return "fail"
	case Skipped:
		return "skipped"
	case Unknown:
	}
	return "unknown"
}

// MarshalText writes the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// A Privilege is what an identity needs for a read.
type Privilege struct {
	Name  string         `json:"name"`
	Depth snapshot.Depth `json:"depth"`
	// Where is the row of the security role editor that grants it, empty where the
	// environment alone knows the privilege.
	Where string `json:"where"`
}

// A Check is one thing that was examined.
type Check struct {
	// ID is stable: address, tls, tenant, sign-in, membership, version, read-…,
	// impersonation, apply-needs, apply-grants, clock, credential.
	ID      string  `json:"id"`
	Title   string  `json:"title"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"` // what was found
	Advice  string  `json:"advice"` // what to do, empty where there is nothing
	// Privilege is the one that is missing or too shallow, nil where none is.
	Privilege *Privilege `json:"privilege,omitempty"`
}

// Config says what to examine, as a scan would be given it.
type Config struct {
	SignIn signin.Config
	// Client is how the environment is read; its URL and Tokens are filled in.
	Client dataverse.Options
	// Requirement names the integration user and the views' owners, who are looked
	// as by impersonation; Pattern is the profile's, where no user is named.
	Requirement snapshot.Requirement
	Pattern     string
	// LookupHost finds a host's addresses; nil skips the check.
	LookupHost func(ctx context.Context, host string) ([]string, error)
	// Proxied says that a proxy is used, which resolves names itself.
	Proxied bool
	Now     func() time.Time
	// Progress is called for each check when it begins. May be nil.
	Progress func(title string)
}

// Examine makes every check and returns them in order. Only the context's end
// cuts it short.
func Examine(ctx context.Context, c Config) ([]Check, error) {
	x := newExamination(c)
	return x.run(ctx, x.address, x.transport, x.tenant, x.signIn, x.membership, x.version, x.reads, x.impersonation, x.clock, x.credential)
}

func newExamination(c Config) *examination {
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return &examination{Config: c, known: dataverse.Known{}, told: map[string]string{}}
}

// run makes one check after the other until the context ends.
func (x *examination) run(ctx context.Context, steps ...func(context.Context)) ([]Check, error) {
	for _, step := range steps {
		step(ctx)
		if ctx.Err() != nil {
			return x.checks, fmt.Errorf("examining the environment: %w", context.Cause(ctx))
		}
	}
	return x.checks, nil
}

// examination is the state of one Examine or ExamineApplication.
type examination struct {
	Config

	checks  []Check
	skew    *time.Duration // by the environment's first answer
	session *signin.Session
	client  *dataverse.Client
	asker   *collector.Asker
	// unreachable is why nothing can be read, empty where something may be.
	unreachable string
	self        dataverse.GUID            // the identity's systemuserid
	held        map[string]snapshot.Depth // the identity's privileges, nil where they are not known
	heldError   error                     // why they are not known
	known       dataverse.Known           // whom a refusal may name, as advice calls them
	told        map[string]string         // each reason that was told, and the title of the check that told it
	users       bool                      // whether users can be read
	fresh       bool                      // whether privileges are read past the caches of permissions
}

func (x *examination) add(c Check) { x.checks = append(x.checks, c) }

// fail adds a check that an error ended. What stands against every further request
// ends the examination; a reason that was told is not told again.
func (x *examination) fail(id, title string, err error) {
	c := Check{ID: id, Title: title, Outcome: Failed}
	c.Detail, c.Advice = describe(err)
	var read *dataverse.Error
	if errors.As(err, &read) && read.Status != 0 {
		c.Advice = read.AdviceFor(x.known)
		if read.Total() {
			x.unreachable = read.Cause().String()
		}
		reason := fmt.Sprint(read.Status, read.Code, read.Message, read.Impersonated)
		if before, again := x.told[reason]; again && read.Cause() != dataverse.CausePrivilege {
			c.Detail, c.Advice = fmt.Sprintf("%s, for the same reason as %q", read.Kind, before), ""
		} else {
			x.told[reason] = title
		}
	}
	x.add(c)
}

// describe takes an error's advice apart from what happened.
func describe(err error) (detail, advice string) {
	var read *dataverse.Error
	var auth *signin.AuthError
	switch {
	case errors.As(err, &auth):
		return strings.TrimSuffix(err.Error(), ": "+auth.Advice), auth.Advice
	case errors.As(err, &read):
		return read.Summary(), read.Advice()
	}
	return err.Error(), ""
}

// skip adds a check that could not be made, and reports whether that is so.
func (x *examination) skip(id, title string) bool {
	if x.unreachable == "" {
		return false
	}
	x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: " + x.unreachable + ", see above"})
	return true
}
