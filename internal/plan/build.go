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
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// The time after its snapshot in which a plan may be applied.
const (
	DefaultValidity = 72 * time.Hour
	MaxValidity     = 30 * 24 * time.Hour
)

// Options say what goes into a plan.
type Options struct {
	Tool     audit.Tool
	MadeAt   time.Time
	Validity time.Duration // from the time of the snapshot, at most [MaxValidity]; 0 is [DefaultValidity]
	// Only lists the ids of the controls to fix, empty for all. Except lists the ones to leave out.
	Only, Except          []string
	LeastPrivilege        bool                   // remove surplus privileges from the role
	ReplaceFiltered       bool                   // replace grants for some records only, which rollback cannot restore
	UnassignAdministrator bool                   // remove administrator roles from the user
	Minimum               []string               // the privileges that the profile requires
	Depths                map[string]audit.Depth // the depths that the profile states
}

// The rules that a new user fails until it has the role and the shares.
const (
	ruleUserRole   = "user/role"
	ruleViewShared = "view/shared"
)

// Build returns the plan that fixes the findings of a result. The result must come from the
// snapshot.
func Build(r audit.Result, s *snapshot.Snapshot, o Options) (Plan, error) {
	switch {
	case r.Snapshot.Digest != s.Digest:
		return Plan{}, fmt.Errorf("the result was made from the snapshot %s, and the given one is %s: pass a matching pair",
			r.Snapshot.Digest, s.Digest)
	case s.Source == snapshot.SourceSolution:
		return Plan{}, errors.New("a plan cannot change a solution file: plan for the environment that it is imported into")
	case s.Environment.OrganizationID == "":
		return Plan{}, errors.New("the snapshot does not name its organization: collect it again")
	case o.Validity < 0 || o.Validity > MaxValidity:
		return Plan{}, fmt.Errorf("a plan cannot be valid for %s: the maximum is %s", text.Duration(o.Validity), text.Duration(MaxValidity))
	}
	if o.Validity == 0 {
		o.Validity = DefaultValidity
	}
	for _, id := range slices.Concat(o.Only, o.Except) {
		if !slices.ContainsFunc(r.Controls, func(c audit.Control) bool { return strings.EqualFold(id, string(c.ID)) }) {
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
	b.markPartialReasons()
	b.appendActions()
	return b.plan, b.plan.Seal()
}

// A builder collects the changes that fix the findings, by target, and puts them in order.
type builder struct {
	Options

	result   audit.Result
	snapshot *snapshot.Snapshot
	plan     Plan

	newRole         *roleChange
	roles           map[string]*roleChange // by the id of the root copy
	newUser         *change.Action
	enable          *change.Action
	assign          *assignment
	unassign        []assignment
	roleUnassigned  bool                    // set if assigning the integration role is a manual step
	needsAssignment map[string]bool         // fingerprints of findings that also require the role's assignment
	shares          map[string]*shareChange // by view and principal
}

// A cause is a finding with its fix.
type cause struct {
	control audit.Control
	finding audit.Finding
	fix     audit.Fix
}

func (c cause) reason() change.Reason {
	return change.Reason{Control: c.control.ID, Fingerprint: c.finding.Fingerprint}
}

func containsControl(list []string, id audit.ControlID) bool {
	return slices.ContainsFunc(list, func(c string) bool { return strings.EqualFold(c, string(id)) })
}

func (b *builder) isSelected(id audit.ControlID) bool {
	return (len(b.Only) == 0 || containsControl(b.Only, id)) && !containsControl(b.Except, id)
}

// collectFixes adds the fixes of the findings to what they change.
func (b *builder) collectFixes() {
	for _, c := range b.result.Controls {
		selected := b.isSelected(c.ID)
		if c.Outcome == audit.OutcomeUnknown && selected {
			b.plan.Unknown = append(b.plan.Unknown, Unknown{c.ID, c.Reason})
		}
		if c.Outcome != audit.OutcomeFail {
			continue
		}
		if len(c.Unjudged) > 0 && selected {
			b.plan.Unknown = append(b.plan.Unknown, Unknown{c.ID, strings.Join(c.Unjudged, "; ")})
		}
		for _, f := range c.Findings {
			if f.Waiver != nil {
				continue
			}
			b.plan.Findings = append(b.plan.Findings, Finding{Control: c.ID, Fingerprint: f.Fingerprint, Message: f.Message, LeftOut: !selected})
			if f.Fix != nil && selected {
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

// addManual makes a fix a manual step. Without an obstacle, no tool can make the fix.
func (b *builder) addManual(c cause, o obstacle) { b.addManualNamed(c, o, "") }

// addManualNamed is addManual for an obstacle that is the business unit or the owner with a name.
func (b *builder) addManualNamed(c cause, o obstacle, name string) {
	if owner, disabled := b.disabledOwner(c.fix); disabled {
		o, name = obstacleOwnerDisabled, owner
	}
	remedy := change.RemedyFor(c.fix, change.Place{Environment: b.result.Environment, Profile: b.result.Profile.Name})
	summary, steps := remedy.Summary, remedy.Portal
	if o == obstacleOwnerDisabled {
		summary = "Bring " + describe(c.fix.View, "the view") + " to a user who is enabled."
	}
	r := o.resolution(c.fix, name)
	if r.reason != "" {
		summary, steps = strings.TrimSuffix(summary, ".")+": "+r.reason+".", r.how
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
	for _, reason := range why {
		if !slices.Contains(list, reason) {
			list = append(list, reason)
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

// controlByRule returns the control of a rule; ok is false if the plan must not fix it.
func (b *builder) controlByRule(rule string) (c audit.Control, ok bool) {
	for _, c := range b.result.Controls {
		if c.Rule == rule {
			return c, b.isSelected(c.ID)
		}
	}
	return audit.Control{}, false
}

// moveUnsafeToManual makes manual steps of three kinds of actions: the assignment of a role that
// grants more than is required, the removal of the roles that the user needs until it has the
// integration role, and shares with a user without roles, which the environment may refuse.
func (b *builder) moveUnsafeToManual() {
	if b.assign != nil && b.assign.Target.Role.ID != "" {
		b.checkAssignment(b.assign.Target.Role.ID, b.assign.Target.Role.Name)
	}
	if b.roleUnassigned {
		for _, a := range b.unassign {
			b.addManual(a.causes[0], obstacleRoleUnassigned)
		}
		b.unassign = nil
	}
	if b.assign == nil && len(b.rolesOfUser()) == 0 {
		for _, key := range slices.Sorted(maps.Keys(b.shares)) {
			if s := b.shares[key]; s.shareReasons != nil && s.principal.ID == b.plan.IntegrationUser {
				b.addManual(s.shareCause, obstacleNoRole)
				s.shareReasons = nil
			}
		}
	}
}

// markPartialReasons marks the findings that remain after a grant, because the role is not
// assigned to the user.
func (b *builder) markPartialReasons() {
	for root, role := range b.roles {
		lacksRole := b.userLacksRole(root)
		for _, reasons := range role.grantReasons {
			for i := range reasons {
				unassigned := b.needsAssignment[reasons[i].Fingerprint] && b.assign == nil
				reasons[i].Partly = reasons[i].Partly || lacksRole || unassigned
			}
		}
	}
}

// userLacksRole reports whether the user has only other roles, and the plan does not assign this one.
func (b *builder) userLacksRole(root string) bool {
	roles := b.rolesOfUser()
	return b.assign == nil && len(roles) > 0 && !slices.ContainsFunc(roles, func(id string) bool { return b.snapshot.Roles[id].RootID == root })
}

// rolesOfUser returns the roles that the integration user has, directly or through teams.
func (b *builder) rolesOfUser() []string {
	user := b.snapshot.Users[b.plan.IntegrationUser]
	roles := slices.Clone(user.Roles)
	for _, team := range user.Teams {
		roles = append(roles, b.snapshot.Teams[team].Roles...)
	}
	return roles
}

// appendActions appends the actions in order. The complete role comes first, so that no user ever
// has a part of it. The user and the shares follow. Shares that may be refused, because the
// owner was not read, come last.
func (b *builder) appendActions() {
	roleMadeBy, userMadeBy := "", ""
	if r := b.newRole; r != nil {
		roleMadeBy = b.appendAction(change.NewAction(change.CreateRole, change.Target{Role: &change.Ref{Name: r.ref.Name}, BusinessUnit: &r.unit}, r.reasons))
		r.ref.MadeBy = roleMadeBy
		b.appendGrants(r, nil)
	}
	for _, id := range slices.Sorted(maps.Keys(b.roles)) {
		r := b.roles[id]
		b.appendGrants(r, b.snapshot.RolePrivileges[id])
		b.appendRemovals(r)
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
	b.appendShares(userMadeBy, true)
	for _, a := range b.unassign {
		b.appendAction(a.Action)
	}
	b.appendShares(userMadeBy, false)
}

// setMadeBy sets the actions that create the role and the user of an assignment.
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

// appendAction completes and appends an action, and returns its id.
func (b *builder) appendAction(a change.Action) string {
	a.ID = strconv.Itoa(len(b.plan.Actions) + 1)
	a.Summary, a.Risk, a.Note = a.Describe(b.plan.Requirement.Allow)
	a.Request, a.Undo = a.Requests(b.plan.Environment.URL)
	b.plan.Actions = append(b.plan.Actions, a)
	return a.ID
}
