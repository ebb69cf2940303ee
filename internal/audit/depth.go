package audit

import "github.com/dbaudit/dbaudit/internal/enum"

// A Depth is an access level of a privilege: how far it extends beyond the user's own records.
// The zero value means that the privilege is not granted.
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

// names returns the names of the depth: in documents, in the Web API and solution files, and in
// the security-role editor.
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

// String returns the depth as documents spell it.
func (d Depth) String() string {
	word, _, _ := d.names()
	return word
}

// Wire returns the depth as solution files and the Web API spell it, where it is a member of the
// PrivilegeDepth enumeration.
func (d Depth) Wire() string {
	_, wire, _ := d.names()
	return wire
}

// Level returns the access level as the security-role editor names it. policy/dbaudit/words has
// the same names in Rego; a test of the engine keeps the two equal.
func (d Depth) Level() string {
	_, _, level := d.names()
	return level
}

// DepthFromWire returns the depth for a member of PrivilegeDepth. It returns [DepthNone] for the
// member RecordFilter and for undocumented ones.
func DepthFromWire(wire string) Depth {
	for _, d := range Depths() {
		if d.Wire() == wire {
			return d
		}
	}
	return DepthNone
}

// ParseDepth parses a depth that can be granted, as [Depth.String] spells it.
func ParseDepth(s string) (Depth, error) { return enum.Parse(s, "depth", Depths()) }

// MarshalText implements [encoding.TextMarshaler].
func (d Depth) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Depth) UnmarshalText(b []byte) error { return enum.Unmarshal(d, b, "depth", Depths()...) }

// LevelOf returns the access level for a depth as [Depth.String] spells it. It returns a word that
// is not a depth unchanged.
func LevelOf(word string) string {
	d, err := ParseDepth(word)
	if err != nil && word != DepthNone.String() {
		return word
	}
	return d.Level()
}
