package table

import (
	"slices"
	"testing"
)

func TestFit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		room              int
		need, share, want []int
	}{
		{100, []int{10, 20}, []int{1, 1}, []int{10, 20}},
		{50, []int{10, 90}, []int{0, 1}, []int{10, 40}},
		{60, []int{10, 90, 90}, []int{0, 1, 1}, []int{10, 25, 25}},
		{61, []int{10, 90, 90}, []int{0, 1, 1}, []int{10, 25, 26}},
		{60, []int{10, 5, 90}, []int{0, 1, 1}, []int{10, 5, 45}},
		{30, []int{90, 90, 90}, []int{10, 1, 10}, []int{11, leastColumn, 11}},
		{12, []int{10, 90}, []int{0, 1}, []int{10, leastColumn}},
	} {
		if got := fit(test.room, test.need, test.share); !slices.Equal(got, test.want) {
			t.Errorf("%d for %d by %d: %d, want %d", test.room, test.need, test.share, got, test.want)
		}
	}
}
