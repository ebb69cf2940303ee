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

// A ConfigError says which setting is missing or wrong, and which flag or variable sets it.
type ConfigError struct{ Message string }

func (e *ConfigError) Error() string { return e.Message }

// An AuthError is the error of a failed sign-in. It contains no secret.
type AuthError struct {
	Code    string // Entra's code (AADSTS7000215) or OAuth's (invalid_client); may be empty
	Message string // what failed, in one line
	Advice  string // the likely cause and the next step
	// CorrelationID and TraceID identify the request for Microsoft's support.
	CorrelationID, TraceID string
	Status                 int // the HTTP status; 0 without a response

	oauth        string // OAuth's code
	cause        error
	beforeSignIn bool          // the request was not to the sign-in host
	retryable    bool          // another attempt may succeed
	retryAfter   time.Duration // the requested wait before the next attempt
}

// Error returns what failed and what to do next.
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

// Unwrap returns the cause, such as a network error or context.Canceled. It contains no part of a
// response.
func (e *AuthError) Unwrap() error { return e.cause }

type errorResponse struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	CorrelationID string `json:"correlation_id"`
	TraceID       string `json:"trace_id"`
}

// refusalError returns the error of an error response of a token endpoint, with advice for the method.
// It uses only members that contain no secret.
func (c Config) refusalError(status int, header http.Header, body []byte) *AuthError {
	e := c.statusError(status, header)
	var r errorResponse
	if json.Unmarshal(body, &r) != nil || r.Error == "" && r.Description == "" {
		e.Message += " and an unreadable response"
		return e
	}
	e.Code = errorCode(r)
	e.CorrelationID = validID(r.CorrelationID)
	e.TraceID = validID(r.TraceID)
	// Secrets are removed before texts are shortened: half a secret would not be recognized.
	r.Description, r.Error = c.sanitize(r.Description), c.sanitize(r.Error)
	e.Message, e.oauth = errorText(r), strings.ToLower(r.Error)
	e.Advice = advise(c.Method, e.Code, e.oauth)
	return e
}

func (c Config) statusError(status int, header http.Header) *AuthError {
	return &AuthError{
		Status: status, Message: fmt.Sprintf("the sign-in host responded with HTTP %d", status), Advice: statusAdvice(status),
		retryable: dataverse.IsTransient(status), retryAfter: dataverse.RetryAfter(header, c.Now()),
	}
}

// unreadableError returns the error of a successful response that is not JSON: truncated, or from
// another server.
func unreadableError() *AuthError {
	return &AuthError{Message: "the sign-in host's response cannot be read", Advice: "check --authority, and any proxy in between", retryable: true}
}

// connectionError returns the error of a request without a complete response.
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

// explain converts an error of MSAL into a *ConfigError or an *AuthError. MSAL's error texts can
// contain whole responses with tokens, so they are not used unchanged.
func (c Config) explain(ctx context.Context, err error) error {
	configError, isConfig := errors.AsType[*ConfigError](err)
	authError, isAuth := errors.AsType[*AuthError](err)
	call, isCall := errors.AsType[msal.CallErr](err)
	_, badJSON := errors.AsType[msal.InvalidJsonErr](err)
	switch {
	case err == nil:
		return nil
	case isConfig:
		return configError
	case ctx.Err() != nil:
		return interruptedError(ctx)
	case isAuth:
		return authError
	case isCall:
		return c.callError(call)
	case badJSON:
		return unreadableError()
	}
	return &AuthError{Message: c.sanitize(err.Error()), Advice: "check --authority, --tenant-id and --client-id"}
}

// callError returns the error of a response that MSAL does not accept.
func (c Config) callError(err msal.CallErr) *AuthError {
	var status int
	var header http.Header
	var body []byte
	if err.Resp != nil {
		status, header = err.Resp.StatusCode, err.Resp.Header
		body, _ = io.ReadAll(io.LimitReader(err.Resp.Body, maxResponse))
	}
	if len(body) == 0 && err.Err != nil { // for a managed identity, MSAL has read the body
		_, text, _ := strings.Cut(err.Err.Error(), ":\n")
		body = []byte(text)
	}
	return c.refusalError(status, header, body)
}

// sanitize returns a text of another program without secrets, in one line.
func (c Config) sanitize(text string) string {
	for _, secret := range []dataverse.Secret{
		c.ClientSecret, c.CertificatePassword, dataverse.NewSecret(c.Getenv("IDENTITY_HEADER")), dataverse.NewSecret(c.Getenv("MSI_SECRET")),
	} {
		text = dataverse.Redact(text, secret)
	}
	// Assertions and tokens begin like this.
	text = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*)*`).ReplaceAllString(text, "[redacted]")
	return dataverse.Printable(text)
}

// errorCode returns Entra's code, or OAuth's, which is less specific.
func errorCode(r errorResponse) string {
	if m := regexp.MustCompile(`AADSTS\d{3,8}`).FindString(r.Description); m != "" {
		return m
	}
	if len(r.Codes) > 0 && r.Codes[0] > 0 {
		return fmt.Sprintf("AADSTS%d", r.Codes[0])
	}
	if code := strings.ToLower(r.Error); regexp.MustCompile(`^[a-z_]{1,40}$`).MatchString(code) {
		return code
	}
	return ""
}

// errorText returns Entra's description without the code at the beginning and the ids at the end.
func errorText(r errorResponse) string {
	text := dataverse.Printable(r.Description)
	text = regexp.MustCompile(`^AADSTS\d+: *`).ReplaceAllString(text, "")
	if i := strings.Index(text, " Trace ID:"); i >= 0 {
		text = text[:i]
	}
	if text == "" {
		return dataverse.Printable(r.Error)
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

// adviceTable has a line for each advice: the codes, who signs in, and the advice.
//
//go:embed advice.tsv
var adviceTable string

// advise returns the advice for error codes and a method. An app cannot sign in interactively and has
// no device.
func advise(m Method, codes ...string) string {
	who, again := "app", ""
	switch {
	case m.IsPersonal():
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

// containsAny reports whether a list that is separated by spaces contains one of the words.
func containsAny(words []string, list string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(word string) bool { return slices.Contains(words, word) })
}

// IsPermanent reports whether the sign-in fails until somebody corrects something, such as a
// credential or a consent.
func (e *AuthError) IsPermanent() bool {
	switch {
	case e.cause != nil, dataverse.IsTransient(e.Status):
		return false
	case e.Code == "AADSTS90033", e.Code == "AADSTS90009", e.Code == "AADSTS50196":
		return false // the service is temporarily unavailable
	}
	return e.oauth != "temporarily_unavailable" && e.oauth != "server_error"
}
