package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// How long after its snapshot a plan may be applied.
const (
	DefaultValidity = 72 * time.Hour
	MaxValidity     = 30 * 24 * time.Hour
)

// Options say what goes into a plan.
type Options struct {
	Tool     audit.Tool
	MadeAt   time.Time
	Validity time.Duration // counts from the snapshot, [MaxValidity] at most; 0 is [DefaultValidity]
	// Only are the controls to fix, or empty for all; Except are left out.
	Only, Except []audit.ControlID
	// LeastPrivilege removes surplus privileges from the role.
	LeastPrivilege bool
	// ReplaceFiltered replaces grants for some records only, which rollback cannot undo.
	ReplaceFiltered bool
	// UnassignAdministrator removes administrator roles from the user.
	UnassignAdministrator bool
	Minimum               []string // what the profile requires, and Depths the depths that it states
	Depths                map[string]audit.Depth
}

// The rules that a new user fails as soon as it exists.
const (
	ruleUserRole   = "user/role"
	ruleViewShared = "view/shared"
)

// Build derives the plan for the findings of a result in a snapshot.
func Build(r audit.Result, s *snapshot.Snapshot, o Options) (Plan, error) {
	switch {
	case r.Snapshot.Digest != s.Digest:
		return Plan{}, fmt.Errorf("the result was made from another snapshot (%s) than the given one (%s): pass a matching pair",
			r.Snapshot.Digest, s.Digest)
	case s.Source == snapshot.SourceSolution:
		return Plan{}, errors.New("a plan cannot change a solution file: plan for the environment that it is imported into")
	case s.Environment.OrganizationID == "":
		return Plan{}, errors.New("the snapshot does not name its organization: collect it again")
	case o.Validity < 0 || o.Validity > MaxValidity:
		return Plan{}, fmt.Errorf("a plan cannot be valid for %s: the maximum is %s", o.Validity, MaxValidity)
	}
	if o.Validity == 0 {
		o.Validity = DefaultValidity
	}
	for _, id := range slices.Concat(o.Only, o.Except) {
		if !slices.ContainsFunc(r.Controls, func(c audit.Control) bool { return containsControl([]audit.ControlID{id}, c.ID) }) {
			return Plan{}, fmt.Errorf("there is no control %q in the profile %s", id, r.Profile.Name)
		}
	}
	b := builder{
		Options: o, result: r, snapshot: s,
		roles: map[string]*roleChange{}, shares: map[string]*shareChange{}, needsAssignment: map[string]bool{},
		plan: Plan{
			Format: Format, Tool: o.Tool, Environment: r.Environment, Profile: r.Profile.Name, ProfileDigest: r.Profile.Digest,
			Requirement: s.Requirement, Snapshot: r.Snapshot,
			MadeAt:    o.MadeAt.UTC().Truncate(time.Second),
			ExpiresAt: s.TakenAt.UTC().Add(o.Validity),
			Actions:   []change.Action{}, Manual: []Manual{}, Withheld: []Withheld{}, Unknown: []Unknown{}, Findings: []Finding{},
		},
	}
	b.plan.IntegrationUser = subjectID(b.integration().User)
	root, _ := b.rootUnit()
	b.plan.RootUnit = root.ID
	b.collectFixes()
	b.assignBeforeUnassign()
	if b.newRole != nil || b.newUser != nil {
		b.assignNewRole()
	}
	b.shareWithNewUser()
	b.moveUnsafeToManual()
	b.appendActions()
	return b.plan, b.plan.Seal()
}

// A builder gathers the changes that findings need, by target, and puts them in order.
type builder struct {
	Options

	result   audit.Result
	snapshot *snapshot.Snapshot
	plan     Plan

	newRole         *roleChange
	roles           map[string]*roleChange // by the root's id
	newUser         *change.Action
	enable          *change.Action
	assign          *assignment
	unassign        []assignment
	roleUnassigned  bool                    // set if the integration role should be assigned, but only manually
	needsAssignment map[string]bool         // the fingerprints of findings that need the role's assignment too
	shares          map[string]*shareChange // by view and principal
}

// A cause is a finding and its fix.
type cause struct {
	control audit.Control
	finding audit.Finding
	fix     audit.Fix
}

