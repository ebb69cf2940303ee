package compare_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/compare"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// sample returns a snapshot with a row of each kind.
func sample() *snapshot.Snapshot {
	s := snapshot.New()
	s.Environment = snapshot.Environment{Name: "contoso", OrganizationID: "org"}
	s.Scope, s.Source = snapshot.ScopeIntegration, snapshot.SourceEnvironment
	for _, section := range snapshot.Sections() {
		s.Coverage[section] = snapshot.Coverage{State: snapshot.StateCollected}
	}
	s.Organization = snapshot.Organization{ID: "org", Name: "Contoso", OwnershipAcrossBusinessUnits: snapshot.SettingOff}
	s.BusinessUnits = map[string]snapshot.BusinessUnit{"bu": {Name: "Contoso"}, "child": {Name: "North", ParentID: "bu"}}
	s.Privileges = map[string]snapshot.Privilege{"prvReadLead": {ID: "p", Depths: audit.Depths()}}
	s.Roles = map[string]snapshot.Role{"role": {Name: "Integration", RootID: "role", BusinessUnitID: "bu", Customizable: true, Inherited: true}}
	s.RolePrivileges = map[string]map[string]audit.Depth{"role": {"prvReadLead": audit.DepthLocal, "prvWriteLead": audit.DepthGlobal}}
	s.Users = map[string]snapshot.User{"user": {Name: "Integration", BusinessUnitID: "bu", Roles: []string{"role"}, Teams: []string{"team"}}}
	s.Teams = map[string]snapshot.Team{"team": {Name: "Team", BusinessUnitID: "bu", Roles: []string{"role"}}}
	s.Views = map[string]snapshot.View{"view": {Name: "Leads", Table: "lead", OwnerID: "user", Active: true, SeenBy: []snapshot.Viewer{snapshot.ViewerAuditor}}}
	s.SystemViews = map[string]snapshot.SystemView{"system": {Name: "All", Table: "lead", Active: true}}
	s.Shares = map[string]map[string]snapshot.Share{"user": {"view": {Rights: []snapshot.Right{snapshot.RightRead}}}}
	return s
}

func change[V any](m map[string]V, key string, do func(*V)) {
	v := m[key]
	do(&v)
	m[key] = v
}

