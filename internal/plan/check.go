package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// check refuses a plan that Build would not make.
func (p Plan) check() error {
	if p.ExpiresAt.After(p.Snapshot.TakenAt.Add(MaxValidity)) {
		return fmt.Errorf("the plan is valid for too long: the maximum is %s after its snapshot; make the plan again", MaxValidity)
	}
	for i, a := range p.Actions {
		if err := p.checkAction(i, a); err != nil {
			return fmt.Errorf("action %s of the plan cannot be carried out: %w; make the plan again", a.ID, err)
		}
	}
	return nil
}

// words refuses a plan that says something other than it does.
func (p Plan) words() error {
	for _, a := range p.Actions {
		summary, risk, note := a.describe(p.Requirement.Allow)
		if a.Summary != summary || a.Risk != risk || a.Note != note {
			return fmt.Errorf("the description of the plan's action %s does not match what it does; make the plan again", a.ID)
		}
	}
	return nil
}

func (p Plan) checkAction(i int, a Action) error {
	earlier := func(id string, kinds ...audit.FixKind) bool {
		return slices.ContainsFunc(p.Actions[:i], func(e Action) bool { return e.ID == id && slices.Contains(kinds, e.Kind) })
	}
	switch {
	case a.ID != strconv.Itoa(i+1):
		return fmt.Errorf("its number should be %d", i+1)
	case !change.Automatic(a.Kind):
		return fmt.Errorf("apply has no action %s", a.Kind)
	case a.Target.Kind != targetOf(a.Kind):
		return fmt.Errorf("%s does not change a %s", a.Kind, a.Target.Kind)
	}
	if err := a.Target.check(earlier); err != nil {
		return err
	}
	if err := a.checkStates(); err != nil {
		return err
	}
	if err := p.checkWhy(a); err != nil {
		return err
	}
	if err := a.checkCompany(); err != nil {
		return err
	}
	if a.Kind == change.AssignRole {
		if err := a.checkGrants(p.Actions[:i]); err != nil {
			return err
		}
	}
	request, undo := a.requests(p.Environment.URL)
	if !equal(request, a.Request) || !slices.EqualFunc(undo, a.Undo, equal) {
		return errors.New("its requests do not follow from its target and states")
	}
	return nil
}

// checkWhy compares the reasons with the findings.
func (p Plan) checkWhy(a Action) error {
	for _, why := range a.Why {
		if !slices.ContainsFunc(p.Findings, func(f Finding) bool {
			return f.Fingerprint == why.Fingerprint && (f.Control == why.Control || why.Follows)
		}) {
			return fmt.Errorf("its reason, %s, is not among the findings", why.Control)
		}
	}
	if len(a.Why) == 0 {
		return errors.New("it has no reason")
	}
	return nil
}

// checkCompany checks an action's side effects, and the action that it is undone with,
// against its kind.
func (a Action) checkCompany() error {
	var along bool
	with := ""
	switch a.Kind {
	case change.CreateRole:
		along = slices.Equal(a.Along, Inborn())
	case change.AddPrivilege, change.RaiseDepth:
		with = a.Target.Role.MadeBy
		along = slices.IsSorted(a.Along) && !slices.ContainsFunc(a.Along, func(name string) bool {
			return !IsPlatformDefault(name) || a.After[name] != ""
		})
	default:
		along = len(a.Along) == 0
	}
	filtered := slices.IsSorted(a.Target.Filtered) && !slices.ContainsFunc(a.Target.Filtered, func(name string) bool { return a.After[name] == "" })
	switch {
	case !filtered:
		return errors.New("it lists filtered privileges that it does not change")
	case !along:
		return errors.New("the platform does not grant the privileges that it lists")
	case a.UndoneWith != with:
		return errors.New("it must not be undone with another action")
	}
	return nil
}

// checkGrants compares what an assigned role grants with what earlier actions make of it.
func (a Action) checkGrants(earlier []Action) error {
	for _, e := range earlier {
		if e.Target.Kind != KindGrants || e.Target.Role.ID == "" || e.Target.Role.ID != a.Target.Role.ID {
			continue
		}
		for name, depth := range e.After {
			if rank(a.Target.Grants[name]) != rank(depth) {
				return fmt.Errorf("the grants of its role do not match action %s: %s", e.ID, name)
			}
		}
	}
	return nil
}

func targetOf(kind audit.FixKind) Kind {
	switch kind {
	case change.CreateRole:
		return KindRole
	case change.AddPrivilege, change.RaiseDepth, change.RemovePrivilege:
		return KindGrants
	case change.CreateApplicationUser, change.EnableUser:
		return KindUser
	case change.AssignRole, change.UnassignRole:
		return KindAssignment
	case change.ShareView, change.ReduceShare:
		return KindShare
	default:
		return ""
	}
}

