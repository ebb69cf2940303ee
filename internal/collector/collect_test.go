package collector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

var update = flag.Bool("update", false, "write golden files")

func fabrikam(t testing.TB) *simulator.Environment {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "fabrikam.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	env, err := simulator.ParseEnvironment("fabrikam.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// gapsOf returns the sections that are not collected.
func gapsOf(s *snapshot.Snapshot) gaps {
	gaps := gaps{}
	for _, section := range snapshot.Sections() {
		if c := s.Coverage[section]; c.State != snapshot.StateCollected {
			gaps[section] = c.State.String()
		}
	}
	return gaps
}

// wantGaps fails the test unless these sections, and no others, were not collected.
func wantGaps(t *testing.T, s *snapshot.Snapshot, want gaps) {
	t.Helper()
	if diff := cmp.Diff(want, gapsOf(s), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("sections that are not collected (-want +got):\n%s", diff)
	}
}

// wantComplete fails the test unless every section was collected, without a remark.
func wantComplete(t *testing.T, s *snapshot.Snapshot) {
	t.Helper()
	for section, coverage := range s.Coverage {
		if coverage.State != snapshot.StateCollected || coverage.Detail != "" {
			t.Errorf("%s is %s: %s", section, coverage.State, coverage.Detail)
		}
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, scope := range []snapshot.Scope{snapshot.ScopeIntegration, snapshot.ScopeEnvironment} {
		t.Run(scope.String(), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, fabrikam(t), labOptions{})
			l.options.Scope = scope
			s := l.collect(nil)
			wantComplete(t, s)
			got, file := encode(t, s), filepath.Join("testdata", "fabrikam."+scope.String()+".json")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("the snapshot is not as in %s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// What a verdict depends on is the same in both scopes.
func TestScopesAgree(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]*simulator.Environment{
		"fabrikam": fabrikam(t), "compliant": builtinEnvironment(t, "compliant", nil), "sample": builtinEnvironment(t, "sample", nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, env, labOptions{})
			narrow := l.collect(nil)
			l.options.Scope = snapshot.ScopeEnvironment
			wide := l.collect(nil)
			wantComplete(t, wide)
			for what, pair := range map[string][2]any{
				"users":           {narrow.Users, subset(wide.Users, narrow.Users)},
				"teams":           {narrow.Teams, subset(wide.Teams, narrow.Teams)},
				"role_privileges": {narrow.RolePrivileges, subset(wide.RolePrivileges, narrow.RolePrivileges)},
				"business_units":  {narrow.BusinessUnits, subset(wide.BusinessUnits, narrow.BusinessUnits)},
				"shares":          {narrow.Shares, subset(wide.Shares, narrow.Shares)},
				"system_views":    {narrow.SystemViews, wide.SystemViews},
				"privileges":      {narrow.Privileges, wide.Privileges},
			} {
				if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
					t.Errorf("%s differ (-integration +environment):\n%s", what, diff)
				}
			}
			id, _ := narrow.IntegrationUser("demandbase")
			for _, role := range narrow.Users[id].Roles {
				if diff := cmp.Diff(narrow.Roles[role], wide.Roles[role]); diff != "" {
					t.Errorf("role %s differs:\n%s", role, diff)
				}
			}
		})
	}
}

func subset[V any](m, keys map[string]V) map[string]V {
	part := map[string]V{}
	for key := range keys {
		if v, ok := m[key]; ok {
			part[key] = v
		}
	}
	return part
}

// shuffle changes the order of rows and of the lists in them.
func shuffle(random *rand.Rand, data json.RawMessage) json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) == nil {
		for i := range list {
			list[i] = shuffle(random, list[i])
		}
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return marshal(list)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) == nil && object != nil {
		for key, value := range object {
			object[key] = shuffle(random, value)
		}
		return marshal(object)
	}
	return data
}

