package plan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// DefaultValidity is how long after its snapshot a plan may be applied.
const DefaultValidity = 72 * time.Hour

// Options say what goes into a plan.
type Options struct {
	Tool   audit.Tool
	MadeAt time.Time
	// Validity counts from the snapshot; 0 is [DefaultValidity].
	Validity time.Duration
	// Only, where it is not empty, names the controls whose findings are mended;
	// Except those whose are not.
	Only, Except []audit.ControlID
	// LeastPrivilege takes surplus privileges from the role.
	LeastPrivilege bool
	// UnassignAdministrator takes administrator roles from the user.
	UnassignAdministrator bool
	// Minimum is what the profile asks for.
	Minimum []string
	// Pattern is the part of a name by which the profile deduces user and role.
	Pattern string
	// Describe puts a fix into a person's words: a sentence and steps.
	Describe func(audit.Fix) (summary string, steps []string)
}

// The rules whose controls a new user would fail as soon as it is there.
const (
	ruleUserRole   = "user/role"
	ruleViewShared = "view/shared"
)

// Build derives the plan for what a result found in a snapshot.
func Build(r audit.Result, s *snapshot.Snapshot, o Options) (Plan, error) {
	switch {
	case r.Snapshot.Digest != s.Digest:
		return Plan{}, fmt.Errorf("the result was made from another snapshot (%s) than the one given (%s): give the two that belong together",
			r.Snapshot.Digest, s.Digest)
	case s.Source == snapshot.SourceSolution:
		return Plan{}, errors.New("a solution file cannot be changed by a plan: plan for the environment that it is imported into")
	case s.Environment.OrganizationID == "":
		return Plan{}, errors.New("the snapshot does not say which organization it is of: collect it again")
	}
	if o.Validity == 0 {
		o.Validity = DefaultValidity
	}
	if o.Describe == nil {
		o.Describe = func(f audit.Fix) (string, []string) { return f.Kind.String(), nil }
	}
	b := builder{
		Options: o, result: r, snapshot: s,
		roles: map[string]*roleWork{}, shares: map[string]*shareWork{},
		plan: Plan{
			Format: Format, Tool: o.Tool, Environment: r.Environment, Profile: r.Profile.Name,
			Requirement: s.Requirement, Snapshot: r.Snapshot,
			MadeAt:    o.MadeAt.UTC().Truncate(time.Second),
			ExpiresAt: s.TakenAt.UTC().Add(o.Validity),
			Actions:   []Action{}, Manual: []Manual{}, Withheld: []Withheld{}, Unknown: []Unknown{}, Findings: []Finding{},
		},
	}
	if err := b.knownControls(); err != nil {
		return Plan{}, err
	}
	b.plan.IntegrationUser = b.integrationUser()
	b.gather()
	b.emit()
	return b.plan, b.plan.Seal()
}

// A builder gathers what findings ask for, by target, and then writes it down in
// the order of dependency.
type builder struct {
	Options

	result   audit.Result
	snapshot *snapshot.Snapshot
	plan     Plan

	newRole   *roleWork
	roles     map[string]*roleWork // by the root's id
	newUser   *userWork
	enable    *userWork
	assign    *assignWork
	unassign  []assignWork
	shares    map[string]*shareWork // by view and principal
	shareKeys []string
}

type roleWork struct {
	ref      Ref
	grants   map[string]audit.Grant
	removals []string
	why      []Reason // of the role as a whole
	addWhy   map[string][]Reason
	takeWhy  []Reason
	unit     Ref
}

type userWork struct {
	ref  Ref
	app  string
	unit Ref
	why  []Reason
}

type assignWork struct {
	role, copied, user Ref
	unit               Ref
	why                []Reason
}

type shareWork struct {
	view, principal, owner Ref
	table                  string
	add                    bool
	reduce                 bool
	addWhy, reduceWhy      []Reason
}

func (b *builder) knownControls() error {
	for _, id := range slices.Concat(b.Only, b.Except) {
		if !slices.ContainsFunc(b.result.Controls, func(c audit.Control) bool { return same(c.ID, id) }) {
			return fmt.Errorf("there is no control %q in the profile %s", id, b.result.Profile.Name)
		}
	}
	return nil
}

func same(a, b audit.ControlID) bool { return strings.EqualFold(string(a), string(b)) }