func (t Target) check(earlier func(string, ...audit.FixKind) bool) error {
	guid := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	name := regexp.MustCompile(`^prv[A-Za-z0-9_]+$`)
	for _, ref := range []*Ref{t.Role, t.Copy, t.User, t.BusinessUnit, t.View, t.Principal, t.Owner} {
		if ref == nil {
			continue
		}
		for _, id := range []string{ref.ID, ref.ObjectID} {
			if id != "" && !guid.MatchString(id) {
				return fmt.Errorf("%q is not an id", id)
			}
		}
		maker := change.CreateRole
		if ref == t.User || ref == t.Principal {
			maker = change.CreateApplicationUser
		}
		if ref.MadeBy != "" && (ref.ID != "" || !earlier(ref.MadeBy, maker)) {
			return fmt.Errorf("it refers to a row that action %q creates", ref.MadeBy)
		}
	}
	if t.ApplicationID != "" && !guid.MatchString(t.ApplicationID) {
		return fmt.Errorf("%q is not an application id", t.ApplicationID)
	}
	if t.Kind == KindUser && t.ApplicationID == "" && t.User.ID == "" {
		return errors.New("it does not name a user")
	}
	for privilege, id := range t.Privileges {
		if !name.MatchString(privilege) || !guid.MatchString(id) {
			return fmt.Errorf("%q is not a privilege with the id %q", privilege, id)
		}
	}
	for _, depth := range t.Grants {
		if rank(depth) == 0 {
			return fmt.Errorf("%q is not a depth", depth)
		}
	}
	needed := map[Kind][]*Ref{
		KindRole:       {t.Role, t.BusinessUnit},
		KindGrants:     {t.Role, t.BusinessUnit},
		KindUser:       {t.User, t.BusinessUnit},
		KindAssignment: {t.Role, t.Copy, t.User, t.BusinessUnit},
		KindShare:      {t.View, t.Principal, t.Owner},
	}
	if slices.Contains(needed[t.Kind], nil) {
		return errors.New("its target is incomplete")
	}
	if t.Kind == KindAssignment && t.Role.MadeBy != "" && t.Copy.ID != "" {
		return errors.New("it assigns another role than the created one")
	}
	if t.Kind == KindShare && t.Principal.Kind != "systemuser" && t.Principal.Kind != "team" {
		return fmt.Errorf("a view cannot be shared with a %q", t.Principal.Kind)
	}
	return nil
}

func (a Action) checkStates() error {
	if len(a.After) == 0 || !slices.Equal(a.Before.names(), a.After.names()) {
		return errors.New("it does not say what it changes")
	}
	kinds := map[audit.FixKind][2]State{
		change.CreateRole:            {{attrRole: Absent}, {attrRole: Present}},
		change.CreateApplicationUser: {{attrUser: Absent}, {attrUser: Enabled}},
		change.EnableUser:            {{attrUser: Disabled}, {attrUser: Enabled}},
		change.AssignRole:            {{attrAssigned: No}, {attrAssigned: Yes}},
		change.UnassignRole:          {{attrAssigned: Yes}, {attrAssigned: No}},
	}
	if want, ok := kinds[a.Kind]; ok {
		if !a.Before.Covers(want[0]) || !a.After.Covers(want[1]) || len(a.After) != 1 {
			return fmt.Errorf("%s is not from %v to %v", a.Kind, a.Before, a.After)
		}
		return nil
	}
	if a.Target.Kind == KindShare {
		return a.checkShare()
	}
	privilege := regexp.MustCompile(`^prv[A-Za-z0-9_]+$`)
	for _, d := range a.Differences() {
		from, to := rank(d.Before), rank(d.After)
		legal := map[audit.FixKind]bool{
			change.AddPrivilege:    from == 0 && to > 0,
			change.RaiseDepth:      from > 0 && to > from,
			change.RemovePrivilege: from > 0 && to == 0 && len(a.After) == 1,
		}
		if !privilege.MatchString(d.Name) || !isDepth(d.Before) || !isDepth(d.After) || !legal[a.Kind] {
			return fmt.Errorf("%s does not take %s from %s to %s", a.Kind, d.Name, d.Before, d.After)
		}
	}
	return nil
}

func isDepth(s string) bool { return s == None || rank(s) > 0 }

// checkShare allows sharing to add only Read, and reducing to leave only Read.
func (a Action) checkShare() error {
	before, known := rightsIn(a.Before[attrAccess])
	if _, ok := rightsIn(a.After[attrAccess]); !known || !ok || len(a.After) != 1 {
		return fmt.Errorf("%q or %q is not a list of rights", a.Before[attrAccess], a.After[attrAccess])
	}
	to := withRead(before)
	if a.Kind == change.ReduceShare {
		to = onlyRead(before)
	}
	if Access(to) != a.After[attrAccess] || a.After[attrAccess] == a.Before[attrAccess] {
		return fmt.Errorf("%s does not go from %s to %s", a.Kind, a.Before[attrAccess], a.After[attrAccess])
	}
	return nil
}

// rightsIn reads the value of a share's state.
func rightsIn(access string) (rights []snapshot.Right, ok bool) {
	if access == None {
		return nil, true
	}
	for part := range strings.SplitSeq(access, ", ") {
		var r snapshot.Right
		if r.UnmarshalText([]byte(part)) != nil || r == snapshot.RightOther {
			return nil, false
		}
		rights = append(rights, r)
	}
	return rights, Access(snapshot.SortRights(slices.Clone(rights))) == access
}

func equal(a, b Request) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
