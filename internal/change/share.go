package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// ofShares are the kinds of fix that change with whom a personal view is shared.
func ofShares() []kind {
	return []kind{
		{
			name: ShareView, who: owner,
			example: func(all audit.Fix) audit.Fix {
				return audit.Fix{View: all.View, User: all.User, Owner: all.Owner, Table: all.Table}
			},
			summary: "Share the view {view|in question} with {user|the integration user}, Read only[, as its owner {owner}].",
			portal:  append(sharesPage(), "Search for {user|the integration user}, select it, select only Read, and choose Share."),
			requests: func(f fix) []Call {
				return slices.Concat(f.lookUpUser(), f.lookUpOwner(), f.lookUpView(), []Call{
					f.share("share the view", "GrantAccess", "systemuser", id(f.User, userID)),
				})
			},
			act: act{
				target: TargetShare, legal: rightsTo(WithRead), risk: RiskLow, note: shareNote,
				summary: "[share the view {view} with {principal}, {only}][add {more} to the share of the view {view} with {principal}, which keeps its other rights], as its owner {owner}",
			},
		},
		{
			name: ReduceShare, who: owner,
			summary:  "Reduce the share of the view {view|in question} to Read[ for {first principal}][, as its owner {owner}].",
			portal:   append(sharesPage(), "Select {principals|the user or team it is shared with}, keep only Read selected, and choose Share."),
			requests: fix.reductions,
			example: func(all audit.Fix) audit.Fix {
				return audit.Fix{View: all.View, Owner: all.Owner, Principals: []audit.Reference{*all.User}}
			},
			act: act{
				target: TargetShare, legal: rightsTo(OnlyRead), risk: RiskLow, note: shareNote,
				summary: "reduce the share of the view {view} with {principal} to {access}, as its owner {owner}",
			},
		},
	}
}

// owner can make what only the owner of a view can make.
const owner = "the view's owner[, {owner name}]"

func (f fix) reductions() []Call {
	principals := f.Principals
	if len(principals) == 0 {
		principals = []audit.Reference{{}}
	}
	calls := append(f.lookUpOwner(), f.lookUpView()...)
	for i, p := range principals {
		if i == listed {
			calls[len(calls)-1].Purpose += fmt.Sprintf(", and for the other %d in the same way", len(principals)-listed)
			break
		}
		kind := "systemuser"
		if p.Kind == "team" {
			kind = p.Kind
		}
		calls = append(append(calls, f.lookUpPrincipal(kind, p)...), f.share("reduce the share", "ModifyAccess", kind, keyOr(p.ID, "{"+kind+"id}")))
	}
	return calls
}

// share lets a principal read the view, and nothing else.
func (f fix) share(purpose, action, kind, principal string) Call {
	read := giveAccess(action, kind, snapshot.RightRead.String()).Fill(map[string]string{SlotPrincipal: principal})
	return f.asOwner(f.call(purpose, read))
}

// nextShare gives a principal other rights on a view, on the owner's behalf.
func (t Target) nextShare(from, to string) (Step, bool) {
	if from == to || t.Principal == nil {
		return Step{}, false
	}
	r := giveAccess("ModifyAccess", t.Principal.Kind, to)
	switch {
	case to == None:
		r = post("RevokeAccess", `{"Target":%s,"Revokee":%s}`, sharedView, principalOf(t.Principal.Kind))
	case from == None:
		r.Path = "GrantAccess"
	}
	r.As = t.Owner
	return Step{r, State{AttrAccess: to}}, true
}

const sharedView = `{"@odata.type":"Microsoft.Dynamics.CRM.userquery","userqueryid":"{view}"}`

func principalOf(kind string) string {
	return fmt.Sprintf(`{"@odata.type":"Microsoft.Dynamics.CRM.%s","%[1]sid":"{principal}"}`, kind)
}

// giveAccess gives a principal, a systemuser or a team, rights on a view.
func giveAccess(action, kind, access string) Request {
	return post(action, `{"Target":%s,"PrincipalAccess":{"AccessMask":%q,"Principal":%s}}`, sharedView, wireRights(access), principalOf(kind))
}

// rightsTo allows an action to change rights as the function does, if that is a change.
func rightsTo(goal func([]snapshot.Right) []snapshot.Right) func(Action) error {
	return func(a Action) error {
		before, known := rightsIn(a.Before[AttrAccess])
		if _, ok := rightsIn(a.After[AttrAccess]); !known || !ok || len(a.After) != 1 {
			return fmt.Errorf("%q or %q is not a list of rights", a.Before[AttrAccess], a.After[AttrAccess])
		}
		if Access(goal(before)) != a.After[AttrAccess] || a.After[AttrAccess] == a.Before[AttrAccess] {
			return fmt.Errorf("%s does not go from %s to %s", a.Kind, a.Before[AttrAccess], a.After[AttrAccess])
		}
		return nil
	}
}

// WithRead adds Read to rights on a view.
func WithRead(rights []snapshot.Right) []snapshot.Right {
	return snapshot.SortRights(append(slices.Clone(rights), snapshot.RightRead))
}

// OnlyRead is what remains of rights on a view if only Read is kept.
func OnlyRead(rights []snapshot.Right) []snapshot.Right {
	return slices.DeleteFunc(slices.Clone(rights), func(r snapshot.Right) bool { return r != snapshot.RightRead })
}

// ShareState is the state of a share with rights.
func ShareState(rights []snapshot.Right) State { return State{AttrAccess: Access(rights)} }

// Access is the value of a share's state for rights.
func Access(rights []snapshot.Right) string {
	if len(rights) == 0 {
		return None
	}
	names := make([]string, len(rights))
	for i, r := range rights {
		names[i] = r.String()
	}
	return strings.Join(names, ", ")
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

// wireRights is the Web API's text of rights (AccessRights).
func wireRights(access string) string {
	var names []string
	for _, r := range strings.Split(access, ", ") {
		name := ""
		for _, part := range strings.Split(r, "-") {
			name += strings.ToUpper(part[:1]) + part[1:]
		}
		names = append(names, name+"Access")
	}
	return strings.Join(names, ", ")
}

func shareNote(a Action, _ []string) string {
	note := "The request is made on the owner's behalf, which the environment's audit log shows."
	if a.Target.Owner.Name == "" && len(a.Why) > 0 {
		who := "it is unknown whether the owner is enabled"
		if a.Target.Owner.Kind == "" {
			who = "it is unknown whether the owner is an enabled user or a team"
		}
		note += fmt.Sprintf(" The request may be refused: %s, and only an enabled user can be impersonated. Leave it out with --except %s.", who, a.Why[0].Control)
	}
	return note
}