func TestSnapshots(t *testing.T) {
	type S = snapshot.Snapshot
	for _, test := range []struct {
		name string
		do   func(*S)
		want string
	}{
		{"nothing", func(*S) {}, ""},
		{"granted", func(s *S) { s.RolePrivileges["role"]["prvDeleteLead"] = audit.DepthBasic }, "granted role Integration prvDeleteLead none basic"},
		{"revoked", func(s *S) { delete(s.RolePrivileges["role"], "prvReadLead") }, "revoked role Integration prvReadLead local none"},
		{"deeper", func(s *S) { s.RolePrivileges["role"]["prvReadLead"] = audit.DepthDeep }, "deeper role Integration prvReadLead local deep"},
		{"shallower", func(s *S) { s.RolePrivileges["role"]["prvReadLead"] = audit.DepthBasic }, "shallower role Integration prvReadLead local basic"},
		{"unassigned", func(s *S) { change(s.Users, "user", func(u *snapshot.User) { u.Roles = nil }) }, "unassigned user Integration Integration (Contoso)  "},
		{"team role", func(s *S) { change(s.Teams, "team", func(u *snapshot.Team) { u.Roles = nil }) }, "unassigned team Team Integration (Contoso)  "},
		{"left", func(s *S) { change(s.Users, "user", func(u *snapshot.User) { u.Teams = nil }) }, "left user Integration Team  "},
		{"disabled", func(s *S) { change(s.Users, "user", func(u *snapshot.User) { u.Disabled = true }) }, "disabled user Integration   "},
		{"soft-deleted", func(s *S) { change(s.Users, "user", func(u *snapshot.User) { u.Deleted = true }) }, "soft-deleted user Integration   "},
		{"moved", func(s *S) { change(s.Users, "user", func(u *snapshot.User) { u.BusinessUnitID = "child" }) }, "moved user Integration business unit Contoso North"},
		{"renamed", func(s *S) { change(s.Roles, "role", func(r *snapshot.Role) { r.Name = "Sync" }) }, "renamed role Sync  Integration Sync"},
		{"locked", func(s *S) { change(s.Roles, "role", func(r *snapshot.Role) { r.Customizable = false }) }, "changed role Integration customizable yes no"},
		{"unshared", func(s *S) { s.Shares = map[string]map[string]snapshot.Share{} }, "unshared view Leads with Integration read "},
		{"widened", func(s *S) {
			s.Shares["user"]["view"] = snapshot.Share{Rights: []snapshot.Right{snapshot.RightRead, snapshot.RightWrite}}
		}, "widened view Leads with Integration read read, write"},
		{"shared", func(s *S) {
			s.Shares["team"] = map[string]snapshot.Share{"view": {Rights: []snapshot.Right{snapshot.RightRead}}}
		}, "shared view Leads with Team  read"},
		{"deactivated", func(s *S) { change(s.Views, "view", func(v *snapshot.View) { v.Active = false }) }, "disabled view Leads   "},
		{"removed", func(s *S) { delete(s.SystemViews, "system") }, "removed system view All   "},
		{"setting", func(s *S) { s.Organization.OwnershipAcrossBusinessUnits = snapshot.SettingOn }, "changed organization Contoso record ownership across business units off on"},
		{"undefined", func(s *S) { delete(s.Privileges, "prvReadLead") }, "removed privilege prvReadLead   "},
		{"required", func(s *S) { s.Requirement.Role = "Integration" }, "changed requirement what is required role  Integration"},
		{"not read", func(s *S) {
			s.Coverage[snapshot.SectionShares] = snapshot.Coverage{State: snapshot.StateForbidden, Detail: "no"}
			s.Shares = nil
		}, "? shares: the newer snapshot does not contain them: no"},
		{"another scope", func(s *S) {
			s.Scope = snapshot.ScopeEnvironment
			s.Roles["other"] = snapshot.Role{Name: "Other"}
		}, "? rows that only one snapshot contains: the scope was integration and is environment"},
	} {
		t.Run(test.name, func(t *testing.T) {
			newer := sample()
			test.do(newer)
			d, err := compare.Snapshots(sample(), newer)
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(d); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if d.Same != (test.want == "") {
				t.Errorf("same is %v", d.Same)
			}
			if one := len(d.Environments[0].Changes) == 1; one != strings.Contains(d.Markdown(), "**1 change**") {
				t.Errorf("one change is %t, but in Markdown:\n%s", one, d.Markdown())
			}
			back, err := compare.Snapshots(newer, sample())
			if err != nil || back.Same != d.Same {
				t.Errorf("backwards: same is %v, %v", back.Same, err)
			}
		})
	}
	other := sample()
	other.Environment.OrganizationID = "another"
	if _, err := compare.Snapshots(sample(), other); err == nil {
		t.Error("snapshots of two environments were compared")
	}
	unread := sample()
	unread.Coverage[snapshot.SectionShares] = snapshot.Coverage{State: snapshot.StateFailed}
	if d, err := compare.Snapshots(unread, unread); err != nil || !d.Same || len(d.Environments[0].Incomparable) != 1 {
		t.Errorf("unread on both sides: %+v, %v", d, err)
	}
	older, newer := sample(), sample()
	for _, s := range []*snapshot.Snapshot{older, newer} {
		s.Coverage[snapshot.SectionUsers] = snapshot.Coverage{State: snapshot.StateFailed}
	}
	newer.Coverage[snapshot.SectionTeams] = snapshot.Coverage{State: snapshot.StateFailed}
	if d, err := compare.Snapshots(older, newer); err != nil || d.Same || len(d.Environments[0].Incomparable) != 2 {
		t.Errorf("no users, and teams only on one side: %+v, %v", d, err)
	}
}

func describe(d compare.Diff) string {
	var lines []string
	for _, e := range d.Environments {
		for _, c := range e.Changes {
			lines = append(lines, strings.Join([]string{string(c.Verb), c.Object, c.Name, c.What, c.From, c.To}, " "))
		}
		for _, i := range e.Incomparable {
			lines = append(lines, "? "+i.What+": "+i.Why)
		}
	}
	return strings.Join(lines, "\n")
}

