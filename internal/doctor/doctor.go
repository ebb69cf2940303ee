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
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
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

func (x *examination) address(ctx context.Context) {
	const id, title = "address", "name resolution"
	x.Progress(title)
	origin, err := dataverse.ParseEnvironment(x.SignIn.EnvironmentURL)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	u, err := url.Parse(origin)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	host := u.Hostname()
	switch {
	case net.ParseIP(host) != nil:
		x.add(Check{ID: id, Title: title, Outcome: Passed, Detail: host + " is an address already"})
		return
	case x.LookupHost == nil:
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "names cannot be looked up here"})
		return
	}
	addresses, err := x.LookupHost(ctx, host)
	switch {
	case err == nil:
		x.add(Check{ID: id, Title: title, Outcome: Passed, Detail: host + " is " + strings.Join(addresses, ", ")})
	case x.Proxied:
		x.add(Check{ID: id, Title: title, Outcome: Warned, Detail: dataverse.Printable(err.Error()), Advice: "the proxy may know the name: see the next check"})
	default:
		x.add(Check{ID: id, Title: title, Outcome: Failed, Detail: dataverse.Printable(err.Error()), Advice: dataverse.ConnectionAdvice(err)})
	}
}

// patience bounds an exchange that is not repeated.
const patience = 30 * time.Second

// transport asks without a token, which the environment refuses: that it answers
// at all, over TLS that is trusted, is the point.
func (x *examination) transport(ctx context.Context) {
	const id, title = "tls", "TLS"
	x.Progress(title)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	origin, err := dataverse.ParseEnvironment(x.SignIn.EnvironmentURL)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/api/data/v9.2/", nil)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	response, err := x.SignIn.Transport.RoundTrip(request)
	if err != nil {
		// What does not answer now is not waited for in the checks that follow.
		x.SignIn.Sleep = func(context.Context, time.Duration) error { return errors.New("not worth a wait") }
		x.add(Check{ID: id, Title: title, Outcome: Failed, Detail: dataverse.Printable(err.Error()), Advice: dataverse.ConnectionAdvice(err)})
		return
	}
	_ = response.Body.Close()
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		skew := date.Sub(x.Now()).Truncate(time.Second)
		x.skew = &skew
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: "the certificate is trusted"}
	if state := response.TLS; state != nil {
		c.Detail = tls.VersionName(state.Version) + ", the certificate is trusted"
		if state.Version < tls.VersionTLS12 {
			c.Outcome, c.Advice = Failed, "TLS 1.2 is the least that a token is sent over: check any proxy in between"
		}
		if len(state.PeerCertificates) > 0 {
			leaf := state.PeerCertificates[0]
			c.Detail += fmt.Sprintf(" (by %s, until %s)", dataverse.Printable(leaf.Issuer.CommonName), leaf.NotAfter.UTC().Format(time.DateOnly))
		}
	}
	x.add(c)
}

// tenant reads the challenge of the 401.
func (x *examination) tenant(ctx context.Context) {
	const id, title = "tenant", "401 challenge"
	x.Progress(title)
	found, err := signin.Discover(ctx, x.SignIn)
	given := x.SignIn.TenantID
	if err != nil {
		x.fail(id, title, err)
		if given != "" { // signing in can do without
			x.checks[len(x.checks)-1].Outcome = Warned
		}
		return
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: "the environment belongs to tenant " + found.Tenant}
	if cloud, known := signin.CloudOf(x.SignIn.EnvironmentURL); known {
		c.Detail += " in the " + cloud.String() + " cloud"
	}
	if _, err := dataverse.ParseGUID(given); err == nil && !strings.EqualFold(given, found.Tenant) {
		c.Outcome = Failed
		c.Detail += ", and " + given + " is configured"
		c.Advice = "leave --tenant-id (DBAUDIT_TENANT_ID, tenant_id:) out, or set it to " + found.Tenant
	}
	x.add(c)
}

func (x *examination) signIn(ctx context.Context) {
	const id, title = "sign-in", "sign-in"
	x.Progress(title)
	x.unreachable = "sign-in failed"
	session, err := signin.Open(ctx, x.SignIn)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	x.session = session
	token, err := session.Token(ctx, dataverse.TokenOptions{})
	if err != nil {
		x.fail(id, title, err)
		return
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: session.Describe()}
	if !token.ExpiresAt.IsZero() {
		c.Detail += fmt.Sprintf("; the token is good for %s", token.ExpiresAt.Sub(x.Now()).Round(time.Minute))
	}
	if warnings := session.Warnings(); len(warnings) > 0 {
		c.Outcome, c.Advice = Warned, strings.Join(warnings, "; ")
	}
	x.add(c)
	o := x.Client
	o.URL, o.Tokens = session.Origin(), session
	if x.client, err = dataverse.New(o); err != nil {
		x.fail(id, title, err)
		return
	}
	x.asker = collector.NewAsker(x.client, x.fresh)
	x.unreachable = ""
}

