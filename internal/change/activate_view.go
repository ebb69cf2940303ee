package change

import (
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// ActivateView activates a deactivated view.
const ActivateView audit.FixKind = "activate-view"

func activateView() kind {
	return kind{
		name: ActivateView, remedy: fix.activateView, who: owner,
		example: func(all audit.Fix) audit.Fix { return audit.Fix{View: all.View, Owner: all.Owner} },
	}
}

func (f fix) activateView() Remedy {
	r := Remedy{Summary: fmt.Sprintf("Activate the view %s%s.", name(f.View, "in question"), lead(", as its owner ", name(f.Owner, "")))}
	active := func(row string) Request { return patch(row, `{"statecode":0,"statuscode":1}`) }
	if f.Owner == nil { // a system view has none
		r.Portal = []string{
			"Sign in to https://make.powerapps.com and choose the environment" + lead(" at ", f.env.URL) + ".",
			"Open the table" + lead(" ", f.Table) + " in an unmanaged solution, then Views.",
			"Choose More commands next to " + name(f.View, "in question") + ", then Turn on (formerly Activate view).",
		}
		r.Requests = []Call{f.call("activate the system view", active("savedqueries("+id(f.View, "{savedqueryid}")+")"))}
		return r
	}
	r.Portal = []string{
		f.signInAsOwner(),
		"Open the table" + lead(" ", f.Table) + ", then Advanced Find > Saved Views, select " + name(f.View, "in question") + ", and choose Activate.",
	}
	r.Requests = slices.Concat(f.lookUpOwner(), f.lookUpView(), []Call{
		f.asOwner(f.call("activate the view", active("userqueries({view})"))),
	})
	return r
}