func marshal(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func TestOrderOfRowsDoesNotMatter(t *testing.T) {
	t.Parallel()
	for _, scope := range []snapshot.Scope{snapshot.ScopeIntegration, snapshot.ScopeEnvironment} {
		l := newLab(t, fabrikam(t), labOptions{})
		l.options.Scope = scope
		rec := newRecording(l)
		want := encode(t, l.collect(rec.record))
		for seed := range uint64(8) {
			got := l.collect(func(collector.Reader) collector.Reader {
				return interceptor{
					Reader: rec.replay(),
					rows: func(r dataverse.Request, rows []json.RawMessage) []json.RawMessage {
						random := rand.New(rand.NewPCG(seed, uint64(len(r.Path))))
						rows = slices.Clone(rows)
						for i := range rows {
							rows[i] = shuffle(random, rows[i])
						}
						random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
						return rows
					},
					object: func(r dataverse.Request, data json.RawMessage) json.RawMessage {
						return shuffle(rand.New(rand.NewPCG(seed, uint64(len(r.Path)))), data)
					},
				}
			})
			if encode(t, got) != want {
				t.Fatalf("%s, seed %d: another order of rows gives other bytes", scope, seed)
			}
		}
	}
}

// The case of ids and privileges does not change the snapshot.
func TestSpelling(t *testing.T) {
	t.Parallel()
	l := newLab(t, fabrikam(t), labOptions{})
	rec := newRecording(l)
	want := encode(t, l.collect(rec.record))
	upper := func(column, text string) string {
		switch {
		case strings.HasPrefix(text, "prv"):
			return "prv" + strings.ToUpper(text[3:])
		case len(text) == 36 && strings.Count(text, "-") == 4:
			return strings.ToUpper(text)
		}
		return text
	}
	got := l.collect(func(collector.Reader) collector.Reader {
		return interceptor{
			Reader: rec.replay(),
			rows: func(_ dataverse.Request, rows []json.RawMessage) []json.RawMessage {
				rows = slices.Clone(rows)
				for i := range rows {
					rows[i] = texts(rows[i], upper)
				}
				return rows
			},
		}
	})
	if diff := cmp.Diff(want, encode(t, got)); diff != "" {
		t.Error(diff)
	}
}

// texts changes every text of a document.
func texts(data json.RawMessage, change func(column, text string) string) json.RawMessage {
	var v any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		panic(err)
	}
	var walk func(column string, v any) any
	walk = func(column string, v any) any {
		switch v := v.(type) {
		case string:
			return change(column, v)
		case []any:
			for i := range v {
				v[i] = walk(column, v[i])
			}
		case map[string]any:
			for key := range v {
				v[key] = walk(key, v[key])
			}
		}
		return v
	}
	return marshal(walk("", v))
}

