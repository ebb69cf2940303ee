package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func name(r *audit.Reference, otherwise string) string {
	switch {
	case r == nil:
		return otherwise
	case r.Name != "":
		return `"` + r.Name + `"`
	case r.ID != "":
		return r.ID
	}
	return otherwise
}

func refName(r *audit.Reference) string {
	if r == nil {
		return ""
	}
	return r.Name
}

// rights are privileges in the portal's words, such as "Account – Read at Organization
// level"; before precedes a level that all of them share, and is empty if no level is
// named.
func rights(gs []audit.Grant, before string) string {
	const shown = 3
	if len(gs) == 0 {
		return "the missing privileges"
	}
	shared := gs[0].Depth
	if slices.ContainsFunc(gs, func(g audit.Grant) bool { return g.Depth != shared }) {
		shared = audit.DepthNone
	}
	names := make([]string, min(len(gs), shown))
	for i := range names {
		names[i] = audit.Right(gs[i].Name)
		if before != "" && shared == audit.DepthNone && gs[i].Depth != audit.DepthNone {
			names[i] += " (" + gs[i].Depth.Level() + ")"
		}
	}
	last := len(names) - 1
	said := names[last]
	switch more := len(gs) - len(names); {
	case more > 0:
		said = fmt.Sprintf("%s and %d more", strings.Join(names, ", "), more)
	case last > 0:
		said = strings.Join(names[:last], ", ") + " and " + names[last]
	}
	if before != "" && shared != audit.DepthNone {
		said += " " + before + " " + shared.Level() + " level"
	}
	return said
}

func with(gs []audit.Grant) string {
	switch len(gs) {
	case 0:
		return ""
	case 1:
		return " with " + audit.Right(gs[0].Name)
	}
	return fmt.Sprintf(" with %d privileges", len(gs))
}

func principalNames(ps []audit.Reference) string {
	if len(ps) == 0 {
		return "the user or team it is shared with"
	}
	var names []string
	for _, p := range ps[:min(len(ps), listed)] {
		names = append(names, name(&p, "the principal"))
	}
	if more := len(ps) - listed; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
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

// Listed joins what a message names, the first few of many.
func Listed(parts []string) string { return text.Listed(parts, 5) }
