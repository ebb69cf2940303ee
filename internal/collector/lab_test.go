package collector_test

import (
	"context"
	"encoding/json"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	simulated "github.com/dbaudit/dbaudit/internal/lab"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A lab is a simulated environment with a client that is signed in.
type lab struct {
	t       testing.TB
	server  *simulator.Server
	client  *dataverse.Client
	options collector.Options
}

type labOptions struct {
	simulator simulator.Options
	limits    dataverse.Limits
	auditor   string // the client's name; default "dbaudit"
	seed      uint64
}

func builtinEnvironment(t testing.TB, name string, change func(*simulator.Environment)) *simulator.Environment {
	t.Helper()
	env, err := simulator.Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(env)
	}
	return env
}

func newLab(t testing.TB, env *simulator.Environment, o labOptions) *lab {
	t.Helper()
	server, err := simulator.Start(t.Context(), env, o.simulator)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if o.auditor == "" {
		o.auditor = "dbaudit"
	}
	random, mu := rand.New(rand.NewPCG(o.seed, 0)), sync.Mutex{}
	connection := simulated.ClientOptions(t, server, o.auditor)
	connection.Limits = o.limits
	connection.Jitter = func() float64 { mu.Lock(); defer mu.Unlock(); return random.Float64() }
	client, err := dataverse.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	return &lab{t: t, server: server, client: client, options: optionsFor(env)}
}

func optionsFor(env *simulator.Environment) collector.Options {
	o := collector.Options{
		Scope:       snapshot.ScopeIntegration,
		Environment: snapshot.Environment{Name: "contoso", URL: "https://contoso.crm4.dynamics.com"},
		Pattern:     "demandbase",
		Privileges:  minimum(),
		Tool:        snapshot.Tool{Name: "dbaudit", Version: "0.0.0-test"},
		Now:         func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) },
	}
	o.Requirement = snapshot.Requirement{
		Profile:       "demandbase",
		ApplicationID: env.Suggest.ApplicationID, Role: env.Suggest.Role, BusinessUnit: env.Suggest.BusinessUnit,
	}
	for _, v := range env.Suggest.Views {
		o.Requirement.Views = append(o.Requirement.Views, snapshot.RequiredView{Name: v.Name, Owner: v.Owner, Table: v.Table})
	}
	return o
}

// minimum returns privileges as a profile requires them, with all kinds of depths.
func minimum() []string {
	return strings.Fields(`prvReadAccount prvWriteAccount
		prvCreateActivity prvReadActivity prvWriteActivity prvDeleteActivity prvAppendActivity
		prvCreateContact prvReadContact prvWriteContact prvAppendContact prvAppendToContact
		prvCreateLead prvReadLead prvWriteLead prvAppendLead prvAppendToLead
		prvReadOpportunity prvWriteOpportunity prvReadCustomerOpportunityRole prvReadQueue prvReadUserQuery
		prvReadCampaign prvWriteCampaign prvAppendCampaign prvAppendToCampaign prvReadList
		prvBulkEdit prvReadTransactionCurrency prvCreateUser prvReadUser prvWriteUser prvAppendUser prvReadUserSettings
		prvReadAttributeMap prvReadEntity prvReadEntityMap prvCreateAttribute prvReadAttribute prvWriteAttribute
		prvReadWorkflow prvReadRelationship prvReadAsyncOperation prvReadQuery`)
}

// collect reads the environment for one integration.
func collect(ctx context.Context, r collector.Reader, o collector.Options) (*snapshot.Snapshot, error) {
	all, err := collector.CollectAll(ctx, r, []collector.Options{o})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func mustCollect(t testing.TB, r collector.Reader, o collector.Options) *snapshot.Snapshot {
	t.Helper()
	s, err := collect(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// collect reads the environment through the client, which wrap may wrap. Wrap may be nil.
func (l *lab) collect(wrap func(collector.Reader) collector.Reader) *snapshot.Snapshot {
	l.t.Helper()
	if wrap == nil {
		return mustCollect(l.t, l.client, l.options)
	}
	return mustCollect(l.t, wrap(l.client), l.options)
}

func encode(t testing.TB, s *snapshot.Snapshot) string {
	t.Helper()
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// An interceptor is a reader that can refuse requests and change responses.
type interceptor struct {
	collector.Reader
	// before refuses a request if it returns an error.
	before func(dataverse.Request) error
	// rows changes the rows of a collection, object a response that is one object.
	rows   func(dataverse.Request, []json.RawMessage) []json.RawMessage
	object func(dataverse.Request, json.RawMessage) json.RawMessage
}

func (i interceptor) Rows(ctx context.Context, r dataverse.Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		if i.before != nil {
			if err := i.before(r); err != nil {
				yield(nil, err)
				return
			}
		}
		var all []json.RawMessage
		for row, err := range i.Reader.Rows(ctx, r) {
			if err != nil {
				yield(nil, err)
				return
			}
			all = append(all, row)
		}
		if i.rows != nil {
			all = i.rows(r, all)
		}
		for _, row := range all {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (i interceptor) Get(ctx context.Context, r dataverse.Request) (json.RawMessage, error) {
	if i.before != nil {
		if err := i.before(r); err != nil {
			return nil, err
		}
	}
	data, err := i.Reader.Get(ctx, r)
	if err == nil && i.object != nil {
		data = i.object(r, data)
	}
	return data, err
}

// entitySet returns the entity set or function of a request.
func entitySet(r dataverse.Request) string {
	path, _, _ := strings.Cut(r.Path, "?")
	name, _, _ := strings.Cut(path, "(")
	if _, nav, ok := strings.Cut(path, ")/"); ok {
		return name + "/" + nav
	}
	return name
}