func TestIntegrationUser(t *testing.T) {
	t.Parallel()
	app := "5f0c1b52-8f1a-4c62-9c5e-7b8a1d2e3f40"
	user := func(env *simulator.Environment) *simulator.User { return env.ApplicationUser(app) }
	tests := map[string]struct {
		change  func(*simulator.Environment)
		options func(*collector.Options)
		auditor string
		gaps    map[snapshot.Section]string
		detail  string // in the detail of user_views
		check   func(*testing.T, *snapshot.Snapshot)
	}{
		"by application id": {},
		"by name": {
			options: func(o *collector.Options) { o.Requirement.ApplicationID = "" },
			check: func(t *testing.T, s *snapshot.Snapshot) {
				if _, ok := s.IntegrationUser("demandbase"); !ok {
					t.Error("the user was not found by its name")
				}
			},
		},
		"by user principal name": {
			options: func(o *collector.Options) { o.Requirement.ApplicationID, o.Requirement.User = "", "Jane@Contoso.com" },
			check: func(t *testing.T, s *snapshot.Snapshot) {
				if _, ok := s.IntegrationUser("demandbase"); !ok {
					t.Error("the person was not found")
				}
			},
		},
		"no such user": {
			options: func(o *collector.Options) { o.Requirement.ApplicationID = "00000000-1111-4222-8333-444444444444" },
			gaps:    map[snapshot.Section]string{snapshot.SectionUserViews: "skipped"},
			detail:  "there is no single integration user",
			check: func(t *testing.T, s *snapshot.Snapshot) {
				if len(s.Users) != 2 || len(s.RolePrivileges) != 1 {
					t.Errorf("%d users, %d roles: want the owners of the views and the configured role", len(s.Users), len(s.RolePrivileges))
				}
			},
		},
		"two users": {
			change: func(env *simulator.Environment) {
				twin := *user(env)
				twin.Name, twin.ID, twin.EntraObjectID = "Twin", "d0000000-0000-4000-8000-0000000000ff", "d0000000-0000-4000-8000-0000000000fe"
				env.ApplicationUsers = append(env.ApplicationUsers, twin)
			},
			gaps:   map[snapshot.Section]string{snapshot.SectionUserViews: "skipped"},
			detail: "there is no single integration user",
		},
		"beside a deleted user": {
			change: func(env *simulator.Environment) {
				ghost := *user(env)
				ghost.Name, ghost.ID, ghost.SoftDeleted = "Ghost", "d0000000-0000-4000-8000-0000000000ff", true
				ghost.EntraObjectID = "d0000000-0000-4000-8000-0000000000fe"
				env.ApplicationUsers = append(env.ApplicationUsers, ghost)
			},
			check: func(t *testing.T, s *snapshot.Snapshot) {
				if !s.Users["d0000000-0000-4000-8000-0000000000ff"].Deleted {
					t.Error("the soft-deleted user is not distinguished")
				}
			},
		},
		"disabled": {
			change: func(env *simulator.Environment) { user(env).Disabled = true },
			gaps:   map[snapshot.Section]string{snapshot.SectionUserViews: "skipped"},
			detail: "is disabled",
		},
		"without a role": {
			change: func(env *simulator.Environment) { user(env).Roles = nil },
			// Membership of the unit's team is not a role: the environment would refuse the
			// request, so none is sent.
			gaps:   map[snapshot.Section]string{snapshot.SectionUserViews: "skipped"},
			detail: "has no role",
			check: func(t *testing.T, s *snapshot.Snapshot) {
				if len(s.RolePrivileges) != 1 {
					t.Error("the configured role was not read")
				}
			},
		},
		"without prvReadUserQuery": {
			change: func(env *simulator.Environment) {
				delete(env.Role("Demandbase Integration").Privileges, "prvReadUserQuery")
			},
			gaps:   map[snapshot.Section]string{snapshot.SectionUserViews: "forbidden"},
			detail: "prvReadUserQuery",
		},
		"no impersonation": {
			change: func(env *simulator.Environment) {
				delete(env.Role("dbaudit Auditor").Privileges, "prvActOnBehalfOfAnotherUser")
			},
			gaps:   map[snapshot.Section]string{snapshot.SectionUserViews: "forbidden", snapshot.SectionViews: "forbidden"},
			detail: "prvActOnBehalfOfAnotherUser",
		},
		"the auditor is the user": {
			change: func(env *simulator.Environment) {
				for name, depth := range env.Role("dbaudit Auditor").Privileges {
					if name != "prvActOnBehalfOfAnotherUser" {
						env.Role("Demandbase Integration").Privileges[name] = depth
					}
				}
			},
			options: func(o *collector.Options) {
				for i := range o.Requirement.Views {
					o.Requirement.Views[i].Owner = ""
				}
			},
			auditor: "Demandbase Integration",
			check: func(t *testing.T, s *snapshot.Snapshot) {
				for id, v := range s.Views {
					if diff := cmp.Diff([]snapshot.Viewer{snapshot.ViewerIntegrationUser}, v.SeenBy); diff != "" {
						t.Errorf("view %s: %s", id, diff)
					}
				}
			},
		},
		"a missing owner": {
			options: func(o *collector.Options) { o.Requirement.Views[0].Owner = "gone@contoso.com" },
			gaps:    map[snapshot.Section]string{snapshot.SectionViews: "skipped"},
		},
		"an owner who is disabled": {
			change: func(env *simulator.Environment) { env.User("jane@contoso.com").Disabled = true },
			gaps:   map[snapshot.Section]string{snapshot.SectionViews: "skipped"},
		},
		"no views required": {
			options: func(o *collector.Options) { o.Requirement.Views = nil },
			check: func(t *testing.T, s *snapshot.Snapshot) {
				if len(s.Views) == 0 {
					t.Error("the views that the user sees were not read")
				}
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtinEnvironment(t, "compliant", test.change), labOptions{auditor: test.auditor})
			if test.options != nil {
				test.options(&l.options)
			}
			s := l.collect(nil)
			wantGaps(t, s, test.gaps)
			if test.gaps == nil {
				wantComplete(t, s)
			}
			if got := s.Coverage[snapshot.SectionUserViews].Detail; !strings.Contains(got, test.detail) {
				t.Errorf("user_views: %q does not say %q", got, test.detail)
			}
			if test.check != nil {
				test.check(t, s)
			}
			data, _ := s.Encode()
			if _, err := snapshot.Decode(data, func(s *snapshot.Snapshot) (snapshot.Requirement, string, error) {
				return s.Requirement, "demandbase", nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

// Roles with a matching name are read only if they may be the integration role.
func TestCandidateRoles(t *testing.T) {
	t.Parallel()
	spare := simulator.Role{Name: "demandbase (old)", Privileges: simulator.Grants{"prvReadAccount": simulator.DepthLocal}}
	tests := map[string]struct {
		change func(*simulator.Environment)
		role   string
		want   []string
	}{
		"the user's own role is useful": {want: []string{"Demandbase Integration"}},
		"the configured role is not assigned": {
			role: "demandbase (old)", want: []string{"Demandbase Integration", "demandbase (old)"},
		},
		"the user has no role": {
			change: func(env *simulator.Environment) { env.ApplicationUser(env.Suggest.ApplicationID).Roles = nil },
			want:   []string{"Demandbase Integration", "demandbase (old)"},
		},
		"the user's role is useless": {
			change: func(env *simulator.Environment) {
				env.Roles = append(env.Roles, simulator.Role{Name: "Useless", Privileges: simulator.Grants{"prvReadProduct": simulator.DepthGlobal}})
				env.ApplicationUser(env.Suggest.ApplicationID).Roles = []simulator.RoleAssignment{{Role: "Useless"}}
			},
			want: []string{"Demandbase Integration", "Useless", "demandbase (old)"},
		},
		"a role through a team": {
			change: func(env *simulator.Environment) {
				env.ApplicationUser(env.Suggest.ApplicationID).Roles = nil
				env.Teams = append(env.Teams, simulator.Team{
					Name: "Sync", Members: []string{"Demandbase Integration"}, Roles: []simulator.RoleAssignment{{Role: "Demandbase Integration"}},
				})
			},
			want: []string{"Demandbase Integration"},
		},
		"a role of that name that grants nothing": {
			change: func(env *simulator.Environment) {
				env.Roles = append(env.Roles, simulator.Role{Name: "Demandbase shell"})
				env.ApplicationUser(env.Suggest.ApplicationID).Roles = nil
				env.Teams = append(env.Teams, simulator.Team{
					Name: "Sync", Members: []string{"Demandbase Integration"}, Roles: []simulator.RoleAssignment{{Role: "Demandbase shell"}},
				})
			},
			want: []string{"Demandbase Integration", "Demandbase shell", "demandbase (old)"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
				env.Roles = append(env.Roles, spare)
				if test.change != nil {
					test.change(env)
				}
			}), labOptions{})
			l.options.Requirement.Role = test.role
			s := l.collect(nil)
			var got []string
			for root := range s.RolePrivileges {
				got = append(got, s.Roles[root].Name)
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingCanBeJudged(t *testing.T) {
	t.Parallel()
	t.Run("not a user of the environment", func(t *testing.T) {
		t.Parallel()
		env := builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
			env.ApplicationUsers = slices.DeleteFunc(env.ApplicationUsers, func(u simulator.User) bool { return u.Name == "dbaudit" })
		})
		l := newLab(t, env, labOptions{})
		_, err := collect(t.Context(), l.client, l.options)
		var e *dataverse.Error
		if !errors.As(err, &e) || e.Kind != dataverse.NotMember {
			t.Errorf("want the error of a user who is not a member, got %v", err)
		}
	})
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, builtinEnvironment(t, "compliant", nil), labOptions{})
		_ = l.server.Close()
		_, err := collect(t.Context(), l.client, l.options)
		var e *dataverse.Error
		if !errors.As(err, &e) {
			t.Errorf("want an error of the connection, got %v", err)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		for when := range 15 { // the number of requests that are sent
			l := newLab(t, builtinEnvironment(t, "compliant", nil), labOptions{})
			ctx, cancel := context.WithCancel(t.Context())
			gate := make(chan struct{}, when)
			_, err := collect(ctx, interceptor{Reader: l.client, before: func(dataverse.Request) error {
				select {
				case gate <- struct{}{}:
				default:
					cancel()
				}
				return nil
			}}, l.options)
			cancel()
			if !errors.Is(err, context.Canceled) {
				t.Errorf("after %d requests: want an interruption, got %v", when, err)
			}
		}
	})
}

func TestProgress(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtinEnvironment(t, "compliant", nil), labOptions{})
	events := make(chan collector.Event, 200)
	l.options.Progress = func(e collector.Event) { events <- e }
	l.collect(nil)
	close(events)
	open := map[string]int{}
	for e := range events {
		if e.Section == "" || e.Label == "" || e.Attempt != 1 {
			t.Errorf("an event without a section, a text or an attempt: %+v", e)
		}
		if e.Done {
			open[e.Label]--
			if e.State != snapshot.StateCollected {
				t.Errorf("%+v", e)
			}
		} else {
			open[e.Label]++
		}
	}
	for what, n := range open {
		if n != 0 {
			t.Errorf("%q began and did not end, or the other way round: %d", what, n)
		}
	}
	if len(open) == 0 {
		t.Error("no events")
	}
}