func finding(id string, evidence audit.Evidence) audit.Finding {
	return audit.Finding{Fingerprint: id, Message: id, Subject: audit.Subject{Kind: audit.SubjectRole, ID: "role"}, Evidence: evidence}
}

func controlByID(id audit.ControlID, outcome audit.Outcome, findings ...audit.Finding) audit.Control {
	return audit.Control{ID: id, Severity: audit.SeverityHigh, Outcome: outcome, Findings: findings}
}

func result(controls ...audit.Control) audit.Result {
	r := audit.Result{
		Format: audit.ResultFormat, Controls: controls, EvaluatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Environment: audit.Environment{Name: "contoso", OrganizationID: "org"}, Profile: audit.Profile{Name: "p"},
	}
	r.SetVerdict()
	return r
}

func TestResults(t *testing.T) {
	const fail, pass, unknown, na, waived = audit.OutcomeFail, audit.OutcomePass, audit.OutcomeUnknown, audit.OutcomeNotApplicable, audit.OutcomeWaived
	partly := controlByID("A", fail, finding("y", nil))
	partly.Unjudged = []string{"x"}
	for _, test := range []struct {
		name     string
		was, now audit.Control
		want     string
		same     bool
	}{
		{"the same", controlByID("A", fail, finding("x", nil)), controlByID("A", fail, finding("x", nil)), "x unchanged", true},
		{"new", controlByID("A", pass), controlByID("A", fail, finding("x", nil)), "x new", false},
		{"fixed", controlByID("A", fail, finding("x", nil)), controlByID("A", pass), "x fixed", false},
		{"one of each", controlByID("A", fail, finding("x", nil), finding("y", nil)), controlByID("A", fail, finding("z", nil), finding("y", nil)), "z new, y unchanged, x fixed", false},
		{"another order", controlByID("A", fail, finding("x", nil), finding("y", nil)), controlByID("A", fail, finding("y", nil), finding("x", nil)), "y unchanged, x unchanged", true},
		{"not evaluated now", controlByID("A", fail, finding("x", nil)), controlByID("A", unknown), "x incomparable", false},
		{"not evaluated in full now", controlByID("A", fail, finding("x", nil)), partly, "y new, x incomparable", false},
		{"not evaluated before", controlByID("A", unknown), controlByID("A", fail, finding("x", nil)), "x incomparable", false},
		{"does not apply any more", controlByID("A", fail, finding("x", nil)), controlByID("A", na), "x incomparable", false},
		{"accepted", controlByID("A", fail, finding("x", nil)), controlByID("A", waived, finding("x", nil)), "x unchanged", false},
		{"worse", controlByID("A", fail, finding("x", audit.Evidence{"actual_depth": "local"})), controlByID("A", fail, finding("x", audit.Evidence{"actual_depth": "none"})), "x unchanged was x", false},
		{"another control", controlByID("A", fail, finding("x", nil)), controlByID("B", pass), "x incomparable", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := compare.Results([]audit.Result{result(test.was)}, []audit.Result{result(test.now)})
			var got []string
			for _, f := range d.Environments[0].Findings {
				text := f.Fingerprint + " " + string(f.State)
				if f.Was != "" {
					text += " was " + f.Was
				}
				got = append(got, text)
			}
			if text := strings.Join(got, ", "); text != test.want || d.Same != test.same {
				t.Errorf("got %q, same %v; want %q, same %v", text, d.Same, test.want, test.same)
			}
		})
	}
	other := result(controlByID("A", pass))
	other.Environment.OrganizationID = "another"
	if d := compare.Results([]audit.Result{other}, []audit.Result{result(controlByID("A", pass))}); d.Same || len(d.Environments) != 2 {
		t.Errorf("two environments: %+v", d)
	}
}

