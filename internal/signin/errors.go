package signin

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

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
	Status                 int // HTTP status, 0 if there was no response

	oauth        string // OAuth's own code, beside Entra's
	cause        error
	beforeSignIn bool          // before the sign-in host was asked
	retryable    bool          // a repetition may succeed
	retryAfter   time.Duration // how long the other side asks to wait
}

// Error says what failed and what to do next.
func (e *AuthError) Error() string {
	if e.beforeSignIn {
		return strings.Trim(strings.TrimRight(e.Message, ". ")+": "+e.Advice, ": ")
	}
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
	text := "sign-in failed"
	if len(facts) > 0 {
		text += " (" + strings.Join(facts, ", ") + ")"
	}
	if e.Message != "" {
		text += ": " + strings.TrimRight(e.Message, ". ")
	}
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

// Unwrap returns a cause that holds no part of an answer, such as a network error
// or context.Canceled.
func (e *AuthError) Unwrap() error { return e.cause }

// errorResponse is the body of a token endpoint's refusal.
type errorResponse struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	CorrelationID string `json:"correlation_id"`
	TraceID       string `json:"trace_id"`
}

// refusalError makes an AuthError of a token endpoint's answer, with advice that fits the method.
// It copies only members that contain no secret.
func (c Config) refusalError(status int, header http.Header, body []byte) *AuthError {
	e := c.statusError(status, header)
	var d errorResponse
	if json.Unmarshal(body, &d) != nil || d.Error == "" && d.Description == "" {
		e.Message += " and an unreadable response"
		return e
	}
	e.Code = errorCode(d)
	e.CorrelationID = validID(d.CorrelationID)
	e.TraceID = validID(d.TraceID)
	// Before the text is shortened: half a secret would not be recognized.
	d.Description, d.Error = c.sanitize(d.Description), c.sanitize(d.Error)
	e.Message, e.oauth = errorText(d), strings.ToLower(d.Error)
	e.Advice = advise(c.Method, e.Code, e.oauth)
	return e
}

// statusError is the error of a status.
func (c Config) statusError(status int, header http.Header) *AuthError {
	return &AuthError{
		Status: status, Message: fmt.Sprintf("the sign-in host answered with HTTP %d", status), Advice: statusAdvice(status),
		retryable: dataverse.IsTransient(status), retryAfter: dataverse.RetryAfter(header, c.Now()),
	}
}

// unreadableError is the error of a success that is not JSON: truncated, or from another sender.
func unreadableError() *AuthError {
	return &AuthError{Message: "the sign-in host's answer cannot be read", Advice: "check --authority, and any proxy in between", retryable: true}
}

// connectionError is the error of an exchange without a complete response.
func (c Config) connectionError(err error) *AuthError {
	return &AuthError{
		Message: "the sign-in host cannot be reached: " + c.sanitize(err.Error()),
		Advice:  dataverse.ConnectionAdvice(err), cause: err, retryable: !dataverse.IsPermanent(err),
	}
}

func interruptedError(ctx context.Context) *AuthError {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &AuthError{Message: "it took too long", Advice: "try again", cause: ctx.Err()}
	}
	return &AuthError{Message: "interrupted", cause: ctx.Err()}
}

// explain turns an error of MSAL into one that can be shown. MSAL's own texts contain whole
// responses, with tokens, so none is passed on.
func (c Config) explain(ctx context.Context, err error) error {
	configured, isConfigured := errors.AsType[*ConfigError](err)
	failed, isFailed := errors.AsType[*AuthError](err)
	call, isCall := errors.AsType[msal.CallErr](err)
	_, badJSON := errors.AsType[msal.InvalidJsonErr](err)
	switch {
	case err == nil:
		return nil
	case isConfigured:
		return configured
	case ctx.Err() != nil:
		return interruptedError(ctx)
	case isFailed:
		return failed
	case isCall:
		var status int
		var header http.Header
		var body []byte
		if call.Resp != nil {
			status, header = call.Resp.StatusCode, call.Resp.Header
			body, _ = io.ReadAll(io.LimitReader(call.Resp.Body, maxResponse))
		}
		if len(body) == 0 && call.Err != nil { // managed identity: MSAL has read it
			_, text, _ := strings.Cut(call.Err.Error(), ":\n")
			body = []byte(text)
		}
		return c.refusalError(status, header, body)
	case badJSON:
		return unreadableError()
	}
	return &AuthError{Message: c.sanitize(err.Error()), Advice: "check --authority, --tenant-id and --client-id"}
}

// sanitize is a foreign text without secrets, in one line.
func (c Config) sanitize(text string) string {
	for _, secret := range []dataverse.Secret{
		c.ClientSecret, c.CertificatePassword, dataverse.NewSecret(c.Getenv("IDENTITY_HEADER")), dataverse.NewSecret(c.Getenv("MSI_SECRET")),
	} {
		text = dataverse.Redact(text, secret)
	}
	// Assertions and tokens are recognized by their form.
	text = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*)*`).ReplaceAllString(text, "[redacted]")
	return dataverse.Printable(text)
}

// errorCode returns Entra's own code, which is more specific than OAuth's.
func errorCode(d errorResponse) string {
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

// errorText removes the code from the beginning and the ids from the end of Entra's text.
func errorText(d errorResponse) string {
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

func validID(s string) string {
	if id, err := dataverse.ParseGUID(s); err == nil {
		return id.String()
	}
	return ""
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

// adviceTable has a line for each next step: the codes, who signs in, the advice.
//
//go:embed advice.tsv
var adviceTable string

// advise says what codes mean for a method, their likeliest cause and the next step. An app
// cannot sign in interactively, and has no device.
func advise(m Method, codes ...string) string {
	who, again := "app", ""
	switch {
	case m.isPersonal():
		who, again = "person", "sign in again with dbaudit login"
	case m == AzureCLI:
		who, again = "", "sign in again with az login"
	}
	methods, codes := []string{"any", who, m.String()}, append(codes, "any")
	for line := range strings.Lines(adviceTable) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if len(columns) != 3 || !containsAny(codes, columns[0]) || !containsAny(methods, columns[1]) {
			continue
		}
		if again == "" && strings.Contains(columns[2], "{again}") {
			return "Entra requires an interactive sign-in here, and " + m.String() + " is not interactive: check that --client-id is an app registration with this credential, " +
				"and ask an Entra administrator to look the code up in the sign-in logs (Service principal sign-ins)"
		}
		return strings.ReplaceAll(columns[2], "{again}", again)
	}
	return ""
}

// containsAny reports whether one of the words is in a list that is separated by spaces.
func containsAny(words []string, list string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(word string) bool { return slices.Contains(words, word) })
}

// IsPermanent reports whether the sign-in fails until something is corrected: a wrong credential, a
// revoked consent. Any other failure may be temporary.
func (e *AuthError) IsPermanent() bool {
	switch {
	case e.cause != nil, dataverse.IsTransient(e.Status):
		return false
	case e.Code == "AADSTS90033", e.Code == "AADSTS90009", e.Code == "AADSTS50196":
		return false // the service is not available for the moment
	}
	return e.oauth != "temporarily_unavailable" && e.oauth != "server_error"
}
