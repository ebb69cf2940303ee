package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// shareKinds returns the kinds of fix that change the shares of a personal view.
func shareKinds() []kind {
	return []kind{
		{
			name: ShareView, who: viewOwner,
			example: func(all audit.Fix) audit.Fix {
				return audit.Fix{View: all.View, User: all.User, Owner: all.Owner, Table: all.Table}
			},
			summary: "Share the view {view|in question} with {user|the integration user}, Read only[, as its owner {owner}].",
			portal:  append(sharesPage(), "Search for {user|the integration user}, select it, select only Read, and choose Share."),
			requests: func(f fix) []Call {
				return slices.Concat(f.lookUpUser(), f.lookUpOwner(), f.lookUpView(), []Call{
					f.shareCall("share the view", "GrantAccess", "systemuser", idOr(f.User, userID)),
				})
			},
			automation: automation{
				target: TargetShare, validate: validateRights(WithRead), risk: RiskLow, note: shareNote,
				summary: "[share the view {view} with {principal}, {only}][add {more} to the share of the view {view} with {principal}, which keeps its other rights], as its owner {owner}",
			},
		},
		{
			name: ReduceShare, who: viewOwner,
			summary:  "Reduce the share of the view {view|in question} to Read[ for {first principal}][, as its owner {owner}].",
			portal:   append(sharesPage(), "Select {principals|the user or team it is shared with}, keep only Read selected, and choose Share."),
			requests: fix.reduceShareCalls,
			example: func(all audit.Fix) audit.Fix {
				return audit.Fix{View: all.View, Owner: all.Owner, Principals: []audit.Reference{*all.User}}
			},
			automation: automation{
				target: TargetShare, validate: validateRights(OnlyRead), risk: RiskLow, note: shareNote,
				summary: "reduce the share of the view {view} with {principal} to {access}, as its owner {owner}",
			},
		},
	}
}

// viewOwner names the person who can make a fix that only the owner of a view can make.
const viewOwner = "the view's owner[, {owner name}]"

func (f fix) reduceShareCalls() []Call {
	principals := f.Principals
	if len(principals) == 0 {
		principals = []audit.Reference{{}}
	}
	calls := append(f.lookUpOwner(), f.lookUpView()...)
	for i, p := range principals {
		if i == maxListed {
			calls[len(calls)-1].Purpose += fmt.Sprintf(", and for the other %d in the same way", len(principals)-maxListed)
			break
		}
		kind := "systemuser"
		if p.Kind == "team" {
			kind = p.Kind
		}
		calls = append(append(calls, f.lookUpPrincipal(kind, p)...), f.shareCall("reduce the share", "ModifyAccess", kind, escapeIDOr(p.ID, "{"+kind+"id}")))
	}
	return calls
}

// shareCall returns the request that gives a principal Read on the view, and no other right.
func (f fix) shareCall(purpose, action, kind, principal string) Call {
	read := shareRequest(action, kind, snapshot.RightRead.String()).Fill(map[string]string{SlotPrincipal: principal})
	return f.impersonateOwner(f.newCall(purpose, read))
}

// nextShare returns the step that changes a principal's rights on a view, as its owner.
func (t Target) nextShare(from, to string) (Step, bool) {
	if from == to || t.Principal == nil {
		return Step{}, false
	}
	r := shareRequest("ModifyAccess", t.Principal.Kind, to)
	switch {
	case to == None:
		r = post("RevokeAccess", `{"Target":%s,"Revokee":%s}`, sharedView, principalRef(t.Principal.Kind))
	case from == None:
		r.Path = "GrantAccess"
	}
	r.As = t.Owner
	return Step{r, State{AttrAccess: to}}, true
}

const sharedView = `{"@odata.type":"Microsoft.Dynamics.CRM.userquery","userqueryid":"{view}"}`

func principalRef(kind string) string {
	return fmt.Sprintf(`{"@odata.type":"Microsoft.Dynamics.CRM.%s","%[1]sid":"{principal}"}`, kind)
}

// shareRequest returns the request that gives a systemuser or a team rights on a view.
func shareRequest(action, kind, access string) Request {
	return post(action, `{"Target":%s,"PrincipalAccess":{"AccessMask":%q,"Principal":%s}}`, sharedView, accessMask(access), principalRef(kind))
}

// validateRights returns a validation that allows only a change from rights to goal(rights).
func validateRights(goal func([]snapshot.Right) []snapshot.Right) func(Action) error {
	return func(a Action) error {
		before, known := parseRights(a.Before[AttrAccess])
		if _, ok := parseRights(a.After[AttrAccess]); !known || !ok || len(a.After) != 1 {
			return fmt.Errorf("%q or %q is not a list of rights", a.Before[AttrAccess], a.After[AttrAccess])
		}
		if FormatRights(goal(before)) != a.After[AttrAccess] || a.After[AttrAccess] == a.Before[AttrAccess] {
			return fmt.Errorf("%s cannot change the rights from %s to %s", a.Kind, a.Before[AttrAccess], a.After[AttrAccess])
		}
		return nil
	}
}

// WithRead returns rights on a view with Read added.
func WithRead(rights []snapshot.Right) []snapshot.Right {
	return snapshot.SortRights(append(slices.Clone(rights), snapshot.RightRead))
}

// OnlyRead returns Read if it is among the rights on a view, and no others.
func OnlyRead(rights []snapshot.Right) []snapshot.Right {
	return slices.DeleteFunc(slices.Clone(rights), func(r snapshot.Right) bool { return r != snapshot.RightRead })
}

// ShareState returns the state of a share with the rights.
func ShareState(rights []snapshot.Right) State { return State{AttrAccess: FormatRights(rights)} }

// FormatRights returns the value for rights in the state of a share.
func FormatRights(rights []snapshot.Right) string {
	if len(rights) == 0 {
		return None
	}
	names := make([]string, len(rights))
	for i, r := range rights {
		names[i] = r.String()
	}
	return strings.Join(names, ", ")
}

// parseRights parses the value of [FormatRights].
func parseRights(access string) (rights []snapshot.Right, ok bool) {
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
	return rights, FormatRights(snapshot.SortRights(slices.Clone(rights))) == access
}

// accessMask returns the rights as the Web API writes them (AccessRights).
func accessMask(access string) string {
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
