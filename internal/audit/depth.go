package audit

import (
	"github.com/dbaudit/dbaudit/internal/enum"
)

// A Depth is an access level of a privilege: how far from the user's own records
// it extends. The zero value is none: not granted.
type Depth int

// The depths, shallowest first.
const (
	DepthNone Depth = iota
	DepthBasic
	DepthLocal
	DepthDeep
	DepthGlobal
)

// Depths lists the depths that can be granted, shallowest first.
func Depths() []Depth { return []Depth{DepthBasic, DepthLocal, DepthDeep, DepthGlobal} }

// names are what the depth is called: in documents, by the Web API and in solution files, and
// by the security-role editor.
func (d Depth) names() (word, wire, level string) {
	switch d {
	case DepthBasic:
		return "basic", "Basic", "User"
	case DepthLocal:
		return "local", "Local", "Business Unit"
	case DepthDeep:
		return "deep", "Deep", "Parent: Child Business Units"
	case DepthGlobal:
		return "global", "Global", "Organization"
	case DepthNone:
	}
	return "none", "None", "None"
}

// String is the depth's word in documents.
func (d Depth) String() string {
	word, _, _ := d.names()
	return word
}

// Wire is the depth as a member of the Web API's PrivilegeDepth, and in solution files.
func (d Depth) Wire() string {
	_, wire, _ := d.names()
	return wire
}

// Level is the access level as the security-role editor names it. policy/dbaudit/words says
// the same in Rego, and a test of the engine keeps the two equal.
func (d Depth) Level() string {
	_, _, level := d.names()
	return level
}

// DepthFromWire reads a member of PrivilegeDepth; none for its fifth, RecordFilter, and for
// undocumented members.
func DepthFromWire(wire string) Depth {
	for _, d := range Depths() {
		if d.Wire() == wire {
			return d
		}
	}
	return DepthNone
}

// ParseDepth reads a depth that can be granted, as [Depth.String] spells it.
func ParseDepth(s string) (Depth, error) { return enum.Parse(s, "depth", Depths()) }

// MarshalText implements [encoding.TextMarshaler].
func (d Depth) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Depth) UnmarshalText(b []byte) error { return enum.Unmarshal(d, b, "depth", Depths()...) }

// LevelOf is the access level of a depth's word, as a finding's evidence has it; a word that is
// not a depth is returned as it is.
func LevelOf(word string) string {
	d, err := ParseDepth(word)
	if err != nil && word != DepthNone.String() {
		return word
	}
	return d.Level()
}
