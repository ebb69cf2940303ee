package change

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Mark says how something changes.
type Mark string

// The marks, as they are shown.
const (
	MarkAdd    Mark = "+"
	MarkChange Mark = "~"
	MarkRemove Mark = "−"
)

// A Difference is one thing that an action changes.
type Difference struct{ Name, Before, After string }

// Mark says how it changes.
func (d Difference) Mark() Mark {
	switch {
	case nothing(d.Before):
		return MarkAdd
	case nothing(d.After):
		return MarkRemove
	}
	return MarkChange
}

func nothing(value string) bool { return slices.Contains([]string{Absent, None, No, ""}, value) }

// Differences lists what the action changes, by name.
func (a Action) Differences() []Difference {
	var list []Difference
	for _, name := range a.After.Names() {
		list = append(list, Difference{name, a.Before[name], a.After[name]})
	}
	return list
}

// Mark says how an action changes things: as all its differences do, if they do the same.
func (a Action) Mark() Mark {
	list := a.Differences()
	if len(list) == 0 || slices.ContainsFunc(list, func(d Difference) bool { return d.Mark() != list[0].Mark() }) {
		return MarkChange
	}
	return list[0].Mark()
}

// Details are the differences of an action whose summary does not say them all.
func (a Action) Details() []Difference {
	if a.Target.Kind == TargetGrants || a.Target.Kind == TargetShare {
		return a.Differences()
	}
	return nil
}

// Said is a difference in the portal's words.
func (a Action) Said(d Difference) string {
	return Called(d.Name) + ": " + a.Was(d) + " → " + audit.Level(d.After)
}

// Unsaid is what undoes a difference, in the portal's words.
func (a Action) Unsaid(d Difference) string {
	return Called(d.Name) + ": " + audit.Level(d.After) + " → " + audit.Level(d.Before)
}

// Called is what changes, in the portal's words: a privilege by its table and right, with
// its name; another attribute unchanged.
func Called(name string) string {
	if right := audit.Right(name); right != name {
		return right + " (" + name + ")"
	}
	return name
}

// called are the attributes of a state for a reader.
func (s State) called() string {
	names := s.Names()
	for i := range names {
		names[i] = Called(names[i])
	}
	return strings.Join(names, ", ")
}

// Was is the state before a change, for a reader. A grant for some records only counts as
// none when depths are compared.
func (a Action) Was(d Difference) string {
	switch {
	case !slices.Contains(a.Target.Filtered, d.Name):
		return audit.Level(d.Before)
	case d.Before == None:
		return "for some records only"
	}
	return audit.Level(d.Before) + ", and for some records only"
}

// A Risk is how much a change can break. The zero value is unknown.
type Risk string

// The risks.
const (
	RiskLow    Risk = "low"
	RiskMedium Risk = "medium"
	RiskHigh   Risk = "high"
)
