// Package doctor checks whether a scan will work, from the host's name to each read of the
// collector. Each check says what was found, what is missing and where to grant it. A cause
// that blocks everything (a disabled environment, a blocked application) is reported once, and
// the other checks are skipped. The package also has the minimal role of an auditor ([AuditorPrivileges],
// [RoleXML]), and finds what the identity that applies a plan lacks ([ExamineApplication]).
//
// It sends read requests only, most of them for a row or two.
//
// Sources, of Microsoft's documentation: "Use the Microsoft Dataverse Web API",
// "Impersonate another user using the Web API", "Security roles and privileges",
// "Security role UI to privilege mapping", "Solution component file reference",
// "Assign security roles to users".
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Outcome is the result of a check.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "pass"
	Warned  Outcome = "warning" // a scan works, but something should be changed
	Failed  Outcome = "fail"    // a scan cannot work, or reads too little
	Skipped Outcome = "skipped" // it could not be checked, or there is nothing to check
)

// A Privilege is one that an identity needs.
type Privilege struct {
	Name  string      `json:"name"`
	Depth audit.Depth `json:"depth"`
	// Where is the row of the security role editor that grants it; empty if unknown.
	Where string `json:"where"`
}

// A Check is one thing that was examined.
type Check struct {
	// ID is stable: address, tls, tenant, sign-in, membership, version, read-…,
	// impersonation, apply-needs, apply-grants, clock, credential, remaining (what the time
	// was too short for, or the settings prevent).
	ID      string  `json:"id"`
	Title   string  `json:"title"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"` // what was found
	Advice  string  `json:"advice"` // what to do, empty if nothing
	// Privilege is the one that is missing or not deep enough, or nil.
	Privilege *Privilege `json:"privilege,omitempty"`
}

// Config says what to examine, as for a scan.
type Config struct {
	SignIn signin.Config
	// Client is how the environment is read; its URL and Tokens are filled in.
	Client dataverse.Options
	// Requirement names the integration user and the views' owners, who are impersonated;
	// Pattern is the profile's, which finds the user if none is named.
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

// Examine makes every check, in order. Only the end of the context ends it early.
func Examine(ctx context.Context, c Config) ([]Check, error) {
	x := newExamination(c)
	return x.run(ctx, x.connectionSteps(), x.signInSteps(), []step{x.onlineStep("version", "version", x.checkVersion), x.checkReads, x.checkImpersonations}, x.finalSteps())
}

func newExamination(c Config) *examiner {
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return &examiner{Config: c, privilegeNames: namesOf(AuditorPrivileges()), principalNames: dataverse.PrincipalNames{}, reported: map[string]string{}}
}

// run makes one check after the other until the context ends.
func (x *examiner) run(ctx context.Context, steps ...[]step) ([]Check, error) {
	for _, step := range slices.Concat(steps...) {
		step(ctx)
		if ctx.Err() != nil {
			return x.checks, fmt.Errorf("examining the environment: %w", context.Cause(ctx))
		}
	}
	return x.checks, nil
}

// examiner is the state of the checks.
type examiner struct {
	Config

	checks  []Check
	skew    *time.Duration // by the environment's first response
	session *signin.Session
	client  *dataverse.Client
	asker   *collector.StrictReader
	// unreachable is why nothing can be read; empty if something can.
	unreachable    string
	organization   dataverse.GUID           // that of WhoAmI
	userID         dataverse.GUID           // the identity's systemuserid
	privilegeNames []string                 // the privileges that matter
	granted        map[string]audit.Depth   // the identity's privileges; nil if unknown
	grantedErr     error                    // why they are unknown
	principalNames dataverse.PrincipalNames // words of an advice for users that a refusal may name
	reported       map[string]string        // reported reasons, with the titles of their checks
	canReadUsers   bool                     // whether users can be read
	strong         bool                     // whether reads bypass the caches of permissions
}

// depthOf is the depth at which the identity has a privilege; none if unknown.
func (x *examiner) depthOf(privilege string) audit.Depth {
	return x.granted[strings.ToLower(privilege)]
}

// A step makes one or more checks.
type step func(context.Context)

// newStep is a step that makes one check. An error is a failure, unless the check says otherwise.
func (x *examiner) newStep(id, title string, examine func(context.Context) (Check, error)) step {
	return func(ctx context.Context) {
		x.Progress(title)
		c, err := examine(ctx)
		if err != nil {
			failed := x.failedCheck(title, err)
			c.Outcome, c.Detail, c.Advice = cmp.Or(c.Outcome, Failed), failed.Detail, cmp.Or(c.Advice, failed.Advice)
		}
		c.ID, c.Title = id, title
		x.add(c)
	}
}

// onlineStep is a check that is skipped if nothing can be read.
func (x *examiner) onlineStep(id, title string, examine func(context.Context) (Check, error)) step {
	return func(ctx context.Context) {
		if !x.skipIfUnreachable(id, title) {
			x.newStep(id, title, examine)(ctx)
		}
	}
}

func (x *examiner) add(c Check) { x.checks = append(x.checks, c) }

// failedCheck is a check that failed. It notes what blocks every request, and reports a reason once.
func (x *examiner) failedCheck(title string, err error) Check {
	c := Check{Outcome: Failed}
	c.Detail, c.Advice = describe(err)
	var read *dataverse.Error
	if !errors.As(err, &read) || read.Status == 0 {
		return c
	}
	c.Advice = read.AdviceFor(x.principalNames)
	if read.BlocksAllRequests() {
		x.unreachable = read.Cause().String()
	}
	reason := fmt.Sprint(read.Status, read.Code, read.Message, read.Impersonated)
	if before, again := x.reported[reason]; again && read.Cause() != dataverse.CausePrivilege {
		c.Detail, c.Advice = fmt.Sprintf("%s, for the same reason as %q", read.Kind, before), ""
	} else {
		x.reported[reason] = title
	}
	return c
}

// describe separates the advice of an error from what happened.
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

// skipIfUnreachable adds a skipped check if nothing can be read, and reports whether it did.
func (x *examiner) skipIfUnreachable(id, title string) bool {
	if x.unreachable == "" {
		return false
	}
	x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: " + x.unreachable + ", see above"})
	return true
}
