package snapshot_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func TestSlice(t *testing.T) {
	s, untouched := sample(t), sample(t)
	part := s.Slice(pattern)
	for name, section := range map[string]struct{ got, want []string }{
		"users":           {keys(part.Users), []string{"ghost", "jane", "user"}},
		"teams":           {keys(part.Teams), []string{"team"}},
		"roles":           {keys(part.Roles), []string{"copy", "named", "root", "through-team"}},
		"role_privileges": {keys(part.RolePrivileges), []string{"named", "root", "through-team"}},
		"shares":          {keys(part.Shares), []string{"team", "user"}},
		"business_units":  {keys(part.BusinessUnits), keys(s.BusinessUnits)},
		"privileges":      {keys(part.Privileges), keys(s.Privileges)},
		"views":           {keys(part.Views), keys(s.Views)},
		"system_views":    {keys(part.SystemViews), keys(s.SystemViews)},
	} {
		if diff := cmp.Diff(section.want, section.got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	if part.Digest != s.Digest {
		t.Error("the slice does not say which snapshot it is of")
	}
	if diff := cmp.Diff(untouched, s); diff != "" {
		t.Errorf("the snapshot was changed: -before +after\n%s", diff)
	}
}

func TestSliceOfSolution(t *testing.T) {
	s := sample(t)
	s.Source = snapshot.SourceSolution
	seal(t, s)
	if diff := cmp.Diff(s, s.Slice(pattern)); diff != "" {
		t.Errorf("-whole +slice\n%s", diff)
	}
	if diff := cmp.Diff(s, decode(t, encode(t, s), asTaken(pattern))); diff != "" {
		t.Errorf("decoded: -whole +slice\n%s", diff)
	}
}

// FuzzSlice checks that a slice is a part of the whole, that slicing it again changes nothing, and
// that it can be sealed, written and read.
func FuzzSlice(f *testing.F) {
	f.Add(encode(f, small(f)), pattern)
	f.Add(encode(f, sample(f)), pattern)
	f.Add(encode(f, sample(f)), "")
	f.Fuzz(func(t *testing.T, data []byte, pattern string) {
		s, err := snapshot.Decode([]byte(resealed(string(data))), nil)
		if err != nil || s.Check(pattern) != nil {
			return
		}
		part := s.Slice(pattern)
		within(t, "users", part.Users, s.Users)
		within(t, "teams", part.Teams, s.Teams)
		within(t, "roles", part.Roles, s.Roles)
		within(t, "role_privileges", part.RolePrivileges, s.RolePrivileges)
		within(t, "shares", part.Shares, s.Shares)
		if diff := cmp.Diff(part, part.Slice(pattern)); diff != "" {
			t.Fatalf("sliced again it differs\n%s", diff)
		}
		if err := part.Check(pattern); err != nil {
			t.Fatalf("the slice is inconsistent: %v", err)
		}
		seal(t, part)
		again := decode(t, encode(t, part), asTaken(pattern))
		if diff := cmp.Diff(part, again); diff != "" {
			t.Fatalf("written and read\n%s", diff)
		}
	})
}

func within[V any](t *testing.T, name string, part, whole map[string]V) {
	t.Helper()
	for key, v := range part {
		if diff := cmp.Diff(whole[key], v); diff != "" {
			t.Fatalf("%s: %q is not the whole's\n%s", name, key, diff)
		}
	}
}

// TestReadChangingFile changes a file after its outline was read and before a member is decoded.
func TestReadChangingFile(t *testing.T) {
	data := encode(t, sample(t))
	changed := bytes.Replace(data, []byte(`"prvReadAccount": "global"`), []byte(`"prvReadAccount": "basic" `), 1)
	_, err := snapshot.Decode(data, func(s *snapshot.Snapshot) (snapshot.Requirement, string, error) {
		copy(data, changed)
		return s.Requirement, pattern, nil
	})
	if err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("error is %v", err)
	}
}

// TestReadLongLine reads a document with a line that is too long for an outline.
func TestReadLongLine(t *testing.T) {
	s := sample(t)
	s.Organization.Name = strings.Repeat("x", 17<<20)
	seal(t, s)
	if got := decode(t, encode(t, s), asTaken(pattern)); got.Organization.Name != s.Organization.Name || len(got.Users) != len(s.Slice(pattern).Users) {
		t.Error("the slice is another")
	}
}

// TestRead checks that Read returns for a file what Decode returns for its bytes.
func TestRead(t *testing.T) {
	solution := sample(t)
	solution.Source = snapshot.SourceSolution
	seal(t, solution)
	whole := encode(t, sample(t))
	for name, data := range map[string][]byte{
		"a whole environment": whole, "a solution": encode(t, solution), "compact": bytes.ReplaceAll(whole, []byte("\n"), nil),
		"cut short": whole[:len(whole)/2], "changed": bytes.Replace(whole, []byte(`"global"`), []byte(`"basic"`), 1),
	} {
		for _, selector := range selectors() {
			want, wantErr := snapshot.Decode(data, selector)
			got, err := snapshot.Read(io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), selector)
			if diff := cmp.Diff(want, got); diff != "" || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%s: %v, want %v\n%s", name, err, wantErr, diff)
			}
		}
	}
}