func (b *builder) wanted(id audit.ControlID) bool {
	in := func(list []audit.ControlID) bool {
		return slices.ContainsFunc(list, func(c audit.ControlID) bool { return same(c, id) })
	}
	return (len(b.Only) == 0 || in(b.Only)) && !in(b.Except)
}

// gather sorts the findings' fixes by what they change.
func (b *builder) gather() {
	for _, c := range b.result.Controls {
		if c.Outcome == audit.OutcomeUnknown && b.wanted(c.ID) {
			b.plan.Unknown = append(b.plan.Unknown, Unknown{c.ID, c.Reason})
		}
		if c.Outcome != audit.OutcomeFail {
			continue
		}
		for _, f := range c.Findings {
			if f.Waiver != nil {
				continue
			}
			b.plan.Findings = append(b.plan.Findings, Finding{c.ID, f.Fingerprint, f.Message})
			if f.Fix != nil && b.wanted(c.ID) {
				b.take(c, f)
			}
		}
	}
	b.follow()
}

func (b *builder) take(c audit.Control, f audit.Finding) {
	fix, why := *f.Fix, Reason{Control: c.ID, Fingerprint: f.Fingerprint}
	switch fix.Kind {
	case audit.FixCreateRole:
		b.createRole(c, f, fix, why)
	case audit.FixAddPrivilege, audit.FixRaiseDepth:
		if w := b.role(fix.Role); w != nil {
			w.grant(fix.Privileges, why)
			return
		}
		b.manual(c, f, fix, "this role cannot be edited, or was not read")
	case audit.FixRemovePrivilege:
		b.removePrivileges(c, f, fix, why)
	case audit.FixCreateApplicationUser:
		b.createUser(c, f, fix, why)
	case audit.FixEnableUser:
		user, ok := b.user(fix.User)
		if !ok {
			b.manual(c, f, fix, "")
			return
		}
		b.enable = &userWork{ref: user, app: b.snapshot.Users[user.ID].ApplicationID, why: []Reason{why}}
	case audit.FixAssignRole:
		b.assignRole(c, f, fix, why)
	case audit.FixUnassignRole:
		b.unassignRole(c, f, fix, why)
	case audit.FixShareView, audit.FixReduceShare:
		b.share(c, f, fix, why)
	default:
		b.manual(c, f, fix, "")
	}
}

func (b *builder) manual(c audit.Control, f audit.Finding, fix audit.Fix, reason string) {
	summary, steps := b.Describe(fix)
	if reason != "" {
		summary = strings.TrimSuffix(summary, ".") + ": " + reason + "."
	}
	if steps == nil {
		steps = []string{}
	}
	m := Manual{Control: c.ID, Fingerprint: f.Fingerprint, Kind: fix.Kind, Summary: summary, Who: who(fix), How: steps}
	b.plan.Manual = append(b.plan.Manual, m)
}

func (b *builder) withhold(c audit.Control, fix audit.Fix, flag string) {
	summary, _ := b.Describe(fix)
	b.plan.Withheld = append(b.plan.Withheld, Withheld{c.ID, fix.Kind, summary, flag})
}

// who names whoever can do what apply cannot.
func who(fix audit.Fix) string {
	switch fix.Kind {
	case audit.FixShareView, audit.FixReduceShare, audit.FixFindView, audit.FixActivateView:
		if fix.Owner != nil && fix.Owner.Name != "" {
			return "the view's owner, " + fix.Owner.Name
		}
		return "the view's owner"
	case audit.FixInstallApp:
		return "a Power Platform administrator who may install apps"
	case audit.FixCorrectConfiguration:
		return "whoever keeps dbaudit's configuration"
	case audit.FixReplaceUser:
		return "an administrator of the Entra tenant and one of the environment"
	case audit.FixUnknown, audit.FixCreateRole, audit.FixAddPrivilege, audit.FixRaiseDepth, audit.FixRemovePrivilege,
		audit.FixCreateApplicationUser, audit.FixEnableUser, audit.FixAssignRole, audit.FixUnassignRole,
		audit.FixReplaceRole, audit.FixRemoveDuplicateUser, audit.FixMoveUser, audit.FixRemoveFromTeam:
	}
	return "a System Administrator of the environment"
}

