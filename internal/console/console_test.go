package console

import (
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// TestNarrationFitsTheTerminal checks that messages are wrapped for a terminal, but not for a log.
func TestNarrationFitsTheTerminal(t *testing.T) {
	t.Parallel()
	const guid = "00000000-0000-0000-0000-000000000001"
	long := "signing in with a workload identity (AZURE_FEDERATED_TOKEN_FILE is set), as app " + guid + ", in tenant " + guid + " (named by the environment), at login.microsoftonline.com"
	for _, width := range []int{40, 80, 110} {
		now := time.Unix(0, 0)
		c, b := newTerminalConsole(&now)
		c.StderrWidth = width
		c.Log(0, "contoso", long)
		c.Warn("", long)
		c.ReportError(stringError(long))
		for line := range strings.Lines(b.String()) {
			if n := text.Width(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns at %d: %s", n, width, line)
			}
		}
		b.Reset()
		c.StderrIsTerminal = false
		c.Log(0, "contoso", long)
		if b.String() != "contoso: "+long+"\n" {
			t.Errorf("a log has another line: %q", b.String())
		}
	}
}