func (c cause) reason() change.Reason {
	return change.Reason{Control: c.control.ID, Fingerprint: c.finding.Fingerprint}
}

func containsControl(list []audit.ControlID, id audit.ControlID) bool {
	return slices.ContainsFunc(list, func(c audit.ControlID) bool { return strings.EqualFold(string(c), string(id)) })
}

func (b *builder) isSelected(id audit.ControlID) bool {
	return (len(b.Only) == 0 || containsControl(b.Only, id)) && !containsControl(b.Except, id)
}

// collectFixes sorts the findings' fixes by what they change.
func (b *builder) collectFixes() {
	for _, c := range b.result.Controls {
		wanted := b.isSelected(c.ID)
		if c.Outcome == audit.OutcomeUnknown && wanted {
			b.plan.Unknown = append(b.plan.Unknown, Unknown{c.ID, c.Reason})
		}
		if c.Outcome != audit.OutcomeFail {
			continue
		}
		if len(c.Unjudged) > 0 && wanted {
			b.plan.Unknown = append(b.plan.Unknown, Unknown{c.ID, strings.Join(c.Unjudged, "; ")})
		}
		for _, f := range c.Findings {
			if f.Waiver != nil {
				continue
			}
			b.plan.Findings = append(b.plan.Findings, Finding{Control: c.ID, Fingerprint: f.Fingerprint, Message: f.Message, LeftOut: !wanted})
			if f.Fix != nil && wanted {
				b.addFix(cause{c, f, *f.Fix})
			}
		}
	}
}

func (b *builder) addFix(c cause) {
	switch c.fix.Kind {
	case change.CreateRole:
		b.createRole(c)
	case change.AddPrivilege, change.RaiseDepth:
		b.grantPrivileges(c)
	case change.RemovePrivilege:
		b.removePrivileges(c)
	case change.CreateApplicationUser:
		b.createUser(c)
	case change.EnableUser:
		b.enableUser(c)
	case change.AssignRole:
		b.assignRole(c)
	case change.UnassignRole:
		b.unassignRole(c)
	case change.ShareView, change.ReduceShare:
		b.share(c)
	case change.MoveUser:
		b.moveUser(c)
	default:
		b.addManual(c, obstacleNone)
	}
}

// addManual makes a fix a manual step, because of an obstacle or because no tool does it.
func (b *builder) addManual(c cause, o obstacle) { b.addManualNamed(c, o, "") }

// addManualNamed is manual for an obstacle in the unit or the owner of that name.
func (b *builder) addManualNamed(c cause, o obstacle, name string) {
	if owner, disabled := b.disabledOwner(c.fix); disabled {
		o, name = obstacleOwnerDisabled, owner
	}
	m := change.RemedyFor(c.fix, change.Place{Environment: b.result.Environment, Profile: b.result.Profile.Name})
	summary, steps := m.Summary, m.Portal
	if o == obstacleOwnerDisabled {
		summary = "Bring " + describe(c.fix.View, "the view") + " to a user who is enabled."
	}
	r := o.resolution(c.fix, name)
	if r.why != "" {
		summary, steps = strings.TrimSuffix(summary, ".")+": "+r.why+".", r.how
	}
	b.appendManual(c, summary, r.who, steps)
}

func (b *builder) appendManual(c cause, summary, who string, steps []string) {
	if steps == nil {
		steps = []string{}
	}
	b.plan.Manual = append(b.plan.Manual, Manual{
		Control: c.control.ID, Fingerprint: c.finding.Fingerprint, Kind: c.fix.Kind, Summary: summary, Who: who, How: steps,
	})
}

func (b *builder) withhold(c cause) {
	b.plan.Withheld = append(b.plan.Withheld, Withheld{c.control.ID, c.fix.Kind, change.Summary(c.fix), change.PlanFlag(c.fix)})
}