// TestRequirementsChanged proves that a missing finding is not fixed if another role is judged, and
// that changed requirements of the configuration are noted.
func TestRequirementsChanged(t *testing.T) {
	t.Parallel()
	of := func(role, allowed string, depth audit.Depth, c audit.Control) audit.Result {
		r := result(c)
		r.Integration = &audit.Integration{Role: &audit.Subject{Kind: audit.SubjectRole, ID: role}, Required: map[string]audit.Depth{"prvReadLead": depth}}
		if allowed != "" {
			r.Integration.Allowed = []string{allowed}
		}
		return r
	}
	was := of("role", "", audit.DepthGlobal, controlByID("A", audit.OutcomeFail, finding("x", nil)))
	for name, test := range map[string]struct {
		role, allowed string
		depth         audit.Depth
		state         compare.State
		notes         int
	}{
		"nothing else": {"role", "", audit.DepthGlobal, compare.StateFixed, 0},
		"another role": {"other", "", audit.DepthGlobal, compare.StateIncomparable, 1},
		"allowed":      {"role", "prvDeleteLead", audit.DepthGlobal, compare.StateFixed, 1},
		"lower depth":  {"role", "", audit.DepthLocal, compare.StateFixed, 1},
	} {
		now := of(test.role, test.allowed, test.depth, controlByID("A", audit.OutcomePass))
		e := compare.Results([]audit.Result{was}, []audit.Result{now}).Environments[0]
		if e.Findings[0].State != test.state || len(e.Notes) != test.notes {
			t.Errorf("%s: %+v, notes %q", name, e.Findings, e.Notes)
		}
	}
}

// TestResultsOfFiles proves that files, which have no organization, are matched by their names, and
// that no finding of an unread file is fixed.
func TestResultsOfFiles(t *testing.T) {
	of := func(name string, r audit.Result) audit.Result {
		r.Environment = audit.Environment{Name: name}
		return r
	}
	passes := of("a.xml", result(controlByID("A", audit.OutcomePass)))
	fails := of("b.xml", result(controlByID("A", audit.OutcomeFail, finding("x", nil))))
	unread := of("b.xml", result())
	unread.Unread = &audit.Unread{Message: "it is truncated"}
	if d := compare.Results([]audit.Result{passes, fails}, []audit.Result{fails, passes}); !d.Same || len(d.Environments) != 2 {
		t.Errorf("the same files: %+v", d)
	}
	for _, pair := range [][2]audit.Result{{fails, unread}, {unread, fails}} {
		e := compare.Results(pair[:1], pair[1:]).Environments[0]
		if len(e.Findings) != 1 || e.Findings[0].State != compare.StateIncomparable || len(e.Incomparable) != 1 || !strings.Contains(e.Incomparable[0].Why, "it is truncated") {
			t.Errorf("an unread file: %+v", e)
		}
	}
}

// TestUnreadOnBothSides proves that an environment that could not be read either time is reported
// but is not a change, so that no second message is sent about it.
func TestUnreadOnBothSides(t *testing.T) {
	t.Parallel()
	dead := audit.Result{
		Environment: audit.Environment{Name: "dead", URL: "https://dead.crm.dynamics.com"},
		Profile:     audit.Profile{Name: "demandbase"}, Unread: &audit.Unread{Message: "sign-in failed"},
	}
	alive := dead
	alive.Unread = nil
	for _, test := range []struct {
		was, now audit.Result
		same     bool
	}{{dead, dead, true}, {alive, dead, false}, {dead, alive, false}} {
		d := compare.Results([]audit.Result{test.was}, []audit.Result{test.now})
		if d.Same != test.same || len(d.Environments) != 1 || len(d.Environments[0].Incomparable) != 1 {
			t.Errorf("unread %t, then %t: %+v", test.was.Unread != nil, test.now.Unread != nil, d)
		}
	}
}

