package signin

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// ConfigError says what is missing from or wrong with the configuration, and
// which flag or variable sets it.
type ConfigError struct{ Message string }

func (e *ConfigError) Error() string { return e.Message }

// AuthError is a sign-in that failed. It holds nothing secret.
type AuthError struct {
	Code    string // AADSTS7000215, or the OAuth code (invalid_client); may be empty
	Message string // what the other side says, one line
	Advice  string // what it means, the likeliest cause, the next step
	// CorrelationID and TraceID are what Microsoft's support asks for.
	CorrelationID, TraceID string
	Status                 int // HTTP status, 0 where there was no answer

	oauth string // OAuth's own code, beside Entra's
	cause error
	early bool // before anybody was asked to sign in
}

// Error says what failed and what to do next.
func (e *AuthError) Error() string {
	var b strings.Builder
	if e.early {
		return strings.Trim(strings.TrimRight(e.Message, ". ")+": "+e.Advice, ": ")
	}
	b.WriteString("sign-in failed")
	var facts []string
	if e.Code != "" {
		facts = append(facts, e.Code)
	}
	if e.Status != 0 && e.Code == "" {
		facts = append(facts, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.CorrelationID != "" {
		facts = append(facts, "correlation id "+e.CorrelationID)
	}
	if e.TraceID != "" {
		facts = append(facts, "trace id "+e.TraceID)
	}
	if len(facts) > 0 {
		b.WriteString(" (" + strings.Join(facts, ", ") + ")")
	}
	if e.Message != "" {
		b.WriteString(": " + strings.TrimRight(e.Message, ". "))
	}
	if e.Advice != "" {
		b.WriteString(": " + e.Advice)
	}
	return b.String()
}

// Unwrap gives a cause that holds no part of an answer, such as a network error
// or context.Canceled.
func (e *AuthError) Unwrap() error { return e.cause }

// denial is the body of a token endpoint's refusal.
type denial struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	CorrelationID string `json:"correlation_id"`
	TraceID       string `json:"trace_id"`
}

// refusal makes an AuthError of a token endpoint's answer. Only the members that
// are known to be harmless are taken from it.
func refusal(status int, body []byte, scrub scrubber) *AuthError {
	e := &AuthError{Status: status}
	var d denial
	if json.Unmarshal(body, &d) != nil || d.Error == "" && d.Description == "" {
		e.Message = fmt.Sprintf("the sign-in host answered with HTTP %d and nothing that can be read", status)
		e.Advice = statusAdvice(status)
		return e
	}
	e.Code = aadsts(d)
	e.CorrelationID = idOnly(d.CorrelationID)
	e.TraceID = idOnly(d.TraceID)
	// Before the text is cut: half a secret would not be recognised.
	d.Description, d.Error = scrub.text(d.Description), scrub.text(d.Error)
	e.Message, e.oauth = describe(d), strings.ToLower(d.Error)
	e.Advice = advise(e.Code, e.oauth)
	return e
}

// aadsts gives Entra's own code, which says more than OAuth's.
func aadsts(d denial) string {
	if m := regexp.MustCompile(`AADSTS\d{3,8}`).FindString(d.Description); m != "" {
		return m
	}
	if len(d.Codes) > 0 && d.Codes[0] > 0 {
		return fmt.Sprintf("AADSTS%d", d.Codes[0])
	}
	if code := strings.ToLower(d.Error); regexp.MustCompile(`^[a-z_]{1,40}$`).MatchString(code) {
		return code
	}
	return ""
}

// describe removes the code from the beginning and the ids from the end of Entra's text.
func describe(d denial) string {
	text := dataverse.Printable(d.Description)
	text = regexp.MustCompile(`^AADSTS\d+: *`).ReplaceAllString(text, "")
	if i := strings.Index(text, " Trace ID:"); i >= 0 {
		text = text[:i]
	}
	if text == "" {
		return dataverse.Printable(d.Error)
	}
	return text
}

func idOnly(s string) string {
	if id, err := dataverse.ParseGUID(s); err == nil {
		return id.String()
	}
	return ""
}

// scrubber removes secrets from a text.
type scrubber struct{ secrets []dataverse.Secret }

func (s scrubber) text(t string) string {
	for _, secret := range s.secrets {
		t = dataverse.Redact(t, secret)
	}
	// Assertions and tokens are recognised by their form.
	t = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*)*`).ReplaceAllString(t, "[redacted]")
	return dataverse.Printable(t)
}

func statusAdvice(status int) string {
	switch {
	case status == 404:
		return "check --tenant-id, --authority and that the environment's cloud is the right one"
	case status >= 300 && status <= 399:
		return "it redirects, which is not followed: check --authority"
	case status == 429 || status >= 500:
		return "the sign-in service is busy or down: try again later"
	}
	return "check --authority, and any proxy in between"
}

// advise says what a code means, its likeliest cause and the next step.
func advise(code, oauth string) string {
	switch code {
	case "AADSTS7000215":
		return "the client secret is wrong: DBAUDIT_CLIENT_SECRET must hold the secret's value, which is shown once when it is made, not its id; " +
			"make a new one under App registrations > (the app) > Certificates & secrets"
	case "AADSTS7000222":
		return "the client secret has expired: make a new one under App registrations > (the app) > Certificates & secrets and put its value into DBAUDIT_CLIENT_SECRET"
	case "AADSTS700016", "AADSTS700011":
		return "the tenant has no such app: check --client-id and --tenant-id; an app of another tenant needs an administrator's consent in this one"
	case "AADSTS7000229":
		return "the app has no service principal in this tenant: an administrator must add it there (New-MgServicePrincipal, or consent)"
	case "AADSTS500014":
		return "Dataverse itself is disabled in this tenant: an Entra administrator enables it under Enterprise applications > Dataverse > Properties"
	case "AADSTS7000112", "AADSTS70001":
		return "the app is disabled in this tenant: enable it under Enterprise applications > (the app) > Properties"
	case "AADSTS90002", "AADSTS900023", "AADSTS50059", "AADSTS50128", "AADSTS50194", "AADSTS900971":
		return "there is no such tenant: check --tenant-id (a GUID or a domain), and that the environment's cloud is the right one"
	case "AADSTS500011":
		return "the tenant knows no such environment: check --url, and that --tenant-id is the tenant that the environment belongs to"
	case "AADSTS1002012", "AADSTS70011":
		return "the scope made of the environment's address is not accepted: check --url"
	case "AADSTS700027", "AADSTS700030", "AADSTS5002738":
		return "the certificate's signature is not accepted: upload this certificate's public part under App registrations > (the app) > Certificates & secrets, " +
			"check that it has not expired, and that the clock of this machine is right"
	case "AADSTS5000811", "AADSTS5000819", "AADSTS50013", "AADSTS50146":
		return "the signature of what this sign-in presents cannot be verified: the key that signed it is not, or no longer, one that Entra has registered for it"
	case "AADSTS700024":
		return "the assertion is not valid at this time: check the clock of this machine, and that the federated token file is kept fresh"
	case "AADSTS70021", "AADSTS700211", "AADSTS700212", "AADSTS700213", "AADSTS700223":
		return "no federated credential of the app fits the platform's token: compare its issuer, subject and audience with " +
			"App registrations > (the app) > Certificates & secrets > Federated credentials"
	case "AADSTS7000218", "AADSTS7000216":
		return "the app registration wants a secret here: for people, allow public client flows under App registrations > (the app) > Authentication"
	case "AADSTS700025":
		return "the app is a public client, which cannot have a secret or certificate: use an app registration of its own for programs"
	case "AADSTS50011":
		return "the app registration does not allow this redirect: add http://localhost under Authentication > Mobile and desktop applications"
	case "AADSTS501051":
		return "this app is not assigned to Dataverse, and the tenant requires that: an Entra administrator assigns it under Enterprise applications > Dataverse > Users and groups, " +
			"or sets Assignment required to No there"
	case "AADSTS65001", "AADSTS65004", "AADSTS90094", "AADSTS650052", "AADSTS650056", "AADSTS650057":
		return "nobody has consented to this app's access to Dataverse: an administrator grants it under App registrations > (the app) > API permissions"
	case "AADSTS50105":
		return "the user is not assigned to this app: assign it under Enterprise applications > (the app) > Users and groups"
	case "AADSTS50074", "AADSTS50076", "AADSTS50079", "AADSTS50158", "AADSTS500121", "AADSTS53004":
		return "more than a password is asked of this user: sign in again by dbaudit login"
	case "AADSTS530004":
		return "the tenant requires a compliant device and does not accept that of a guest's home tenant: an Entra administrator changes that under " +
			"External Identities > Cross-tenant access settings > Trust settings, or sign in by an account of this tenant"
	case "AADSTS53000", "AADSTS53001", "AADSTS53002", "AADSTS53003", "AADSTS53010", "AADSTS53011", "AADSTS530003", "AADSTS530021", "AADSTS530032", "AADSTS530034", "AADSTS530035",
		"AADSTS50005", "AADSTS50097", "AADSTS50129", "AADSTS50131", "AADSTS50155", "AADSTS50187":
		return "a conditional access policy refuses this sign-in: ask an administrator to look it up by the correlation id in the sign-in logs"
	case "AADSTS500212", "AADSTS500213":
		return "a cross-tenant access policy refuses this sign-in: Entra administrators of both tenants compare External Identities > Cross-tenant access settings"
	case "AADSTS50034", "AADSTS50020", "AADSTS51004", "AADSTS90072", "AADSTS500341":
		return "the user is not known in this tenant: check the account and --tenant-id; a guest must be invited first"
	case "AADSTS50055", "AADSTS50144":
		return "the password has expired: change it at the account's own page, then sign in again by dbaudit login"
	case "AADSTS50053", "AADSTS50057":
		return "the account is locked or disabled: ask an administrator"
	case "AADSTS50126":
		return "user name or password is wrong: try again"
	case "AADSTS70000", "AADSTS70043", "AADSTS700082", "AADSTS50089", "AADSTS50132", "AADSTS50133", "AADSTS50173", "AADSTS50078", "AADSTS70008", "AADSTS700084":
		return "the saved sign-in is no longer valid: sign in again by dbaudit login"
	case "AADSTS70019", "AADSTS70020":
		return "the device code has expired: start again and enter the new one within its time"
	case "AADSTS90033", "AADSTS90009", "AADSTS50196":
		return "the sign-in service is not available for the moment: try again later"
	}
	switch oauth {
	case "invalid_client":
		return "the app's credentials are not accepted: check --client-id and the secret or certificate"
	case "unauthorized_client":
		return "this app may not sign in this way: check --client-id, --auth and the app registration's settings"
	case "invalid_grant", "interaction_required":
		return "sign in again by dbaudit login"
	case "invalid_scope", "invalid_target", "invalid_resource":
		return "the environment is not known to this sign-in host: check --url, --tenant-id and --authority"
	case "access_denied", "authorization_declined":
		return "the sign-in was declined: try again, or ask an administrator"
	case "expired_token", "code_expired":
		return "the code has expired: start again and enter the new one within its time"
	case "temporarily_unavailable", "server_error":
		return "the sign-in service is not available for the moment: try again later"
	}
	return "look the code up in Microsoft's list of Entra error codes (login.microsoftonline.com/error), or give the correlation id to Microsoft's support"
}

// fit adapts the advice to the sign-in method: an app cannot sign in interactively, and has
// no device.
func (e *AuthError) fit(m Method) {
	if e.Code == "" && e.oauth == "" {
		return // not Entra's refusal, or advised by the method itself
	}
	if advice := adviseFor(m, e.Code); advice != "" {
		e.Advice = advice
		return
	}
	const again = "sign in again by dbaudit login"
	switch {
	case m == AzureCLI:
		e.Advice = strings.ReplaceAll(e.Advice, again, "sign in again by az login")
	case !m.byPerson() && strings.Contains(e.Advice, again):
		e.Advice = "Entra asks for a person here, and sign-in by " + m.String() + " has none: check that --client-id is an app registration with this credential, " +
			"and ask an Entra administrator to look the code up in the sign-in logs (Service principal sign-ins)"
	case !m.byPerson() && strings.HasPrefix(e.Advice, "the sign-in was declined"):
		e.Advice = "the app is refused: ask an Entra administrator to look it up by the correlation id in the sign-in logs (Service principal sign-ins)"
	}
}

// adviseFor knows the codes whose next step depends on the method; "" for others.
func adviseFor(m Method, code string) string {
	app := !m.byPerson() && m != AzureCLI
	switch code {
	case "AADSTS5000811", "AADSTS5000819", "AADSTS50013", "AADSTS50146":
		switch m {
		case Certificate:
			return "the key that signed the assertion is not registered for the app: upload the public part of the certificate in use under App registrations > (the app) > Certificates & secrets"
		case WorkloadIdentity:
			return "the platform's token is signed by a key that Entra does not find at its issuer: check that the federated credential names the right issuer, " +
				"and that the issuer publishes its current keys (its jwks_uri)"
		case DeviceCode, Interactive, AzureCLI:
			return "the account is federated, and its identity provider signs by a certificate that Entra does not have: an Entra administrator updates the provider's signing certificate"
		case ClientSecret, ManagedIdentity, Auto:
		}
	case "AADSTS530004", "AADSTS53000", "AADSTS53001", "AADSTS53002", "AADSTS53003", "AADSTS530003", "AADSTS530032", "AADSTS50131":
		if app {
			return "a conditional access policy refuses this app, which has no device and no person: an Entra administrator looks it up in the sign-in logs (Service principal sign-ins), " +
				"and allows the app's network or excludes the app from the policy"
		}
		if m == AzureCLI && code != "AADSTS530004" {
			return "a conditional access policy refuses the Azure CLI's sign-in: run az login again on a device that the policy allows, or sign in by an app of your own (--auth client-secret or certificate)"
		}
	case "AADSTS501051":
		if m == ManagedIdentity {
			return "the managed identity is not assigned to Dataverse, and the tenant requires that: an Entra administrator assigns it under Enterprise applications > Dataverse > Users and groups, " +
				"or sets Assignment required to No there"
		}
	}
	return ""
}

// Lasting reports whether the sign-in fails until somebody changes something: a wrong
// credential, a consent that was revoked. The opposite may be over when it is tried again.
func (e *AuthError) Lasting() bool {
	switch {
	case e.cause != nil, isPassing(e.Status):
		return false
	case e.Code == "AADSTS90033", e.Code == "AADSTS90009", e.Code == "AADSTS50196":
		return false // the service is not available for the moment
	}
	return e.oauth != "temporarily_unavailable" && e.oauth != "server_error"
}
