package main

import "testing"

// TestCollectAt: little is used while little is needed, large inputs have room for
// garbage, and the limit holds.
func TestCollectAt(t *testing.T) {
	t.Parallel()
	const limit = 1 << 30
	for _, test := range []struct{ live, want int64 }{
		{0, frugalMemory}, {100 << 20, frugalMemory}, {400 << 20, 560 << 20}, {900 << 20, limit},
	} {
		if got := collectAt(test.live, limit); got != test.want {
			t.Errorf("%d in use: %d, want %d", test.live, got, test.want)
		}
	}
}