func addReasons(list []change.Reason, why ...change.Reason) []change.Reason {
	for _, w := range why {
		if !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}

func refID(r *audit.Reference) string {
	if r == nil {
		return ""
	}
	return r.ID
}

// controlByRule is the control of a rule, if the plan may fix it.
func (b *builder) controlByRule(rule string) (audit.Control, bool) {
	for _, c := range b.result.Controls {
		if c.Rule == rule {
			return c, b.isSelected(c.ID)
		}
	}
	return audit.Control{}, false
}

// moveUnsafeToManual makes manual steps of an assignment that gives the user more than is required, of
// removing the roles that the user depends on until then, and of shares with a user who has
// no role, which the environment may refuse.
func (b *builder) moveUnsafeToManual() {
	if b.assign != nil && b.assign.Target.Role.ID != "" {
		b.checkAssignment(b.assign.Target.Role.ID, b.assign.Target.Role.Name)
	}
	if b.roleUnassigned {
		for _, w := range b.unassign {
			b.addManual(w.causes[0], obstacleRoleUnassigned)
		}
		b.unassign = nil
	}
	if b.assign == nil && len(b.rolesOfUser()) == 0 {
		for _, key := range slices.Sorted(maps.Keys(b.shares)) {
			if w := b.shares[key]; w.shareReasons != nil && w.principal.ID == b.plan.IntegrationUser {
				b.addManual(w.shareCause, obstacleNoRole)
				w.shareReasons = nil
			}
		}
	}
	for root, w := range b.roles {
		elsewhere := b.userLacksRole(root)
		for _, reasons := range w.grantReasons {
			for i := range reasons {
				alone := b.needsAssignment[reasons[i].Fingerprint] && b.assign == nil
				reasons[i].Partly = reasons[i].Partly || elsewhere || alone
			}
		}
	}
}

// userLacksRole reports whether the user has roles, but will not have this one, so that a grant
// to this role does not help the user.
func (b *builder) userLacksRole(root string) bool {
	reaching := b.rolesOfUser()
	return b.assign == nil && len(reaching) > 0 && !slices.ContainsFunc(reaching, func(id string) bool { return b.snapshot.Roles[id].RootID == root })
}

// rolesOfUser are the roles that the integration user has, directly or through teams.
func (b *builder) rolesOfUser() []string {
	user := b.snapshot.Users[b.plan.IntegrationUser]
	roles := slices.Clone(user.Roles)
	for _, team := range user.Teams {
		roles = append(roles, b.snapshot.Teams[team].Roles...)
	}
	return roles
}

// appendActions writes the actions: first the complete role, so that no user ever has a part of it; then the
// user; then the shares. Shares that may be refused, because the owner was not read, come last.
func (b *builder) appendActions() {
	roleMadeBy, userMadeBy := "", ""
	if w := b.newRole; w != nil {
		roleMadeBy = b.appendAction(change.NewAction(change.CreateRole, change.Target{Role: &change.Ref{Name: w.ref.Name}, BusinessUnit: &w.unit}, w.reasons))
		w.ref.MadeBy = roleMadeBy
		b.appendGrants(w, nil)
	}
	for _, id := range slices.Sorted(maps.Keys(b.roles)) {
		w := b.roles[id]
		b.appendGrants(w, b.snapshot.RolePrivileges[id])
		b.appendRemovals(w)
	}
	if b.newUser != nil {
		userMadeBy = b.appendAction(*b.newUser)
	}
	if b.enable != nil {
		b.appendAction(*b.enable)
	}
	if b.assign != nil {
		b.appendAction(setMadeBy(b.assign.Action, roleMadeBy, userMadeBy))
	}
	b.appendShares(userMadeBy, false)
	for _, w := range b.unassign {
		b.appendAction(w.Action)
	}
	b.appendShares(userMadeBy, true)
}

// setMadeBy names the actions that create the role and the user of an assignment.
func setMadeBy(a change.Action, role, user string) change.Action {
	t := &a.Target
	if t.Role.ID == "" {
		t.Role.MadeBy = role
		if t.Copy.Name != "" { // the role itself
			t.Copy.MadeBy = role
		}
	}
	t.Copy.Name = t.Role.Name
	if t.User.ID == "" {
		t.User.MadeBy = user
	}
	return a
}

// appendAction appends an action with what follows from it, and returns its id.
func (b *builder) appendAction(a change.Action) string {
	a.ID = strconv.Itoa(len(b.plan.Actions) + 1)
	a.Summary, a.Risk, a.Note = a.Describe(b.plan.Requirement.Allow)
	a.Request, a.Undo = a.Requests(b.plan.Environment.URL)
	b.plan.Actions = append(b.plan.Actions, a)
	return a.ID
}
