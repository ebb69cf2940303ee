package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func (o *oracle) checkViews() {
	user := o.integrationUser()
	if user == nil {
		o.addOutcome(audit.OutcomeNotApplicable, "DB-VIEW-SHARED", "DB-VIEW-TABLE", "DB-VIEW-ACTIVE", "DB-VIEW-LEAST-ACCESS")
		return
	}
	c := o.newViewCheck(user)
	for _, required := range o.Requirement.Views {
		c.check(required)
	}
	c.addOutcomes()
	o.checkLeastAccess(user, func(v *simulator.PersonalView) bool { return c.known[v.ID] || c.readsUser && o.seesView(user, v) })
}

// A viewCheck judges whether the user can read the required views, and whether they are active.
type viewCheck struct {
	*oracle

	user             *simulator.User
	readers          []*simulator.User // as whom the auditor reads personal views
	readsUser        bool              // the user is a reader
	readsOwners      bool              // all configured owners are readers
	readsSystemViews bool

	known    map[string]bool                    // ids of the personal views that a reader sees
	inactive map[string]*simulator.PersonalView // by id

	// Numbers of required views.
	visible, met, systemOnly, systemInactive, unknownShared, unknownActive int
}

func (o *oracle) newViewCheck(user *simulator.User) *viewCheck {
	auditor := o.ApplicationUser(o.Suggest.Auditor)
	c := &viewCheck{
		oracle: o, user: user, readsUser: o.canReadViewsAs(user), known: map[string]bool{}, inactive: map[string]*simulator.PersonalView{},
		readsOwners: o.effectiveDepth(auditor, "prvReadUserQuery") > 0, readsSystemViews: o.effectiveDepth(auditor, "prvReadQuery") > 0,
	}
	if c.readsUser {
		c.readers = append(c.readers, user)
	}
	for _, v := range o.Requirement.Views {
		if v.Owner == "" {
			continue
		}
		if owner := o.User(v.Owner); o.canReadViewsAs(owner) {
			c.readers = append(c.readers, owner)
		} else {
			c.readsOwners = false
		}
	}
	return c
}

// personalViews returns the personal views with the required table and name that a reader sees, and those of
// them that the user sees.
func (c *viewCheck) personalViews(required snapshot.RequiredView) (visible, usable []*simulator.PersonalView) {
	for i := range c.PersonalViews {
		v := &c.PersonalViews[i]
		if v.Table != required.Table || v.Name != required.Name ||
			!slices.ContainsFunc(c.readers, func(u *simulator.User) bool { return c.seesView(u, v) }) {
			continue
		}
		visible = append(visible, v)
		c.known[v.ID] = true
		if c.seesView(c.user, v) {
			usable = append(usable, v)
		}
	}
	return visible, usable
}

func (c *viewCheck) check(required snapshot.RequiredView) {
	visible, usable := c.personalViews(required)
	system := c.SystemView(required.Table, required.Name)
	if !c.readsSystemViews {
		system = nil
	}
	isPersonal := required.Owner != "" && (len(visible) > 0 || !c.readsOwners)
	met := len(usable) > 0
	if system != nil && !met && !isPersonal {
		met = true
		c.checkSystemView(system)
	} else {
		judged := usable
		if len(usable) == 0 {
			judged = visible
		}
		for _, v := range judged {
			if v.Inactive {
				c.inactive[v.ID] = v
			}
		}
	}
	if len(visible) > 0 {
		c.visible++
	}
	unknown := len(visible) == 0 && !c.readsUser || !c.readsSystemViews && !isPersonal || system != nil && !c.readsOwners && len(visible) == 0
	switch {
	case met:
		c.met++
	case unknown:
		c.unknownShared++
		if len(visible) == 0 {
			c.unknownActive++
		}
	case len(visible) > 0:
		c.addFinding("DB-VIEW-SHARED", "required-view", required.Name, "share-view", map[string]any{
			"state": "not-shared", "table": required.Table, "view": required.Name, "views": fmt.Sprint(len(visible)),
		})
	default:
		c.addFinding("DB-VIEW-SHARED", "required-view", required.Name, "find-view", map[string]any{
			"state": "not-visible", "table": required.Table, "view": required.Name,
		})
	}
	if !slices.Contains(c.profile.ViewTables, required.Table) {
		c.addFinding("DB-VIEW-TABLE", "required-view", required.Name, "correct-configuration", map[string]any{
			"table": required.Table, "allowed": c.profile.ViewTables,
		})
	}
}