func TestBaseline(t *testing.T) {
	missing := audit.Evidence{"state": "missing", "actual_depth": "none"}
	shallow := audit.Evidence{"state": "shallow", "actual_depth": "local"}
	surplus := func(names ...any) audit.Evidence { return audit.Evidence{"surplus": names} }
	accepted := finding("x", nil)
	accepted.Waiver = &audit.Waiver{Kind: "accepted-risk"}
	for _, test := range []struct {
		name     string
		was, now audit.Finding
		want     audit.BaselineState
	}{
		{"the same", finding("x", missing), finding("x", missing), audit.BaselineUnchanged},
		{"another", finding("x", missing), finding("y", missing), audit.BaselineNew},
		{"better", finding("x", missing), finding("x", shallow), audit.BaselineUnchanged},
		{"worse", finding("x", shallow), finding("x", missing), audit.BaselineNew},
		{"more surplus", finding("x", surplus("a")), finding("x", surplus("a", "b")), audit.BaselineNew},
		{"less surplus", finding("x", surplus("a", "b")), finding("x", surplus("b")), audit.BaselineUnchanged},
		{"moved line", finding("x", audit.Evidence{"lines": []any{1}}), finding("x", audit.Evidence{"lines": []any{2}}), audit.BaselineUnchanged},
		{"accepted, and still", accepted, accepted, audit.BaselineUnchanged},
		{"accepted, and no more", accepted, finding("x", nil), audit.BaselineNew},
		{"accepted now", finding("x", nil), accepted, audit.BaselineUnchanged},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := result(controlByID("A", audit.OutcomeFail, test.now))
			got := compare.MarkBaseline([]audit.Result{now}, []audit.Result{result(controlByID("A", audit.OutcomeFail, test.was))})
			if state := got[0].Controls[0].Findings[0].Baseline; state != test.want {
				t.Errorf("got %q, want %q", state, test.want)
			}
			if now.Controls[0].Findings[0].Baseline != audit.BaselineNone {
				t.Error("the given result was changed")
			}
		})
	}
	other := result(controlByID("A", audit.OutcomeFail, finding("x", nil)))
	other.Profile.Name = "another"
	got := compare.MarkBaseline([]audit.Result{result(controlByID("A", audit.OutcomeFail, finding("x", nil)))}, []audit.Result{other})
	if state := got[0].Controls[0].Findings[0].Baseline; state != audit.BaselineNew {
		t.Errorf("of another profile: %q", state)
	}
}

// TestMarkdownHostile proves that a name stays in its cell and makes no link or mention.
func TestMarkdownHostile(t *testing.T) {
	for _, name := range []string{"a|b\n# c", "<script>alert(1)</script>", "@everyone", "[x](https://evil.example)", "\u202egnp\u200b", strings.Repeat("x", 5000)} {
		newer := sample()
		change(newer.Users, "user", func(u *snapshot.User) { u.Name, u.Disabled = name, true })
		d, err := compare.Snapshots(sample(), newer)
		if err != nil {
			t.Fatal(err)
		}
		text := d.Markdown()
		for _, bad := range []string{"<script", "[x]", "@e", "https:", "\u202e", "\u200b", "\n# c"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q contains %q:\n%s", name, bad, text)
			}
		}
		for line := range strings.Lines(text) {
			if bars := strings.Count(line, "|") - strings.Count(line, `\|`); bars != 0 && bars != 7 {
				t.Errorf("a row of %d bars: %s", bars, line)
			}
			if len(line) > 2000 {
				t.Errorf("a row of %d bytes", len(line))
			}
		}
	}
}

// TestOrder proves that lists of ids are compared as sets.
func TestOrder(t *testing.T) {
	older, newer := sample(), sample()
	change(older.Users, "user", func(u *snapshot.User) { u.Roles = []string{"a", "b"} })
	change(newer.Users, "user", func(u *snapshot.User) { u.Roles = []string{"b", "a"} })
	newer.Roles = maps.Clone(newer.Roles)
	d, err := compare.Snapshots(older, newer)
	if err != nil || !d.Same {
		t.Errorf("%v %v", d, err)
	}
}

