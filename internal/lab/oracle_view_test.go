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
	user := o.integration()
	if user == nil {
		o.outcome(audit.OutcomeNotApplicable, "DB-VIEW-SHARED", "DB-VIEW-TABLE", "DB-VIEW-ACTIVE", "DB-VIEW-LEAST-ACCESS")
		return
	}
	auditor := o.ApplicationUser(o.Suggest.Auditor)
	ownList, ownersLists := o.looks(user), o.held(auditor, "prvReadUserQuery") > 0
	var readers []*simulator.User // of whose lists something is known
	if ownList {
		readers = append(readers, user)
	}
	for _, v := range o.Want.Views {
		if v.Owner == "" {
			continue
		}
		if owner := o.User(v.Owner); o.looks(owner) {
			readers = append(readers, owner)
		} else {
			ownersLists = false
		}
	}
	systemRead := o.held(auditor, "prvReadQuery") > 0
	known := map[string]bool{} // views that somebody saw, by id

	var found, satisfied, unknownShared, unknownActive, systemOnly, systemInactive int
	inactive := map[string]*simulator.PersonalView{}
	for _, want := range o.Want.Views {
		var seen, usable []*simulator.PersonalView
		for i := range o.PersonalViews {
			v := &o.PersonalViews[i]
			if v.Table != want.Table || v.Name != want.Name ||
				!slices.ContainsFunc(readers, func(u *simulator.User) bool { return o.sees(u, v) }) {
				continue
			}
			seen = append(seen, v)
			known[v.ID] = true
			if o.sees(user, v) {
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
				o.fail("DB-VIEW-ACTIVE", "view", system.Name, "activate-view", map[string]any{"active": false, "table": system.Table})
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
			o.fail("DB-VIEW-SHARED", "required-view", want.Name, "share-view", map[string]any{
				"state": "not-shared", "table": want.Table, "view": want.Name, "views": fmt.Sprint(len(seen)),
			})
		default:
			o.fail("DB-VIEW-SHARED", "required-view", want.Name, "find-view", map[string]any{
				"state": "not-visible", "table": want.Table, "view": want.Name,
			})
		}
		if !slices.Contains(o.profile.ViewTables, want.Table) {
			o.fail("DB-VIEW-TABLE", "required-view", want.Name, "correct-configuration", map[string]any{
				"table": want.Table, "allowed": o.profile.ViewTables,
			})
		}
	}
	if (unknownShared > 0 || !systemRead) && unknownShared+satisfied == len(o.Want.Views) {
		o.outcome(audit.OutcomeUnknown, "DB-VIEW-SHARED")
	}
	for _, v := range inactive {
		o.fail("DB-VIEW-ACTIVE", "view", v.Name, "activate-view", map[string]any{"active": false, "table": v.Table})
	}
	switch {
	case len(inactive)+systemInactive > 0: // a failure takes precedence over unknown
	case found+systemOnly+unknownActive == 0:
		o.outcome(audit.OutcomeNotApplicable, "DB-VIEW-ACTIVE")
	case unknownActive > 0:
		o.outcome(audit.OutcomeUnknown, "DB-VIEW-ACTIVE")
	}
	o.leastAccess(user, func(v *simulator.PersonalView) bool { return known[v.ID] || ownList && o.sees(user, v) })
}

// asked reports whether a view is asked whom it is shared with, where the share table
// shows the auditor its own shares alone.
func (o *oracle) asked(user *simulator.User, v *simulator.PersonalView) bool {
	switch {
	case o.owns(user, v):
		return false
	case o.looks(user):
		return o.sees(user, v)
	}
	return slices.ContainsFunc(o.Want.Views, func(want snapshot.RequiredView) bool {
		return v.Table == want.Table && v.Name == want.Name && slices.ContainsFunc(o.Want.Views, func(by snapshot.RequiredView) bool {
			owner := o.User(by.Owner)
			return by.Owner != "" && o.looks(owner) && o.sees(owner, v)
		})
	})
}

func (o *oracle) leastAccess(user *simulator.User, known func(*simulator.PersonalView) bool) {
	part := slices.Contains(o.Contradictions, simulator.SharesInPart)
	noticed, found := false, false
	for i := range o.PersonalViews {
		v := &o.PersonalViews[i]
		if part && !o.asked(user, v) {
			continue
		}
		noticed = noticed || part && o.rights(user, v) != 0
		surplus := map[string]bool{}
		holders := map[string]string{} // names by id
		note := func(id, name string, access simulator.Rights) {
			for _, right := range (access &^ simulator.RightRead).Names() {
				surplus[snapshotRight(right)] = true
				holders[id] = name
			}
		}
		for _, s := range v.Shares {
			if o.is(s.Principal, user) {
				note(user.ID, user.Name, s.Access|s.Inherited)
			}
			for _, t := range o.liveTeamsOf(user) {
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
		o.fail("DB-VIEW-LEAST-ACCESS", "view", name, "reduce-share", map[string]any{
			"surplus": slices.Sorted(maps.Keys(surplus)), "principals": principals,
		})
	}
	if noticed && !found {
		o.outcome(audit.OutcomeUnknown, "DB-VIEW-LEAST-ACCESS") // there may be shares without Read
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
