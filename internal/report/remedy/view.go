package remedy

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func (f fix) shareView() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Share the view %s with %s, Read only%s.", name(f.View, "in question"), name(f.User, "the integration user"), byOwner(f.Owner)),
		Portal: append(f.openShares(),
			fmt.Sprintf("Search for %s, select it, tick Read and nothing else, and choose Share.", name(f.User, "the integration user"))),
		Requests: append(append(f.lookUpUser(), f.lookUpView()...),
			f.share("share the view", "GrantAccess", "systemuser", id(f.User, "{systemuserid}"))),
	}
}

func (f fix) reduceShare() Remedy {
	principals := f.Principals
	if len(principals) == 0 {
		principals = []audit.Reference{{}}
	}
	requests := f.lookUpView()
	for i, p := range principals {
		if i == listed {
			break
		}
		kind := orElse(p.Kind, "systemuser")
		requests = append(requests, f.share("reduce the share", "ModifyAccess", kind, orElse(p.ID, "{"+kind+"id}")))
	}
	return Remedy{
		Summary: fmt.Sprintf("Reduce the share of the view %s to Read%s%s.", name(f.View, "in question"), forPrincipals(f.Principals), byOwner(f.Owner)),
		Portal: append(f.openShares(),
			"Select "+principalNames(f.Principals)+", leave Read ticked and clear the rest, and choose Share."),
		Requests: requests,
	}
}

func (f fix) findView() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Create the view %s%s, or name its owner in the configuration so that it can be looked at.", name(f.View, "that is required"), ofTable(f.Table)),
		Portal: []string{
			"Ask who uses the view " + name(f.View, "in question") + ofTable(f.Table) + ": a personal view is seen by its owner and by those it is shared with, by nobody else.",
			"If it is there, name its owner under views in the configuration, or have the owner share it with the integration user.",
			"If it is not, create it: open the list of the table" + after(f.Table) + ", set the filters, and save the view under this name.",
		},
		Commands: []string{"dbaudit scan" + f.urlFlag()},
	}
}

func (f fix) activateView() Remedy {
	r := Remedy{Summary: fmt.Sprintf("Activate the view %s%s.", name(f.View, "in question"), byOwner(f.Owner))}
	active := object{{"statecode", 0}, {"statuscode", 1}}
	if f.Owner == nil { // a system view has none
		r.Portal = []string{
			"Sign in to https://make.powerapps.com and choose the environment" + at(f.env.URL) + ".",
			"Open the table" + after(f.Table) + " in an unmanaged solution, then Views.",
			"Choose More commands beside " + name(f.View, "in question") + ", then Turn on (formerly Activate view).",
		}
		r.Requests = []Request{f.send("activate the system view (with If-Match: *)", "PATCH", "savedqueries("+id(f.View, "{savedqueryid}")+")", active)}
		return r
	}
	r.Portal = []string{
		f.signInAsOwner(),
		"Open the table" + after(f.Table) + ", then Advanced Find > Saved Views, select " + name(f.View, "in question") + ", and choose Activate.",
	}
	r.Requests = append(f.lookUpView(),
		f.send("activate the view (with If-Match: *)"+callerNote(f.Owner), "PATCH", "userqueries("+id(f.View, "{userqueryid}")+")", active))
	return r
}

// share sets what a principal may do with the view: read it.
func (f fix) share(purpose, action, kind, principal string) Request {
	return f.send(purpose+callerNote(f.Owner), "POST", action, object{
		{"Target", row("userquery", "userqueryid", id(f.View, "{userqueryid}"))},
		{"PrincipalAccess", object{{"AccessMask", "ReadAccess"}, {"Principal", row(kind, kind+"id", principal)}}},
	})
}

// openShares leads to where the view's shares are chosen.
func (f fix) openShares() []string {
	return []string{
		f.signInAsOwner(),
		"Open the list of the table" + after(f.Table) + ", then the drop-down beside the name of the view > Manage and share views.",
		fmt.Sprintf("Find %s, choose the three dots beside it, and choose Share.", name(f.View, "in question")),
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
	filter := "name eq " + quote(f.View.Name)
	if f.Table != "" {
		filter += " and returnedtypecode eq " + quote(f.Table)
	}
	return []Request{f.get("the view"+callerNote(f.Owner), "userqueries?$select=userqueryid,name,_ownerid_value&$filter="+escape(filter))}
}

// callerNote says who has to make a request on a view: nobody but its owner sees
// it, or may share it.
func callerNote(owner *audit.Reference) string {
	if owner == nil || owner.ID == "" {
		return " (as the view's owner)"
	}
	return " (as its owner: header MSCRMCallerID: " + owner.ID + ")"
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
		return " for " + name(&ps[0], "whom it is shared with")
	}
	return fmt.Sprintf(" for %s and %d more", name(&ps[0], "one"), len(ps)-1)
}