// skip adds a check that could not be made, and reports whether that is so.
func (x *examination) skip(id, title string) bool {
	if x.unreachable == "" {
		return false
	}
	x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: " + x.unreachable + ", see above"})
	return true
}

func (x *examination) membership(ctx context.Context) {
	const id, title = "membership", "member of the organization"
	if x.skip(id, title) {
		return
	}
	x.Progress(title)
	var answer struct{ UserId, OrganizationId, BusinessUnitId dataverse.GUID } //nolint:revive // the Web API's names
	err := x.get(ctx, dataverse.Function("WhoAmI").Request("who am I"), &answer)
	if err != nil {
		x.fail(id, title, err)
		var refused *dataverse.Error
		if x.unreachable == "" && errors.As(err, &refused) && refused.Status != 0 {
			// Who may ask nothing else may ask this.
			x.unreachable = "the environment refuses this identity: " + refused.Kind.String()
			if cause := refused.Cause(); cause != dataverse.CauseUnknown {
				x.unreachable = "the environment refuses this identity: " + cause.String()
			}
		}
		return
	}
	x.self = answer.UserId
	x.known[x.self] = "this identity"
	x.add(Check{ID: id, Title: title, Outcome: Passed, Detail: fmt.Sprintf("user %s of organization %s", answer.UserId, answer.OrganizationId)})
	x.held, x.heldError = x.privilegesHeld(ctx)
}

func (x *examination) version(ctx context.Context) {
	const id, title = "version", "version"
	if x.skip(id, title) {
		return
	}
	x.Progress(title)
	var answer struct{ Version string }
	if err := x.get(ctx, dataverse.Function("RetrieveVersion").Request("version"), &answer); err != nil {
		x.fail(id, title, err)
		return
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: "Dataverse " + dataverse.Printable(answer.Version)}
	if !strings.HasPrefix(answer.Version, "9.") {
		c.Outcome, c.Advice = Warned, "dbaudit is made for Web API v9.2: see which of the reads below fail"
	}
	x.add(c)
}

// Beyond these the environment's clock and ours disagree so far that signed
// assertions and tokens are refused, or soon will be.
const (
	skewWarned = time.Minute
	skewFailed = 5 * time.Minute
)

func (x *examination) clock(context.Context) {
	const id, title = "clock", "clock"
	skew := x.skew
	if x.client != nil {
		if last, ok := x.client.Skew(); ok {
			skew = &last
		}
	}
	if skew == nil {
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: the environment did not answer"})
		return
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: "this machine and the environment agree"}
	off := skew.Abs().Round(time.Second)
	if off > time.Second {
		c.Detail = fmt.Sprintf("this machine is %s %s the environment", off, map[bool]string{true: "behind", false: "ahead of"}[*skew > 0])
	}
	switch {
	case off > skewFailed:
		c.Outcome, c.Advice = Failed, "set the clock: beyond five minutes Entra refuses what this machine signs"
	case off > skewWarned:
		c.Outcome, c.Advice = Warned, "set the clock: beyond five minutes Entra refuses what this machine signs"
	}
	x.add(c)
}

// expiresSoon is when the expiry of a credential is worth a warning.
const expiresSoon = 30

func (x *examination) credential(context.Context) {
	const id, title = "credential", "credential expiry"
	if x.session == nil {
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: sign-in failed"})
		return
	}
	until, known := x.session.CredentialExpiry()
	if !known {
		c := Check{ID: id, Title: title, Outcome: Skipped, Detail: "sign-in by " + x.session.Method().String() + " has no end that can be known here"}
		if x.session.Method() == signin.ClientSecret {
			c.Detail = "Entra does not tell an app when its secret expires"
			c.Advice = "look it up under App registrations > (the app) > Certificates & secrets"
		}
		x.add(c)
		return
	}
	days := int(until.Sub(x.Now()).Hours() / 24)
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: fmt.Sprintf("the certificate expires in %d days, on %s", days, until.UTC().Format(time.DateOnly))}
	if days < expiresSoon {
		c.Outcome = Warned
		c.Advice = "make a new one, and add its public part under App registrations > (the app) > Certificates & secrets"
	}
	x.add(c)
}
