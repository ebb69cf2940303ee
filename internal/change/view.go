package change

import (
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func (f fix) shareView() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Share the view %s with %s, Read only%s.", name(f.View, "in question"), name(f.User, "the integration user"), byOwner(f.Owner)),
		Portal: append(f.openShares(),
			fmt.Sprintf("Search for %s, select it, select only Read, and choose Share.", name(f.User, "the integration user"))),
		Requests: slices.Concat(f.lookUpUser(), f.lookUpOwner(), f.lookUpView(), []Request{
			f.share("share the view", "GrantAccess", "systemuser", id(f.User, userID)),
		}),
	}
}

func (f fix) reduceShare() Remedy {
	principals := f.Principals
	if len(principals) == 0 {
		principals = []audit.Reference{{}}
	}
	requests := append(f.lookUpOwner(), f.lookUpView()...)
	for i, p := range principals {
		if i == listed {
			requests[len(requests)-1].Purpose += fmt.Sprintf(", and for the other %d in the same way", len(principals)-listed)
			break
		}
		kind := orElse(p.Kind, "systemuser")
		requests = append(requests, f.lookUpPrincipal(kind, p)...)
		requests = append(requests, f.share("reduce the share", "ModifyAccess", kind, keyOr(p.ID, "{"+kind+"id}")))
	}
	return Remedy{
		Summary: fmt.Sprintf("Reduce the share of the view %s to Read%s%s.", name(f.View, "in question"), forPrincipals(f.Principals), byOwner(f.Owner)),
		Portal: append(f.openShares(),
			"Select "+principalNames(f.Principals)+", keep only Read selected, and choose Share."),
		Requests: requests,
	}
}

func (f fix) findView() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Create the view %s%s, or name its owner in the configuration so that dbaudit can read it.", name(f.View, "that is required"), ofTable(f.Table)),
		Portal: []string{
			"Ask who uses the view " + name(f.View, "in question") + ofTable(f.Table) + ": only its owner and those it is shared with can see a personal view.",
			"If it exists, name its owner under views in the configuration, or have the owner share it with the integration user.",
			"If it does not exist, create it: open the list of the table" + after(f.Table) + ", set the filters, and save the view under this name.",
		},
		Commands: []string{"dbaudit scan" + f.at.Arguments()},
	}
}

func (f fix) activateView() Remedy {
	r := Remedy{Summary: fmt.Sprintf("Activate the view %s%s.", name(f.View, "in question"), byOwner(f.Owner))}
	active := object{{"statecode", 0}, {"statuscode", 1}}
	if f.Owner == nil { // a system view has none
		r.Portal = []string{
			"Sign in to https://make.powerapps.com and choose the environment" + at(f.env.URL) + ".",
			"Open the table" + after(f.Table) + " in an unmanaged solution, then Views.",
			"Choose More commands next to " + name(f.View, "in question") + ", then Turn on (formerly Activate view).",
		}
		r.Requests = []Request{f.patch("activate the system view", "savedqueries("+id(f.View, "{savedqueryid}")+")", active)}
		return r
	}
	r.Portal = []string{
		f.signInAsOwner(),
		"Open the table" + after(f.Table) + ", then Advanced Find > Saved Views, select " + name(f.View, "in question") + ", and choose Activate.",
	}
	r.Requests = slices.Concat(f.lookUpOwner(), f.lookUpView(), []Request{
		f.asOwner(f.patch("activate the view", "userqueries("+id(f.View, viewID)+")", active)),
	})
	return r
}

// share lets a principal read the view, and nothing else.
func (f fix) share(purpose, action, kind, principal string) Request {
	return f.asOwner(f.post(purpose, action, object{
		{"Target", row("userquery", "userqueryid", id(f.View, viewID))},
		{"PrincipalAccess", object{{"AccessMask", "ReadAccess"}, {"Principal", row(kind, kind+"id", principal)}}},
	}))
}

// openShares opens the dialog of the view's shares.
func (f fix) openShares() []string {
	return []string{
		f.signInAsOwner(),
		"Open the list of the table" + after(f.Table) + ", then the drop-down next to the name of the view > Manage and share views.",
		fmt.Sprintf("Find %s, choose the three dots next to it, and choose Share.", name(f.View, "in question")),
	}
}

func (f fix) signInAsOwner() string {
	who := " as the owner of the view"
	if f.Owner != nil {
		who += ", " + name(f.Owner, "")
	}
	return "Sign in to the environment" + at(f.env.URL) + who + "."
}

func (f fix) lookUpView() []Request {
	if f.View == nil || f.View.ID != "" {
		return nil
	}
	filter := named(f.View.Name)
	if f.Table != "" {
		filter += escape(" and returnedtypecode eq " + quote(f.Table))
	}
	return []Request{f.asOwner(f.lookUp("the view", "userqueryid", viewID, "userqueries?$select=userqueryid,name&$filter="+filter))}
}

func (f fix) lookUpPrincipal(kind string, p audit.Reference) []Request {
	switch {
	case p.ID != "" || p.Name == "":
		return nil
	case kind == "team":
		return []Request{f.lookUp("the team", "teamid", teamID, "teams?$select=teamid,name&$filter="+named(p.Name))}
	}
	return []Request{f.lookUp("the user", "systemuserid", userID, "systemusers?$select=systemuserid,fullname&$filter="+escape("fullname eq "+quote(p.Name)))}
}

// lookUpOwner finds an owner who is known only by the sign-in name from the configuration.
func (f fix) lookUpOwner() []Request {
	if f.Owner == nil || f.Owner.ID != "" || f.Owner.Kind == "team" {
		return nil
	}
	return []Request{f.lookUp("the view's owner", "systemuserid", ownerID, "systemusers?$select=systemuserid,fullname&$filter="+escape("domainname eq "+quote(f.Owner.Name)))}
}

// asOwner makes the request impersonate the view's owner, because nobody else can see or
// share a personal view. A team cannot be impersonated.
func (f fix) asOwner(r Request) Request {
	if f.Owner == nil || f.Owner.Kind == "team" {
		r.Purpose += ", signed in as the view's owner"
		return r
	}
	r.Purpose += ", as its owner"
	r.Headers = append(r.Headers, Header{"MSCRMCallerID", id(f.Owner, ownerID)})
	return r
}

func byOwner(owner *audit.Reference) string {
	if owner == nil {
		return ""
	}
	return ", as its owner " + name(owner, "")
}

func ofTable(table string) string {
	if table == "" {
		return ""
	}
	return " of the table " + table
}

func forPrincipals(ps []audit.Reference) string {
	switch len(ps) {
	case 0:
		return ""
	case 1:
		return " for " + name(&ps[0], "the user or team it is shared with")
	}
	return fmt.Sprintf(" for %s and %d more", name(&ps[0], "one"), len(ps)-1)
}