// checkSystemView judges a system view that meets the requirement.
func (c *viewCheck) checkSystemView(v *simulator.SystemView) {
	c.systemOnly++
	switch {
	case !c.readsUser: // the user may see a personal view with the same name
		c.unknownActive++
	case v.Inactive:
		c.systemInactive++
		c.addFinding("DB-VIEW-ACTIVE", "view", v.Name, "activate-view", map[string]any{"active": false, "table": v.Table})
	}
}

func (c *viewCheck) addOutcomes() {
	if (c.unknownShared > 0 || !c.readsSystemViews) && c.unknownShared+c.met == len(c.Requirement.Views) {
		c.addOutcome(audit.OutcomeUnknown, "DB-VIEW-SHARED")
	}
	for _, v := range c.inactive {
		c.addFinding("DB-VIEW-ACTIVE", "view", v.Name, "activate-view", map[string]any{"active": false, "table": v.Table})
	}
	switch {
	case len(c.inactive)+c.systemInactive > 0: // a failure takes precedence over unknown
	case c.visible+c.systemOnly+c.unknownActive == 0:
		c.addOutcome(audit.OutcomeNotApplicable, "DB-VIEW-ACTIVE")
	case c.unknownActive > 0:
		c.addOutcome(audit.OutcomeUnknown, "DB-VIEW-ACTIVE")
	}
}

// readsSharesOf reports whether dbaudit reads the shares of a view from the view itself, because the share table
// shows the auditor only its own shares.
func (o *oracle) readsSharesOf(user *simulator.User, v *simulator.PersonalView) bool {
	switch {
	case o.ownsView(user, v):
		return false
	case o.canReadViewsAs(user):
		return o.seesView(user, v)
	}
	return slices.ContainsFunc(o.Requirement.Views, func(required snapshot.RequiredView) bool {
		return v.Table == required.Table && v.Name == required.Name && slices.ContainsFunc(o.Requirement.Views, func(other snapshot.RequiredView) bool {
			owner := o.User(other.Owner)
			return other.Owner != "" && o.canReadViewsAs(owner) && o.seesView(owner, v)
		})
	})
}

// checkLeastAccess judges the shares of all views. isKnown reports whether dbaudit knows the name of a view.
func (o *oracle) checkLeastAccess(user *simulator.User, isKnown func(*simulator.PersonalView) bool) {
	sharesInPart := slices.Contains(o.Contradictions, simulator.SharesInPart)
	hasShares, failed := false, false
	for i := range o.PersonalViews {
		v := &o.PersonalViews[i]
		if sharesInPart && !o.readsSharesOf(user, v) {
			continue
		}
		hasShares = hasShares || o.viewRights(user, v) != 0
		rights, principals := o.surplusShares(user, v)
		if len(rights) == 0 {
			continue
		}
		name := v.Name
		if !isKnown(v) {
			name = v.ID
		}
		failed = true
		o.addFinding("DB-VIEW-LEAST-ACCESS", "view", name, "reduce-share", map[string]any{"surplus": rights, "principals": principals})
	}
	if sharesInPart && hasShares && !failed {
		o.addOutcome(audit.OutcomeUnknown, "DB-VIEW-LEAST-ACCESS") // there may be shares without Read
	}
}

// surplusShares returns the rights other than Read that a view's shares give to the user and its teams, and the
// names of those that have them, in the order of their ids.
func (o *oracle) surplusShares(user *simulator.User, v *simulator.PersonalView) (rights, principals []string) {
	surplus := map[string]bool{}
	names := map[string]string{} // by id
	add := func(id, name string, s simulator.Share) {
		for _, right := range ((s.Access | s.Inherited) &^ simulator.RightRead).Names() {
			surplus[snapshotRight(right)] = true
			names[id] = name
		}
	}
	for _, s := range v.Shares {
		if o.refersTo(s.Principal, user) {
			add(user.ID, user.Name, s)
		}
		for _, t := range o.enabledTeamsOf(user) {
			if t.Name == s.Principal {
				add(t.ID, t.Name, s)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(names)) {
		principals = append(principals, names[id])
	}
	return slices.Sorted(maps.Keys(surplus)), principals
}

// snapshotRight returns the snapshot's name of a right. name is the simulator's.
func snapshotRight(name string) string {
	for _, r := range snapshot.Rights() {
		if strings.EqualFold(strings.ReplaceAll(r.String(), "-", ""), strings.NewReplacer("-", "", "_", "").Replace(name)) {
			return r.String()
		}
	}
	return name
}
