package report

import "testing"

func TestFencesHold(t *testing.T) {
	t.Parallel()
	got := fenced("sh", []string{"echo '```'", "echo '````'"})
	if want := "`````sh\necho '```'\necho '````'\n`````\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
