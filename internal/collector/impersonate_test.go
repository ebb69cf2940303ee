package collector_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An environment that ignores the header returns the auditor's list. It does not count as the
// user's or an owner's.
func TestUnheededImpersonation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*simulator.Environment)
		want   gaps
	}{
		"of everybody": {
			func(env *simulator.Environment) { env.Contradictions = []simulator.Contradiction{simulator.ActIgnored} },
			gaps{snapshot.SectionUserViews: "failed", snapshot.SectionViews: "failed"},
		},
		"of an id that Entra knows and the environment does not, by the other header": {
			func(env *simulator.Environment) {
				env.Contradictions = []simulator.Contradiction{simulator.ActAsUnknownIgnored}
			},
			gaps{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtin(t, "compliant", test.change), labOptions{})
			s := l.must(nil)
			wantGaps(t, s, test.want)
			for section := range test.want {
				if d := s.Coverage[section].Detail; !strings.Contains(d, "responded as the auditor") {
					t.Errorf("%s: %q", section, d)
				}
			}
			for id, v := range s.Views {
				if test.want[snapshot.SectionUserViews] != "" && strings.Contains(cmp.Diff(v.SeenBy, []snapshot.Viewer{snapshot.ViewerAuditor}), "-") {
					t.Errorf("the view %s is said to be seen by %v", id, v.SeenBy)
				}
			}
		})
	}
}

// The shares of visible views complete a share table that shows only some.
func TestSharesInPart(t *testing.T) {
	t.Parallel()
	for name, blind := range map[string]bool{"as the user": false, "as the owner": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := func(env *simulator.Environment) {
				if blind {
					env.ApplicationUser(env.Suggest.ApplicationID).Roles = nil
				}
			}
			whole := newLab(t, builtin(t, "compliant", change), labOptions{}).must(nil)
			part := newLab(t, builtin(t, "compliant", func(env *simulator.Environment) {
				change(env)
				env.Contradictions = []simulator.Contradiction{simulator.SharesInPart}
			}), labOptions{}).must(nil)
			if diff := cmp.Diff(whole.Shares, part.Shares); diff != "" || len(whole.Shares) == 0 {
				t.Errorf("-whole +part:\n%s", diff)
			}
			if d := part.Coverage[snapshot.SectionShares].Detail; !strings.Contains(d, "only some shares") {
				t.Errorf("%q", d)
			}
		})
	}
}

// Responses from two organizations are refused.
func TestTwoOrganizations(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtin(t, "compliant", func(env *simulator.Environment) {
		env.Contradictions = []simulator.Contradiction{simulator.OtherOrganization}
	}), labOptions{})
	if s, err := collect(t.Context(), l.client, l.options); err == nil || !strings.Contains(err.Error(), "two organizations") {
		t.Errorf("%v, %v", s, err)
	}
}

// A row with a duplicate column is not a valid response.
func TestMembersTwice(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtin(t, "compliant", func(env *simulator.Environment) {
		env.Contradictions = []simulator.Contradiction{simulator.MembersTwice}
	}), labOptions{})
	s := l.must(nil)
	if c := s.Coverage[snapshot.SectionUsers]; c.State != snapshot.StateFailed || !strings.Contains(c.Detail, "twice") {
		t.Errorf("%s: %s", c.State, c.Detail)
	}
}

// The auditor's access level is unknown if its privileges are not named, apply to some records
// only, or have an unknown depth.
func TestSightOfNothingNamed(t *testing.T) {
	t.Parallel()
	const auditing = "dbaudit Auditor"
	for privilege, section := range map[string]snapshot.Section{
		"prvReadTeam": snapshot.SectionTeams, "prvReadRole": snapshot.SectionRoles, "prvReadUser": snapshot.SectionUsers,
	} {
		for name, test := range map[string]struct {
			change func(*simulator.Environment)
			words  string
		}{
			"not named": {func(env *simulator.Environment) { env.UnnamedPrivileges = []string{privilege} }, "do not include " + privilege},
			"filtered":  {func(env *simulator.Environment) { env.Role(auditing).RecordFilters = []string{privilege} }, "for some records only"},
			"of the depth of a filter": {
				func(env *simulator.Environment) {
					env.Role(auditing).DepthWords = map[string]string{privilege: "RecordFilter"}
				}, "for some records only",
			},
			"of another depth": {
				func(env *simulator.Environment) {
					env.Role(auditing).DepthWords = map[string]string{privilege: "Galaxy"}
				}, `"Galaxy"`,
			},
		} {
			t.Run(privilege+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newLab(t, builtin(t, "compliant", test.change), labOptions{}).must(nil)
				wantGaps(t, s, gaps{section: "forbidden"})
				if d := s.Coverage[section].Detail; !strings.Contains(d, test.words) || !strings.Contains(d, "at Organization level") {
					t.Errorf("%q", d)
				}
			})
		}
	}
}

// The coverage says that the user has no role only if all roles and teams were visible.
func TestNoRoleAmongThoseSeen(t *testing.T) {
	t.Parallel()
	s := newLab(t, builtin(t, "compliant", func(env *simulator.Environment) {
		env.Role("dbaudit Auditor").Privileges["prvReadRole"] = simulator.DepthLocal
		env.ApplicationUser("dbaudit").BusinessUnit = "Europe"
	}), labOptions{}).must(nil)
	if d := s.Coverage[snapshot.SectionUserViews].Detail; strings.Contains(d, "has no role") {
		t.Errorf("roles are %s, and yet: %q", s.Coverage[snapshot.SectionRoles].State, d)
	}
}

// If neither the user's list nor a view's shares can be read, an incomplete table does not prove
// that a view is not shared.
func TestSharesInPartOfWhatNobodyTells(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		closed bool // the shares of a view cannot be read
		want   gaps
	}{
		"the view tells": {false, gaps{snapshot.SectionUserViews: "skipped"}},
		"nobody tells":   {true, gaps{snapshot.SectionUserViews: "skipped", snapshot.SectionShares: "forbidden"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtin(t, "compliant", func(env *simulator.Environment) {
				env.ApplicationUser(env.Suggest.ApplicationID).Disabled = true
				env.Contradictions = []simulator.Contradiction{simulator.SharesInPart}
				for i := range env.PersonalViews {
					v := &env.PersonalViews[i]
					v.Shares = append(v.Shares, simulator.Share{Principal: "dbaudit", Access: simulator.RightRead})
				}
			}), labOptions{})
			for i := range l.options.Requirement.Views {
				l.options.Requirement.Views[i].Owner = "" // only the auditor sees them
			}
			s := l.must(func(r collector.Reader) collector.Reader {
				return filter{Reader: r, before: func(r dataverse.Request) error {
					if test.closed && set(r) == "RetrieveSharedPrincipalsAndAccess" {
						return &dataverse.Error{Kind: dataverse.Forbidden, Status: 403, Label: r.Label, Attempts: 1}
					}
					return nil
				}}
			})
			wantGaps(t, s, test.want)
			given := 0
			for _, shares := range s.Shares {
				given += len(shares)
			}
			if told := given > 0; told == test.closed {
				t.Errorf("%d shares are known", given)
			}
		})
	}
}
