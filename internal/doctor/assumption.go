package doctor

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/privileges"
)

// An Answer says whether an assumption is true in an environment.
type Answer string

// The answers.
const (
	Unanswered Answer = "could not be asked"
	AsAssumed  Answer = "as assumed"
	Otherwise  Answer = "otherwise"
)

// An AssumptionResult is one assumption, and whether it is true in an environment. It contains no
// name, id or address, so it can be published.
type AssumptionResult struct {
	ID       string `json:"id"` // stable
	Question string `json:"question"`
	Assumed  string `json:"assumed"`
	Answer   Answer `json:"answer"`
	Found    string `json:"found"` // what was found, or why it could not be checked
	Then     string `json:"then"`  // what dbaudit does if it is false
}

// assumptionsFormat is the format of the document [Assumptions].
const assumptionsFormat = "dbaudit.assumptions/v1"

// Assumptions is the document that says which assumptions are true in an environment. It names no
// user.
type Assumptions struct {
	Format  string             `json:"format"`
	Tool    audit.Tool         `json:"tool"`
	Version string             `json:"dataverse"` // empty if unknown
	Results []AssumptionResult `json:"assumptions"`
	// Refused says why nothing could be checked, else it is empty. It may contain names.
	Refused string `json:"-"`
}

// assumptionTexts has the texts of an assumption on each line.
//
//go:embed assumptions.tsv
var assumptionTexts string

// assumptions returns all assumptions, without answers.
func assumptions() []AssumptionResult {
	var all []AssumptionResult
	for line := range strings.Lines(assumptionTexts) {
		if column := strings.Split(strings.TrimSpace(line), "\t"); len(column) == 4 {
			all = append(all, AssumptionResult{ID: column[0], Question: column[1], Assumed: column[2], Then: column[3], Answer: Unanswered})
		}
	}
	return all
}

// A probe checks an assumption: the request, and what its response means.
type probe struct {
	query       dataverse.Query
	caller      dataverse.Caller
	isObject    bool   // the response is one object
	unavailable string // why the request cannot be sent, else empty
	refused     Answer // the answer if the environment refuses the request
	// judge gets the rows of the response, or the object as the only row.
	judge func([]row) (Answer, string)
}

// A row has the JSON of columns by name.
type row map[string]json.RawMessage

// An assumptionChecker checks assumptions. It is also the client's transport, which sees the headers
// of responses.
type assumptionChecker struct {
	*examiner

	user       *collector.User  // the integration user; nil if it cannot be impersonated
	view       dataverse.GUID   // a personal view; empty if no identity sees one
	viewCaller dataverse.Caller // an identity that sees the view

	transport http.RoundTripper
	hasHint   atomic.Bool // whether a response recommended a number of parallel requests
}

// ExamineAssumptions checks each assumption in an environment, with read requests only.
func ExamineAssumptions(ctx context.Context, c Config) (Assumptions, error) {
	ac := &assumptionChecker{transport: c.Client.Transport}
	c.Client.Transport = ac
	ac.examiner = newExaminer(c)
	if _, err := ac.run(ctx, ac.checkIdentity); err != nil {
		return Assumptions{}, err
	}
	if ac.unreachable != "" || ac.userID == "" {
		last := ac.checks[len(ac.checks)-1]
		return Assumptions{Refused: last.Detail + ": " + last.Advice}, nil
	}
	a := Assumptions{Format: assumptionsFormat}
	if version, err := ac.readVersion(ctx); err == nil && regexp.MustCompile(`^[0-9.]{1,30}$`).MatchString(version) {
		a.Version = version
	}
	ac.findSubjects(ctx)
	probes := ac.probes()
	for _, result := range assumptions() {
		ac.Progress(result.Question)
		result.Answer, result.Found = ac.ask(ctx, result.ID, probes[result.ID])
		if ctx.Err() != nil {
			return a, fmt.Errorf("asking the environment: %w", context.Cause(ctx))
		}
		a.Results = append(a.Results, result)
	}
	return a, nil
}

// findSubjects finds the user to impersonate, and a view that this identity or the user can read.
func (ac *assumptionChecker) findSubjects(ctx context.Context) {
	who, condition := ac.integrationUser()
	if found, err := ac.findUser(ctx, who, condition); err == nil && found != nil && !found.Disabled && dataverse.GUID(found.ID) != ac.userID {
		ac.user = found
	}
	callers := []dataverse.Caller{{}}
	if ac.user != nil {
		callers = append(callers, ac.user.Callers()[0])
	}
	for _, caller := range callers {
		found, err := collector.Views().First().Probe(ctx, ac.reader, "a personal view", caller)
		if err == nil && len(found) > 0 {
			ac.view, ac.viewCaller = dataverse.GUID(found[0]), caller
			return
		}
	}
}

func (ac *assumptionChecker) ask(ctx context.Context, id string, p probe) (answer Answer, found string) {
	if p.unavailable != "" {
		return Unanswered, p.unavailable
	}
	rows, err := ac.readRaw(ctx, id, p)
	refused := dataverse.ErrorOf(err)
	switch {
	case err == nil:
		return p.judge(rows)
	case refused.Status == 0 || refused.BlocksAllRequests(): // the question was not answered
		return Unanswered, errorWithoutNames(err)
	case p.refused == Otherwise && strings.EqualFold(refused.MissingPrivilege(), privileges.Impersonate):
		return Unanswered, errorWithoutNames(err)
	}
	return p.refused, errorWithoutNames(err)
}

// readRaw reads a response without the checks of a scan, which would refuse unexpected values.
func (ac *assumptionChecker) readRaw(ctx context.Context, label string, p probe) (rows []row, err error) {
	request := p.query.Request(label)
	request.Caller = p.caller
	response := ac.client.Rows(ctx, request)
	if p.isObject {
		response = func(yield func(json.RawMessage, error) bool) { yield(ac.client.Get(ctx, request)) }
	}
	for data, err := range response {
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

// errorWithoutNames describes an error without the environment's own words, which may contain names.
func errorWithoutNames(err error) string {
	e := dataverse.ErrorOf(err)
	if e.Kind == dataverse.Unknown {
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

// RoundTrip implements [http.RoundTripper]. It notes whether a response has the header x-ms-dop-hint.
func (ac *assumptionChecker) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := ac.transport.RoundTrip(r)
	if err == nil && response.Header.Get("x-ms-dop-hint") != "" {
		ac.hasHint.Store(true)
	}
	return response, err //nolint:wrapcheck // a transport returns the errors of the next
}