func add(list []Reason, why ...Reason) []Reason {
	for _, w := range why {
		if !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}

// role is the work on a role that may be edited, or nil.
func (b *builder) role(ref *audit.Reference) *roleWork {
	if ref == nil || ref.ID == "" {
		return nil
	}
	if w := b.roles[ref.ID]; w != nil {
		return w
	}
	role, known := b.snapshot.Roles[ref.ID]
	if !known || role.RootID != ref.ID || !role.Customizable || role.TemplateID != "" || b.snapshot.RolePrivileges[ref.ID] == nil {
		return nil
	}
	w := &roleWork{
		ref: Ref{ID: ref.ID, Name: role.Name}, grants: map[string]audit.Grant{}, addWhy: map[string][]Reason{},
		unit: b.unit(role.BusinessUnitID),
	}
	b.roles[ref.ID] = w
	return w
}

func (b *builder) unit(id string) Ref { return Ref{ID: id, Name: b.snapshot.BusinessUnits[id].Name} }

func (w *roleWork) grant(list []audit.Grant, why Reason) {
	for _, g := range list {
		if g.ID == "" || g.Depth == "" {
			continue
		}
		if rank(g.Depth) > rank(w.grants[g.Name].Depth) {
			w.grants[g.Name] = g
		}
		w.addWhy[g.Name] = add(w.addWhy[g.Name], why)
	}
}

// rootUnit is the business unit without a parent.
func (b *builder) rootUnit() (Ref, bool) {
	for _, id := range slices.Sorted(maps.Keys(b.snapshot.BusinessUnits)) {
		if b.snapshot.BusinessUnits[id].ParentID == "" {
			return b.unit(id), true
		}
	}
	return Ref{}, false
}

// unitNamed is the live business unit of a name, or the root where none is named.
func (b *builder) unitNamed(name string) (Ref, bool) {
	if name == "" {
		return b.rootUnit()
	}
	for _, id := range slices.Sorted(maps.Keys(b.snapshot.BusinessUnits)) {
		if u := b.snapshot.BusinessUnits[id]; strings.EqualFold(u.Name, name) && !u.Disabled {
			return b.unit(id), true
		}
	}
	return Ref{}, false
}

func (b *builder) createRole(c audit.Control, f audit.Finding, fix audit.Fix, why Reason) {
	root, ok := b.rootUnit()
	if !ok || fix.Role == nil || fix.Role.Name == "" {
		b.manual(c, f, fix, "the root business unit was not read")
		return
	}
	if b.newRole == nil {
		b.undefined(c, f)
		b.newRole = &roleWork{ref: Ref{Name: fix.Role.Name}, grants: map[string]audit.Grant{}, addWhy: map[string][]Reason{}, unit: root}
	}
	b.newRole.why = add(b.newRole.why, why)
	b.newRole.grant(fix.Privileges, why)
}

// undefined leaves to people what a new role cannot be granted: the rules that
// would say so have no role to judge yet.
func (b *builder) undefined(c audit.Control, f audit.Finding) {
	var missing []audit.Grant
	for _, name := range b.Minimum {
		if _, defined := b.snapshot.Privileges[name]; !defined {
			missing = append(missing, audit.Grant{Name: name})
		}
	}
	if missing != nil {
		b.manual(c, f, audit.Fix{Kind: audit.FixInstallApp, Privileges: missing}, "")
	}
}

func (b *builder) removePrivileges(c audit.Control, f audit.Finding, fix audit.Fix, why Reason) {
	w := b.role(fix.Role)
	switch {
	case w == nil:
		b.manual(c, f, fix, "this role cannot be edited, or was not read")
		return
	case !b.LeastPrivilege:
		b.withhold(c, fix, "--least-privilege")
		return
	}
	for _, g := range fix.Privileges {
		if _, held := b.snapshot.RolePrivileges[w.ref.ID][g.Name]; held && !slices.Contains(w.removals, g.Name) {
			w.removals = append(w.removals, g.Name)
		}
	}
	w.takeWhy = add(w.takeWhy, why)
}

func (b *builder) createUser(c audit.Control, f audit.Finding, fix audit.Fix, why Reason) {
	name := ""
	if fix.BusinessUnit != nil {
		name = fix.BusinessUnit.Name
	}
	unit, ok := b.unitNamed(name)
	if !ok || fix.ApplicationID == "" {
		b.manual(c, f, fix, fmt.Sprintf("there is no business unit %q that is enabled", name))
		return
	}
	b.newUser = &userWork{ref: Ref{Kind: "systemuser", Name: "application " + fix.ApplicationID}, app: fix.ApplicationID, unit: unit, why: []Reason{why}}
}

func (b *builder) user(ref *audit.Reference) (Ref, bool) {
	if ref == nil || ref.ID == "" {
		return Ref{}, false
	}
	u, known := b.snapshot.Users[ref.ID]
	return Ref{Kind: "systemuser", ID: ref.ID, Name: u.Name, ObjectID: u.ObjectID}, known && !u.Deleted
}

func (b *builder) assignRole(c audit.Control, f audit.Finding, fix audit.Fix, why Reason) {
	user, ok := b.user(fix.User)
	role, known := b.snapshot.Roles[refID(fix.Role)]
	if !ok || !known {
		b.manual(c, f, fix, "")
		return
	}
	if b.assign != nil {
		b.assign.why = add(b.assign.why, why)
		return
	}
	if !b.prepareAssign(Ref{ID: fix.Role.ID, Name: role.Name}, role.BusinessUnitID, user, b.unit(b.snapshot.Users[user.ID].BusinessUnitID), why) {
		b.manual(c, f, fix, "the role has no copy in the user's business unit: make it in the root business unit")
	}
}

// prepareAssign settles which copy of a role a user is given: the one in the
// user's business unit. It is false where it is known that there is none.
func (b *builder) prepareAssign(role Ref, home string, user, unit Ref, why Reason) bool {
	w := assignWork{role: role, user: user, unit: unit, why: []Reason{why}}
	switch {
	case role.ID == "" && home == unit.ID:
		w.copied = role
	case role.ID != "" && home == unit.ID:
		w.copied = role
	default:
		for id, r := range b.snapshot.Roles {
			if role.ID != "" && r.RootID == role.ID && r.BusinessUnitID == unit.ID {
				w.copied = Ref{ID: id, Name: r.Name}
			}
		}
		root, read := b.rootUnit()
		if w.copied.ID == "" && read && home != root.ID && !b.across() {
			return false
		}
	}
	b.assign = &w
	return true
}

func (b *builder) across() bool {
	return b.snapshot.Organization.OwnershipAcrossBusinessUnits == snapshot.SettingOn
}

func (b *builder) unassignRole(c audit.Control, f audit.Finding, fix audit.Fix, why Reason) {
	user, ok := b.user(fix.User)
	if !ok || refID(fix.Role) == "" {
		b.manual(c, f, fix, "")
		return
	}
	if !b.UnassignAdministrator {
		b.withhold(c, fix, "--unassign-administrator")
		return
	}
	for _, id := range b.snapshot.Users[user.ID].Roles {
		if r := b.snapshot.Roles[id]; r.RootID == fix.Role.ID {
			b.unassign = append(b.unassign, assignWork{
				role: Ref{ID: r.RootID, Name: r.Name}, copied: Ref{ID: id, Name: r.Name}, user: user,
				unit: b.unit(r.BusinessUnitID), why: []Reason{why},
			})
		}
	}
}

func refID(r *audit.Reference) string {
	if r == nil {
		return ""
	}
	return r.ID
}

// owner is as whom a view is shared; ok is false for one that nobody can act as.
func (b *builder) owner(viewID string, ref *audit.Reference) (Ref, bool) {
	view := b.snapshot.Views[viewID]
	id := cmp.Or(refID(ref), view.OwnerID)
	_, team := b.snapshot.Teams[id]
	u, known := b.snapshot.Users[id]
	switch {
	case id == "", team, view.OwnerType == snapshot.PrincipalTeam, ref != nil && ref.Kind == "team":
		return Ref{}, false
	case known && u.Disabled:
		return Ref{}, false
	}
	return Ref{Kind: "systemuser", ID: id, Name: u.Name, ObjectID: u.ObjectID}, true
}

func (b *builder) share(c audit.Control, f audit.Finding, fix audit.Fix, why Reason) {
	viewID := refID(fix.View)
	owner, ok := b.owner(viewID, fix.Owner)
	principals := fix.Principals
	if fix.Kind == audit.FixShareView && fix.User != nil {
		principals = []audit.Reference{*fix.User}
	}
	if !ok || viewID == "" || len(principals) == 0 {
		b.manual(c, f, fix, "nobody can act as the view's owner")
		return
	}
	for _, p := range principals {
		w := b.shareFor(Ref{ID: viewID, Name: fix.View.Name}, Ref{Kind: cmp.Or(p.Kind, "systemuser"), ID: p.ID, Name: p.Name}, owner)
		if slices.Contains(b.snapshot.Shares[p.ID][viewID].Rights, snapshot.RightOther) {
			b.manual(c, f, fix, "the share holds rights that dbaudit does not know, and could not bring back")
			return
		}
		w.table = cmp.Or(fix.Table, b.snapshot.Views[viewID].Table)
		if fix.Kind == audit.FixShareView {
			w.add, w.addWhy = true, add(w.addWhy, why)
		} else {
			w.reduce, w.reduceWhy = true, add(w.reduceWhy, why)
		}
	}
}

func (b *builder) shareFor(view, principal, owner Ref) *shareWork {
	key := view.ID + " " + principal.ID
	if w := b.shares[key]; w != nil {
		return w
	}
	w := &shareWork{view: view, principal: principal, owner: owner}
	b.shares[key] = w
	b.shareKeys = append(b.shareKeys, key)
	return w
}

// follow adds what a new user or a new role makes necessary: the rules that
// would ask for it have nothing to judge yet.
func (b *builder) follow() {
	b.followUnassign()
	if b.newRole == nil && b.newUser == nil {
		return
	}
	b.followRole()
	if b.newUser != nil {
		b.followViews()
	}
}

// controlOf is the control of a rule, where the plan may answer it.
func (b *builder) controlOf(rule string) (audit.Control, bool) {
	for _, c := range b.result.Controls {
		if c.Rule == rule {
			return c, b.wanted(c.ID)
		}
	}
	return audit.Control{}, false
}

func (b *builder) followRole() {
	c, ok := b.controlOf(ruleUserRole)
	if !ok || b.assign != nil {
		return
	}
	var role, user, unit Ref
	var home string
	var cause Reason
	switch {
	case b.newRole != nil:
		role, home, cause = b.newRole.ref, b.newRole.unit.ID, b.newRole.why[0]
	default:
		id := b.integrationRole()
		if id == "" {
			return
		}
		role, home = Ref{ID: id, Name: b.snapshot.Roles[id].Name}, b.snapshot.Roles[id].BusinessUnitID
	}
	switch id := b.integrationUser(); {
	case b.newUser != nil:
		user, unit, cause = b.newUser.ref, b.newUser.unit, b.newUser.why[0]
	case id != "":
		u := b.snapshot.Users[id]
		user, unit = Ref{Kind: "systemuser", ID: id, Name: u.Name}, b.unit(u.BusinessUnitID)
	default:
		return
	}
	why := Reason{Control: c.ID, Fingerprint: cause.Fingerprint, Follows: true}
	if !b.prepareAssign(role, home, user, unit, why) {
		fix := audit.Fix{Kind: audit.FixAssignRole, Role: &audit.Reference{ID: role.ID, Name: role.Name}}
		b.manual(c, audit.Finding{Fingerprint: cause.Fingerprint}, fix, "the role has no copy in the user's business unit: make it in the root business unit")
	}
}

// followUnassign assigns the integration role to the user itself where it comes
// through a team that keeps the role's Basic rights to itself: until now the
// administrator role made up for them.
func (b *builder) followUnassign() {
	if len(b.unassign) == 0 || b.assign != nil {
		return
	}
	c, ok := b.controlOf(ruleUserRole)
	role, known := b.snapshot.Roles[b.integrationRole()]
	if !ok || !known || role.Inherited {
		return
	}
	user := b.unassign[0].user
	for _, id := range b.snapshot.Users[user.ID].Roles {
		if b.snapshot.Roles[id].RootID == role.RootID {
			return
		}
	}
	why := Reason{Control: c.ID, Fingerprint: b.unassign[0].why[0].Fingerprint, Follows: true}
	b.prepareAssign(Ref{ID: role.RootID, Name: role.Name}, role.BusinessUnitID, user, b.unit(b.snapshot.Users[user.ID].BusinessUnitID), why)
}

// integrationRole is the role that the findings on privileges speak of, or else
// the one of the required name.
func (b *builder) integrationRole() string {
	for _, c := range b.result.Controls {
		for _, f := range c.Findings {
			if f.Subject.Kind == audit.SubjectRole && strings.HasPrefix(c.Rule, "role/") && f.Subject.ID != "" {
				return f.Subject.ID
			}
		}
	}
	// As the policies choose: of those that fit, the one that grants most, then by id.
	best, most := "", -1
	for _, id := range slices.Sorted(maps.Keys(b.snapshot.Roles)) {
		r := b.snapshot.Roles[id]
		if id != r.RootID || r.TemplateID != "" || !b.snapshot.Requirement.FitsRole(r.Name, b.Pattern) {
			continue
		}
		granted := 0
		for name := range b.snapshot.Privileges {
			if b.snapshot.RolePrivileges[id][name] != snapshot.DepthNone {
				granted++
			}
		}
		if granted > most {
			best, most = id, granted
		}
	}
	return best
}

// integrationUser is the one live user that the requirement names, or "".
func (b *builder) integrationUser() string {
	id, ok := b.snapshot.User(b.snapshot.Requirement, b.Pattern)
	if ok {
		return id
	}
	for _, c := range b.result.Controls {
		for _, f := range c.Findings {
			if f.Subject.Kind == audit.SubjectUser && f.Subject.ID != "" {
				return f.Subject.ID
			}
		}
	}
	return ""
}

// followViews shares the required views with a new user.
func (b *builder) followViews() {
	c, ok := b.controlOf(ruleViewShared)
	if !ok {
		return
	}
	why := Reason{Control: c.ID, Fingerprint: b.newUser.why[0].Fingerprint, Follows: true}
	for _, required := range b.snapshot.Requirement.Views {
		id, found := b.requiredView(required)
		if id == "" && found { // a system view, which needs no share
			continue
		}
		fix := audit.Fix{
			Kind: audit.FixShareView, Table: required.Table, View: &audit.Reference{ID: id, Name: required.Name},
			Owner: &audit.Reference{Name: required.Owner},
			User:  &audit.Reference{Kind: "systemuser", Name: b.newUser.ref.Name},
		}
		cause := audit.Finding{Fingerprint: why.Fingerprint}
		if !found {
			fix.Kind = audit.FixFindView
			b.manual(c, cause, fix, "")
			continue
		}
		owner, ok := b.owner(id, nil)
		if !ok {
			b.manual(c, cause, fix, "nobody can act as the view's owner")
			continue
		}
		w := b.shareFor(Ref{ID: id, Name: b.snapshot.Views[id].Name}, b.newUser.ref, owner)
		w.table, w.add, w.addWhy = required.Table, true, add(w.addWhy, why)
	}
}

// requiredView finds a required view: the owner's, where one is named. found with
// no id means a system view.
func (b *builder) requiredView(required snapshot.RequiredView) (id string, found bool) {
	for _, candidate := range slices.Sorted(maps.Keys(b.snapshot.Views)) {
		v := b.snapshot.Views[candidate]
		if !strings.EqualFold(v.Name, required.Name) || !strings.EqualFold(v.Table, required.Table) {
			continue
		}
		if required.Owner == "" || strings.EqualFold(b.snapshot.Users[v.OwnerID].DomainName, required.Owner) {
			return candidate, true
		}
		if id == "" {
			id = candidate
		}
	}
	if id != "" {
		return id, true
	}
	for _, v := range b.snapshot.SystemViews {
		if strings.EqualFold(v.Name, required.Name) && strings.EqualFold(v.Table, required.Table) {
			return "", true
		}
	}
	return "", false
}

// emit writes the actions down: the role first, complete, so that nobody is ever
// given less or more of it than is meant; then the user; then what is shared.
func (b *builder) emit() {
	roleMadeBy, userMadeBy := "", ""
	if w := b.newRole; w != nil {
		t := Target{Kind: KindRole, Role: &Ref{Name: w.ref.Name}, BusinessUnit: &w.unit}
		roleMadeBy = b.action(audit.FixCreateRole, t, State{attrRole: Absent}, State{attrRole: Present}, w.why, "",
			fmt.Sprintf("create the security role %q in the business unit %s", w.ref.Name, w.unit.Name),
			RiskLow, "The platform gives every new role nine privileges of its own.")
		w.ref.MadeBy = roleMadeBy
		b.grants(w, map[string]snapshot.Depth{})
	}
	for _, id := range slices.Sorted(maps.Keys(b.roles)) {
		w := b.roles[id]
		b.grants(w, b.snapshot.RolePrivileges[id])
		b.removals(w)
	}
	if w := b.newUser; w != nil {
		t := Target{Kind: KindUser, User: &Ref{Kind: "systemuser", Name: w.ref.Name}, ApplicationID: w.app, BusinessUnit: &w.unit}
		userMadeBy = b.action(audit.FixCreateApplicationUser, t, State{attrUser: Absent}, State{attrUser: Enabled}, w.why, "",
			fmt.Sprintf("create the application user of %s in the business unit %s", w.app, w.unit.Name),
			RiskMedium, "Whoever holds the application's credentials can sign in to the environment from then on. Its name comes from the app registration.")
	}
	if w := b.enable; w != nil {
		t := Target{Kind: KindUser, User: &w.ref, ApplicationID: w.app}
		b.action(audit.FixEnableUser, t, State{attrUser: Disabled}, State{attrUser: Enabled}, w.why, "",
			fmt.Sprintf("enable the user %q", w.ref.Name), RiskMedium, "Somebody may have disabled it on purpose.")
	}
	if w := b.assign; w != nil {
		b.assignment(*w, roleMadeBy, userMadeBy)
	}
	slices.Sort(b.shareKeys)
	for _, key := range b.shareKeys {
		b.shareActions(b.shares[key], userMadeBy)
	}
	for _, w := range b.unassign {
		t := Target{Kind: KindAssignment, Role: &w.role, Copy: &w.copied, User: &w.user, BusinessUnit: &w.unit}
		b.action(audit.FixUnassignRole, t, State{attrAssigned: Yes}, State{attrAssigned: No}, w.why, "",
			fmt.Sprintf("take the role %q from the user %q", w.role.Name, w.user.Name),
			RiskHigh, "What works today only by this role stops working.")
	}
}

// action appends an action and gives its id. Targets refer to rows that earlier
// actions make by their ids.
func (b *builder) action(kind audit.FixKind, t Target, before, after State, why []Reason, undoneWith, summary string, risk Risk, note string) string {
	id := strconv.Itoa(len(b.plan.Actions) + 1)
	a := Action{
		ID: id, Kind: kind, Summary: summary, Target: t, Before: before, After: after,
		Why: why, UndoneWith: undoneWith, Risk: risk, Note: note,
	}
	a.Request, a.Undo = a.requests(b.plan.Environment.URL)
	b.plan.Actions = append(b.plan.Actions, a)
	return id
}

// requests derives what an action sends, and what its undoing would.
func (a Action) requests(environmentURL string) (Request, []Request) {
	known := a.Target.Known()
	known[SlotAPI] = API(environmentURL)
	undo := []Request{}
	step, ok := a.Target.Next(a.Before, a.After)
	if !ok {
		return Request{}, undo
	}
	if a.UndoneWith == "" {
		_, back := a.Target.Path(a.After, a.Before)
		for _, r := range back {
			undo = append(undo, r.Fill(known))
		}
	}
	return step.Request.Fill(known), undo
}

// API is the absolute address of an environment's Web API.
func API(environmentURL string) string {
	return strings.TrimRight(environmentURL, "/") + "/api/data/v9.2"
}

// grants emits what a role is given: what it lacks, then what it has too shallow.
func (b *builder) grants(w *roleWork, has map[string]snapshot.Depth) {
	type change struct {
		before, after State
		why           []Reason
		ids           map[string]string
	}
	changes := map[audit.FixKind]*change{}
	for _, name := range slices.Sorted(maps.Keys(w.grants)) {
		g := w.grants[name]
		if rank(g.Depth) <= int(has[name]) {
			continue
		}
		kind := audit.FixAddPrivilege
		if has[name] != snapshot.DepthNone {
			kind = audit.FixRaiseDepth
		}
		c := changes[kind]
		if c == nil {
			c = &change{before: State{}, after: State{}, ids: map[string]string{}}
			changes[kind] = c
		}
		c.before[name], c.after[name], c.ids[name] = has[name].String(), g.Depth, strings.ToLower(g.ID)
		c.why = add(c.why, w.addWhy[name]...)
	}
	for _, kind := range []audit.FixKind{audit.FixAddPrivilege, audit.FixRaiseDepth} {
		c := changes[kind]
		if c == nil {
			continue
		}
		verb, note := "grant", "Everybody who holds the role is given this."
		if kind == audit.FixRaiseDepth {
			verb, note = "raise", "Everybody who holds the role reaches further by this."
		}
		if lacking := b.lacking(has); w.ref.ID != "" && len(lacking) > 0 {
			note += " With this request the platform also puts back what it gives to every role: " + strings.Join(lacking, ", ") + "."
		}
		note += b.managed(w)
		t := Target{Kind: KindGrants, Role: &w.ref, BusinessUnit: &w.unit, Privileges: c.ids}
		b.action(kind, t, c.before, c.after, c.why, w.ref.MadeBy,
			fmt.Sprintf("%s %s in the role %q", verb, plural(len(c.after), "privilege"), w.ref.Name), RiskMedium, note)
	}
}

// lacking are the platform's defaults that a role is without, which granting
// anything brings back.
func (b *builder) lacking(has map[string]snapshot.Depth) []string {
	return slices.DeleteFunc(PlatformDefaults(), func(name string) bool { return has[name] != snapshot.DepthNone })
}

func (b *builder) removals(w *roleWork) {
	for _, name := range w.removals {
		t := Target{Kind: KindGrants, Role: &w.ref, BusinessUnit: &w.unit}
		b.action(audit.FixRemovePrivilege, t,
			State{name: b.snapshot.RolePrivileges[w.ref.ID][name].String()}, State{name: None}, w.takeWhy, "",
			fmt.Sprintf("take %s from the role %q", name, w.ref.Name),
			RiskHigh, "Whatever came to rely on this privilege stops working."+b.managed(w))
	}
}

// managed warns of a role that comes with a solution.
func (b *builder) managed(w *roleWork) string {
	if !b.snapshot.Roles[w.ref.ID].Managed {
		return ""
	}
	return " The role is managed: an update of its solution may take the change back."
}

func (b *builder) assignment(w assignWork, roleMadeBy, userMadeBy string) {
	role, copied, user := w.role, w.copied, w.user
	if role.ID == "" {
		role.MadeBy = roleMadeBy
		if copied.Name != "" {
			copied.MadeBy = roleMadeBy
		}
	}
	if user.ID == "" {
		user.MadeBy = userMadeBy
	}
	copied.Name = role.Name
	t := Target{Kind: KindAssignment, Role: &role, Copy: &copied, User: &user, BusinessUnit: &w.unit, AnyUnit: b.across()}
	b.action(audit.FixAssignRole, t, State{attrAssigned: No}, State{attrAssigned: Yes}, w.why, "",
		fmt.Sprintf("assign the role %q to the user %q, by its copy in the business unit %s", role.Name, user.Name, w.unit.Name),
		RiskMedium, "The user can do from then on what the role grants.")
}

func (b *builder) shareActions(w *shareWork, userMadeBy string) {
	principal := w.principal
	if principal.ID == "" {
		principal.MadeBy = userMadeBy
	}
	rights := b.snapshot.Shares[principal.ID][w.view.ID].Rights
	t := Target{Kind: KindShare, View: &w.view, Table: w.table, Principal: &principal, Owner: &w.owner}
	name, owner := cmp.Or(w.view.Name, w.view.ID), cmp.Or(w.owner.Name, w.owner.ID)
	note := "The request is made on the owner's behalf, which the environment's audit log shows."
	if w.owner.Name == "" && b.snapshot.Views[w.view.ID].OwnerType == snapshot.PrincipalUnknown {
		note += fmt.Sprintf(" It is not known who the owner is: if it is a team, nobody can act as it, and the request is refused; leave it out by --except %s.",
			add(w.addWhy, w.reduceWhy...)[0].Control)
	}
	change := func(kind audit.FixKind, to []snapshot.Right, why []Reason, summary, note string) {
		b.action(kind, t, State{attrAccess: Access(rights)}, State{attrAccess: Access(to)}, why, "", summary, RiskLow, note)
		rights = to
	}
	if w.add && !slices.Contains(rights, snapshot.RightRead) {
		change(audit.FixShareView, snapshot.SortRights(append(slices.Clone(rights), snapshot.RightRead)), w.addWhy,
			fmt.Sprintf("share the view %q with %q, Read only, as its owner %s", name, principal.Name, owner),
			note)
	}
	if w.reduce && Access(rights) != Access([]snapshot.Right{snapshot.RightRead}) {
		var to []snapshot.Right
		if slices.Contains(rights, snapshot.RightRead) {
			to = []snapshot.Right{snapshot.RightRead}
		}
		change(audit.FixReduceShare, to, w.reduceWhy,
			fmt.Sprintf("reduce the share of the view %q with %q to %s, as its owner %s", name, principal.Name, Access(to), owner),
			note)
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
