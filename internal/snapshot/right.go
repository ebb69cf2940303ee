package snapshot

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/enum"
)

// A Right is one bit of an access rights mask. The zero value is unknown.
type Right int

// The rights, by the bits of Dataverse's AccessRights enumeration.
const (
	RightUnknown  Right = 0
	RightRead     Right = 1
	RightWrite    Right = 2
	RightAppend   Right = 4
	RightAppendTo Right = 16
	RightCreate   Right = 32
	RightDelete   Right = 65536
	RightShare    Right = 262144
	RightAssign   Right = 524288
	// RightOther stands for all bits that AccessRights does not name, so that an unknown right
	// is not lost.
	RightOther Right = 1 << 30
)

// Rights lists every right in the order of its bit.
func Rights() []Right {
	return []Right{RightRead, RightWrite, RightAppend, RightAppendTo, RightCreate, RightDelete, RightShare, RightAssign, RightOther}
}

// inheritedBit marks a mask that comes from a parent record. It is not a right.
const inheritedBit = 0x08000000

// RightsOf splits an access rights mask into rights, in the order of [Rights].
func RightsOf(mask int) []Right {
	rights := []Right{}
	mask &^= inheritedBit
	for _, r := range Rights() {
		if r != RightOther && mask&int(r) != 0 {
			rights = append(rights, r)
			mask &^= int(r)
		}
	}
	if mask != 0 {
		rights = append(rights, RightOther)
	}
	return rights
}

func (r Right) String() string {
	words := [...]string{"read", "write", "append", "append-to", "create", "delete", "share", "assign", "other"}
	if i := slices.Index(Rights(), r); i >= 0 {
		return words[i]
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (r Right) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Right) UnmarshalText(b []byte) error { return enum.Unmarshal(r, b, "right", Rights()...) }

// SortRights sorts rights by their bits, in place, and removes duplicates.
func SortRights(rights []Right) []Right {
	slices.Sort(rights)
	return slices.Compact(rights)
}
