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

func (o *oracle) viewControls() {
	user := o.integrationUser()
	if user == nil {
		o.addOutcome(audit.OutcomeNotApplicable, "DB-VIEW-SHARED", "DB-VIEW-TABLE", "DB-VIEW-ACTIVE", "DB-VIEW-LEAST-ACCESS")
		return
	}
	auditor := o.ApplicationUser(o.Suggest.Auditor)
	ownList, ownersLists := o.canReadViewsAs(user), o.effectiveDepth(auditor, "prvReadUserQuery") > 0
	var readers []*simulator.User // of whose lists something is known
	if ownList {
		readers = append(readers, user)
	}
	for _, v := range o.Requirement.Views {
		if v.Owner == "" {
			continue
		}
		if owner := o.User(v.Owner); o.canReadViewsAs(owner) {
			readers = append(readers, owner)
		} else {
			ownersLists = false
		}
	}
	systemRead := o.effectiveDepth(auditor, "prvReadQuery") > 0
	known := map[string]bool{} // views that somebody saw, by id

	var found, satisfied, unknownShared, unknownActive, systemOnly, systemInactive int
	inactive := map[string]*simulator.PersonalView{}
	for _, want := range o.Requirement.Views {
		var seen, usable []*simulator.PersonalView
		for i := range o.PersonalViews {
			v := &o.PersonalViews[i]
			if v.Table != want.Table || v.Name != want.Name ||
				!slices.ContainsFunc(readers, func(u *simulator.User) bool { return o.seesView(u, v) }) {
				continue
			}
			seen = append(seen, v)
			known[v.ID] = true
			if o.seesView(user, v) {
				usable = append(usable, v)
			}
		}
		system := o.SystemView(want.Table, want.Name)
		if !systemRead {
			system = nil
		}
		personal := want.Owner != "" && (len(seen) > 0 || !ownersLists)
		met := len(usable) > 0
		if system != nil && !met && !personal {
			met, systemOnly = true, systemOnly+1
			switch {
			case !ownList: // there may be a personal view of the name
				unknownActive++
			case system.Inactive:
				systemInactive++
				o.addFinding("DB-VIEW-ACTIVE", "view", system.Name, "activate-view", map[string]any{"active": false, "table": system.Table})
			}
		} else {
			judged := usable
			if len(usable) == 0 {
				judged = seen
			}
			for _, v := range judged {
				if v.Inactive {
					inactive[v.ID] = v
				}
			}
		}
		if len(seen) > 0 {
			found++
		}
		undecided := !met && (len(seen) == 0 && !ownList || !systemRead && !personal || system != nil && !ownersLists && len(seen) == 0)
		switch {
		case met:
			satisfied++
		case undecided:
			unknownShared++
			if len(seen) == 0 {
				unknownActive++
			}
		case len(seen) > 0:
			o.addFinding("DB-VIEW-SHARED", "required-view", want.Name, "share-view", map[string]any{
				"state": "not-shared", "table": want.Table, "view": want.Name, "views": fmt.Sprint(len(seen)),
			})
		default:
			o.addFinding("DB-VIEW-SHARED", "required-view", want.Name, "find-view", map[string]any{
				"state": "not-visible", "table": want.Table, "view": want.Name,
			})
		}
		if !slices.Contains(o.profile.ViewTables, want.Table) {
			o.addFinding("DB-VIEW-TABLE", "required-view", want.Name, "correct-configuration", map[string]any{
				"table": want.Table, "allowed": o.profile.ViewTables,
			})
		}
	}
	if (unknownShared > 0 || !systemRead) && unknownShared+satisfied == len(o.Requirement.Views) {
		o.addOutcome(audit.OutcomeUnknown, "DB-VIEW-SHARED")
	}
	for _, v := range inactive {
		o.addFinding("DB-VIEW-ACTIVE", "view", v.Name, "activate-view", map[string]any{"active": false, "table": v.Table})
	}
	switch {
	case len(inactive)+systemInactive > 0: // a failure takes precedence over unknown
	case found+systemOnly+unknownActive == 0:
		o.addOutcome(audit.OutcomeNotApplicable, "DB-VIEW-ACTIVE")
	case unknownActive > 0:
		o.addOutcome(audit.OutcomeUnknown, "DB-VIEW-ACTIVE")
	}
	o.leastAccess(user, func(v *simulator.PersonalView) bool { return known[v.ID] || ownList && o.seesView(user, v) })
}

// readsSharesOf reports whether a view is asked whom it is shared with, where the share table
// shows the auditor its own shares alone.
func (o *oracle) readsSharesOf(user *simulator.User, v *simulator.PersonalView) bool {
	switch {
	case o.ownsView(user, v):
		return false
	case o.canReadViewsAs(user):
		return o.seesView(user, v)
	}
	return slices.ContainsFunc(o.Requirement.Views, func(want snapshot.RequiredView) bool {
		return v.Table == want.Table && v.Name == want.Name && slices.ContainsFunc(o.Requirement.Views, func(by snapshot.RequiredView) bool {
			owner := o.User(by.Owner)
			return by.Owner != "" && o.canReadViewsAs(owner) && o.seesView(owner, v)
		})
	})
}

func (o *oracle) leastAccess(user *simulator.User, known func(*simulator.PersonalView) bool) {
	part := slices.Contains(o.Contradictions, simulator.SharesInPart)
	noticed, found := false, false
	for i := range o.PersonalViews {
		v := &o.PersonalViews[i]
		if part && !o.readsSharesOf(user, v) {
			continue
		}
		noticed = noticed || part && o.viewRights(user, v) != 0
		surplus := map[string]bool{}
		holders := map[string]string{} // names by id
		note := func(id, name string, access simulator.Rights) {
			for _, right := range (access &^ simulator.RightRead).Names() {
				surplus[snapshotRight(right)] = true
				holders[id] = name
			}
		}
		for _, s := range v.Shares {
			if o.refersTo(s.Principal, user) {
				note(user.ID, user.Name, s.Access|s.Inherited)
			}
			for _, t := range o.enabledTeamsOf(user) {
				if t.Name == s.Principal {
					note(t.ID, t.Name, s.Access|s.Inherited)
				}
			}
		}
		if len(surplus) == 0 {
			continue
		}
		name := v.Name
		if !known(v) {
			name = v.ID
		}
		principals := []string{}
		for _, id := range slices.Sorted(maps.Keys(holders)) {
			principals = append(principals, holders[id])
		}
		found = true
		o.addFinding("DB-VIEW-LEAST-ACCESS", "view", name, "reduce-share", map[string]any{
			"surplus": slices.Sorted(maps.Keys(surplus)), "principals": principals,
		})
	}
	if noticed && !found {
		o.addOutcome(audit.OutcomeUnknown, "DB-VIEW-LEAST-ACCESS") // there may be shares without Read
	}
}

// snapshotRight is a right of the simulator's spelling in the snapshot's.
func snapshotRight(name string) string {
	for _, r := range snapshot.Rights() {
		if strings.EqualFold(strings.ReplaceAll(r.String(), "-", ""), strings.NewReplacer("-", "", "_", "").Replace(name)) {
			return r.String()
		}
	}
	return name
}
