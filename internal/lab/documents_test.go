package lab

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/compare"
	"github.com/dbaudit/dbaudit/internal/discovery"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

// TestDocuments checks the documents of diff, history and discover against their schemas.
func TestDocuments(t *testing.T) {
	t.Parallel()
	l := New(t)
	first, before := l.Judge(t, l.Compliant)
	broken := l.Compliant.Clone()
	delete(broken.Role(integrationName).Privileges, "prvReadLead")
	broken.ApplicationUser(integrationName).Disabled = true
	second, after := l.Judge(t, broken)
	blind := broken.Clone()
	delete(blind.Role("dbaudit Auditor").Privileges, "prvReadTeam")
	delete(blind.Role("dbaudit Auditor").Privileges, "prvReadBusinessUnit")
	unread := *after
	unread.Coverage = map[snapshot.Section]snapshot.Coverage{}
	second.Snapshot.TakenAt = first.Snapshot.TakenAt.Add(time.Hour)
	results := []audit.Result{first, second}

	changed, err := compare.Snapshots(before, after)
	if err != nil {
		t.Fatal(err)
	}
	if changed.Same || len(changed.Environments[0].Changes) != 2 {
		t.Errorf("got %+v, want two changes", changed.Environments[0].Changes)
	}
	incomparable, err := compare.Snapshots(before, &unread)
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range []struct {
		schema string
		value  any
	}{
		{"diff.json", changed},
		{"diff.json", incomparable},
		{"diff.json", compare.Results(results[:1], results[1:])},
		{"diff.json", compare.Results(results[1:], results[:1])},
		{"diff.json", compare.Results(nil, results)},
		{"history.json", history.FromResults(results)},
		{"history.json", history.FromResults(nil)},
		{"discovery.json", discover(t, l, broken)},
		{"discovery.json", discover(t, l, blind)},
	} {
		compiled, err := schematest.Compile(schema.Files, document.schema)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(document.value)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(value); err != nil {
			t.Errorf("%s: %v\n%s", document.schema, err, data)
		}
	}
}

// TestOrderOfRows checks that the order of rows has no effect on the snapshot and the result.
func TestOrderOfRows(t *testing.T) {
	t.Parallel()
	l := New(t)
	first, before := l.Judge(t, l.Compliant)
	turned := l.Compliant.Clone()
	slices.Reverse(turned.BusinessUnits)
	slices.Reverse(turned.Roles)
	slices.Reverse(turned.Users)
	slices.Reverse(turned.ApplicationUsers)
	slices.Reverse(turned.Teams)
	slices.Reverse(turned.PersonalViews)
	slices.Reverse(turned.SystemViews)
	second, after := l.Judge(t, turned)
	d, err := compare.Snapshots(before, after)
	if err != nil || !d.Same {
		t.Errorf("the snapshots differ: %+v %v", d.Environments, err)
	}
	if before.Digest != after.Digest {
		t.Error("the digests differ")
	}
	if d := compare.Results([]audit.Result{first}, []audit.Result{second}); !d.Same {
		t.Errorf("the results differ: %+v", d.Environments)
	}
}

// discover returns the discovery document of a scenario.
func discover(t *testing.T, l *Lab, sc Scenario) discovery.Document {
	t.Helper()
	l.Serve(t, &sc)
	all, err := collector.CollectAll(t.Context(), l.Client, []collector.Options{{
		Scope: snapshot.ScopeUsers, Environment: snapshot.Environment{Name: "contoso", URL: "https://contoso.crm.dynamics.com"}, Now: Now,
	}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := l.Engine.Discover(t.Context(), all[0], []profile.Profile{l.Profile}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Users) < 3 || len(d.Integrations) != 1 {
		t.Errorf("got %+v", d)
	}
	return discovery.New(all[0], audit.Tool{Name: "dbaudit", Version: "0"}, nil, d)
}
