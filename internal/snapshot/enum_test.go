package snapshot_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// roundTrip checks that each value is read as it was written, and that other words are refused.
func roundTrip[T interface {
	comparable
	fmt.Stringer
}, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, values []T, refused ...string) {
	t.Helper()
	seen := map[string]bool{}
	for _, want := range values {
		text, err := json.Marshal(want)
		if err != nil || string(text) != strconv.Quote(want.String()) || seen[string(text)] {
			t.Errorf("%v is written as %s (%v)", want, text, err)
		}
		seen[string(text)] = true
		var got T
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Errorf("%s is read as %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range append(refused, "", "Unknown", "nothing of the kind") {
		var got, zero T
		if err := P(&got).UnmarshalText([]byte(text)); err == nil || got != zero {
			t.Errorf("%q is read as %v (%v), want an error", text, got, err)
		}
	}
}

func TestEnumerations(t *testing.T) {
	t.Run("State", func(t *testing.T) {
		roundTrip(t, []snapshot.State{
			snapshot.StateCollected, snapshot.StateForbidden, snapshot.StateFailed, snapshot.StateSkipped, snapshot.StateInapplicable,
		}, "unknown")
	})
	t.Run("Depth", func(t *testing.T) { roundTrip(t, audit.Depths(), "none", "Global") })
	t.Run("Setting", func(t *testing.T) {
		roundTrip(t, []snapshot.Setting{snapshot.SettingUnknown, snapshot.SettingOff, snapshot.SettingOn})
	})
	t.Run("Scope", func(t *testing.T) {
		roundTrip(t, []snapshot.Scope{snapshot.ScopeIntegration, snapshot.ScopeEnvironment}, "unknown")
	})
	t.Run("Source", func(t *testing.T) {
		roundTrip(t, []snapshot.Source{snapshot.SourceEnvironment, snapshot.SourceSolution}, "unknown")
	})
	t.Run("Viewer", func(t *testing.T) {
		roundTrip(t, []snapshot.Viewer{snapshot.ViewerAuditor, snapshot.ViewerIntegrationUser, snapshot.ViewerOwner}, "unknown")
	})
	t.Run("Right", func(t *testing.T) { roundTrip(t, snapshot.Rights(), "unknown") })
}

func TestZeroValues(t *testing.T) {
	for _, zero := range []fmt.Stringer{
		snapshot.State(""), snapshot.Setting(""), snapshot.Scope(""), snapshot.Source(""), snapshot.Viewer(""), snapshot.Right(0),
	} {
		if zero.String() != "unknown" {
			t.Errorf("the zero %T is %q", zero, zero)
		}
	}
	if d := audit.Depth(0); d != audit.DepthNone || d.String() != "none" {
		t.Errorf("the zero depth is %q", d)
	}
}

func TestRightsOf(t *testing.T) {
	const inherited = 0x08000000
	tests := []struct {
		mask int
		want []snapshot.Right
	}{
		{0, nil},
		{inherited, nil},
		{1, []snapshot.Right{snapshot.RightRead}},
		{1 | inherited, []snapshot.Right{snapshot.RightRead}},
		{1 | 2, []snapshot.Right{snapshot.RightRead, snapshot.RightWrite}},
		{262144 | 1, []snapshot.Right{snapshot.RightRead, snapshot.RightShare}},
		{1 | 2 | 4 | 16 | 32 | 65536 | 262144 | 524288, []snapshot.Right{
			snapshot.RightRead, snapshot.RightWrite, snapshot.RightAppend, snapshot.RightAppendTo,
			snapshot.RightCreate, snapshot.RightDelete, snapshot.RightShare, snapshot.RightAssign,
		}},
		{8, []snapshot.Right{snapshot.RightOther}},
		{1 | 8, []snapshot.Right{snapshot.RightRead, snapshot.RightOther}},
		{-1, snapshot.Rights()},
	}
	for _, tt := range tests {
		got := snapshot.RightsOf(tt.mask)
		if got == nil || !slices.Equal(got, tt.want) {
			t.Errorf("rights of %#x are %v, want %v", tt.mask, got, tt.want)
		}
	}
}

func TestSortRights(t *testing.T) {
	got := snapshot.SortRights([]snapshot.Right{
		snapshot.RightAssign, snapshot.RightRead, snapshot.RightOther, snapshot.RightRead, snapshot.RightWrite,
	})
	want := []snapshot.Right{snapshot.RightRead, snapshot.RightWrite, snapshot.RightAssign, snapshot.RightOther}
	if !slices.Equal(got, want) {
		t.Errorf("rights are %v, want %v", got, want)
	}
}

func TestSections(t *testing.T) {
	sections := snapshot.Sections()
	slices.Sort(sections)
	if unique := slices.Compact(slices.Clone(sections)); len(unique) != len(sections) || len(sections) != 11 {
		t.Errorf("sections are %v", sections)
	}
}
