package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// An Answer says whether an assumption is true.
type Answer string

// The answers.
const (
	Unanswered Answer = "could not be asked"
	AsAssumed  Answer = "as assumed"
	Otherwise  Answer = "otherwise"
)

// An AssumptionResult is one assumption, and whether it is true in this environment. It contains no name,
// id or address, so it can be published.
type AssumptionResult struct {
	ID       string `json:"id"` // stable
	Question string `json:"question"`
	Assumed  string `json:"assumed"`
	Answer   Answer `json:"answer"`
	Found    string `json:"found"` // what was found, or why it could not be checked
	Then     string `json:"then"`  // what dbaudit does if it is false
}

// assumptionsFormat is that of the document [Assumptions].
const assumptionsFormat = "dbaudit.assumptions/v1"

// Assumptions says which assumptions are true in an environment. Its JSON names no user.
type Assumptions struct {
	Format  string             `json:"format"`
	Tool    audit.Tool         `json:"tool"`
	Version string             `json:"dataverse"` // empty if unknown
	Answers []AssumptionResult `json:"assumptions"`
	// Refused is why nothing could be checked; empty if something could. It may have names.
	Refused string `json:"-"`
}

// An assumption is one question: what is requested, and what the response means.
type assumption struct {
	id, question, assumed, then string

	request request
	refused Answer // the answer if the environment refuses the request
	// judge takes the rows or the object of the response.
	judge func([]row) (Answer, string)
}

type request struct {
	query       dataverse.Query
	caller      dataverse.Caller
	isObject    bool   // the response is one object
	unavailable string // why it cannot be sent; empty if it can
}

type row map[string]json.RawMessage

type assumptionChecker struct {
	*examiner

	user       *collector.User // the integration user, if it can be impersonated
	view       dataverse.GUID
	viewCaller dataverse.Caller // who can read that view

	transport http.RoundTripper
	hasHint   atomic.Bool // whether a response recommended a number of parallel requests
}

// ExamineAssumptions checks each assumption in an environment, with read requests only.
func ExamineAssumptions(ctx context.Context, c Config) (Assumptions, error) {
	in := &assumptionChecker{transport: c.Client.Transport}
	c.Client.Transport = in
	in.examiner = newExamination(c)
	if _, err := in.run(ctx, in.signInSteps()); err != nil {
		return Assumptions{}, err
	}
	if in.unreachable != "" || in.userID == "" {
		last := in.checks[len(in.checks)-1]
		return Assumptions{Refused: last.Detail + ": " + last.Advice}, nil
	}
	a := Assumptions{Format: assumptionsFormat}
	var answer struct{ Version string }
	if err := in.get(ctx, dataverse.Function("RetrieveVersion").Request("version"), &answer); err == nil && regexp.MustCompile(`^[0-9.]{1,30}$`).MatchString(answer.Version) {
		a.Version = answer.Version
	}
	in.findSubjects(ctx)
	for _, q := range in.list() {
		in.Progress(q.question)
		answered := q.check(ctx, in)
		if ctx.Err() != nil {
			return a, fmt.Errorf("asking the environment: %w", context.Cause(ctx))
		}
		a.Answers = append(a.Answers, answered)
	}
	return a, nil
}

// findSubjects finds the user to impersonate, and a view that an available identity can read.
func (in *assumptionChecker) findSubjects(ctx context.Context) {
	who, filter := in.integrationUser()
	if found, err := in.findUsers(ctx, who, filter); err == nil && len(found) > 0 && !found[0].Disabled && dataverse.GUID(found[0].ID) != in.userID {
		in.user = &found[0]
	}
	seers := []dataverse.Caller{{}}
	if in.user != nil {
		seers = append(seers, in.user.Callers()[0])
	}
	for _, seer := range seers {
		found, err := collector.Views().First().Probe(ctx, in.asker, "a personal view", seer)
		if err == nil && len(found) > 0 {
			in.view, in.viewCaller = dataverse.GUID(found[0]), seer
			return
		}
	}
}

func (q assumption) check(ctx context.Context, in *assumptionChecker) AssumptionResult {
	a := AssumptionResult{ID: q.id, Question: q.question, Assumed: q.assumed, Then: q.then, Answer: Unanswered, Found: q.request.unavailable}
	if a.Found != "" {
		return a
	}
	rows, err := in.readRaw(ctx, q.id, q.request)
	var refused *dataverse.Error
	switch {
	case err == nil:
		a.Answer, a.Found = q.judge(rows)
		return a
	case !errors.As(err, &refused) || refused.Status == 0 || refused.BlocksAllRequests(): // no response answers nothing
	case q.refused == Otherwise && strings.EqualFold(refused.MissingPrivilege(), actOnBehalf):
	default:
		a.Answer = q.refused
	}
	a.Found = errorWithoutNames(err)
	return a
}

// readRaw reads a response without checks, which would hide what is unexpected.
func (in *assumptionChecker) readRaw(ctx context.Context, label string, q request) (rows []row, err error) {
	request := q.query.Request(label)
	request.Caller = q.caller
	answer := in.client.Rows(ctx, request)
	if q.isObject {
		answer = func(yield func(json.RawMessage, error) bool) { yield(in.client.Get(ctx, request)) }
	}
	for data, err := range answer {
		var row row
		if err == nil && json.Unmarshal(data, &row) != nil {
			err = fmt.Errorf("%s: a row cannot be read: check any proxy in between", label)
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// errorWithoutNames is an error without the environment's own words, which may contain names.
func errorWithoutNames(err error) string {
	var e *dataverse.Error
	if !errors.As(err, &e) {
		return "the response cannot be read"
	}
	text := e.Kind.String()
	if e.Status != 0 {
		text += fmt.Sprintf(", HTTP %d", e.Status)
	}
	if regexp.MustCompile(`^0x[0-9a-fA-F]{8}$`).MatchString(e.Code) {
		text += ", code " + strings.ToLower(e.Code)
	}
	if name := e.MissingPrivilege(); regexp.MustCompile(`^prv[A-Za-z]{1,60}$`).MatchString(name) {
		text += ", " + name + " is missing"
	}
	return text
}

// RoundTrip implements [http.RoundTripper], and notes the hint of a response.
func (in *assumptionChecker) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := in.transport.RoundTrip(r)
	if err == nil && response.Header.Get("x-ms-dop-hint") != "" {
		in.hasHint.Store(true)
	}
	return response, err //nolint:wrapcheck // a transport passes on what it is given
}