// TestDifferentProfiles proves that results of different profiles with the same name are compared,
// with a note.
func TestDifferentProfiles(t *testing.T) {
	was, now := result(controlByID("A", audit.OutcomePass)), result(controlByID("A", audit.OutcomePass))
	was.Profile.Digest, was.Profile.Origin = "sha256:"+strings.Repeat("a", 64), "own.yaml"
	now.Profile.Digest, now.Profile.Origin = "sha256:"+strings.Repeat("b", 64), audit.OriginBuiltin
	says := func(where string, notes []string) {
		t.Helper()
		if len(notes) != 1 || !strings.Contains(notes[0], "own.yaml, sha256:aaaa") || !strings.Contains(notes[0], "built-in, sha256:bbbb") {
			t.Errorf("%s says %q", where, notes)
		}
	}
	d := compare.Results([]audit.Result{was}, []audit.Result{now})
	says("a diff", d.Environments[0].Notes)
	if !strings.Contains(d.Markdown(), "a different profile") {
		t.Error("a diff in Markdown does not say it")
	}
	says("a baseline", compare.MarkBaseline([]audit.Result{now}, []audit.Result{was})[0].Notes)
	was.Profile = now.Profile
	if same := compare.Results([]audit.Result{was}, []audit.Result{now}); same.Environments[0].Notes != nil {
		t.Errorf("of the same profile the notes are %q", same.Environments[0].Notes)
	}
}

// TestBaselineOfFiles has the same role in two files, as of two solutions. It proves that the
// baseline of one file does not cover the other, even if a file is moved.
func TestBaselineOfFiles(t *testing.T) {
	at := func(file string, findings ...audit.Finding) audit.Result {
		r := result(controlByID("A", audit.OutcomeFail, findings...))
		r.Environment = audit.Environment{Name: file}
		return r
	}
	x, y := finding("x", nil), finding("y", nil)
	was := []audit.Result{at("a/Roles/R.xml", x), at("b/Roles/R.xml")}
	for _, test := range []struct {
		name string
		was  []audit.Result
		now  []audit.Result
		want string
	}{
		{"as before", was, []audit.Result{at("a/Roles/R.xml", x), at("b/Roles/R.xml")}, "a/Roles/R.xml x unchanged"},
		{"in the other file too", was, []audit.Result{at("a/Roles/R.xml", x), at("b/Roles/R.xml", x)}, "a/Roles/R.xml x unchanged b/Roles/R.xml x new"},
		{"moved", was, []audit.Result{at("c/Roles/R.xml", x), at("b/Roles/R.xml")}, "c/Roles/R.xml x unchanged"},
		{"moved, and in the other file", was, []audit.Result{at("c/Roles/R.xml", x), at("b/Roles/R.xml", x)}, "c/Roles/R.xml x unchanged b/Roles/R.xml x new"},
		{"copied", was, []audit.Result{at("a/Roles/R.xml", x), at("c/Roles/R.xml", x)}, "a/Roles/R.xml x unchanged c/Roles/R.xml x new"},
		{"one gone, two new", was, []audit.Result{at("c/Roles/S.xml", x), at("d/Roles/R.xml", x)}, "c/Roles/S.xml x new d/Roles/R.xml x unchanged"},
		{
			"all below another folder",
			[]audit.Result{at("a/Roles/R.xml", x), at("b/Roles/R.xml", x, y)},
			[]audit.Result{at("src/a/Roles/R.xml", x, y), at("src/b/Roles/R.xml", x, y)},
			"src/a/Roles/R.xml x unchanged src/a/Roles/R.xml y new src/b/Roles/R.xml x unchanged src/b/Roles/R.xml y unchanged",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, r := range compare.MarkBaseline(test.now, test.was) {
				for _, f := range r.Controls[0].Findings {
					got = append(got, r.Environment.Name, f.Fingerprint, string(f.Baseline))
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), test.want)
			}
		})
	}
}

// BenchmarkManyEnvironments compares the results of 1,000 environments with earlier ones.
func BenchmarkManyEnvironments(b *testing.B) {
	rs := make([]audit.Result, 1000)
	for i := range rs {
		rs[i] = result(controlByID("A", audit.OutcomeFail, finding("x", nil)))
		rs[i].Environment = audit.Environment{URL: "https://contoso.crm.dynamics.com", OrganizationID: fmt.Sprintf("11111111-1111-1111-1111-%012d", i)}
	}
	b.Run("results", func(b *testing.B) {
		for b.Loop() {
			compare.Results(rs, rs)
		}
	})
	b.Run("baseline", func(b *testing.B) {
		for b.Loop() {
			compare.MarkBaseline(rs, rs)
		}
	})
}
