package sessions_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestJSONLog checks that with --log-format json, every line on standard error is an object with
// time, level and msg, and that throttling is logged.
func TestJSONLog(t *testing.T) {
	t.Parallel()
	var once sync.Once
	server := serve(t, builtin(t, "compliant"), simulator.Options{Faults: func(r *http.Request) (f simulator.Fault) {
		if strings.HasPrefix(r.URL.Path, "/api/data/v9.2/organizations") {
			once.Do(func() { f = simulator.Fault{Kind: simulator.FaultStatus, Status: 429, RetryAfter: "7"} })
		}
		return f
	}})
	type line struct {
		Time, Level, Msg, Environment, Event, Request string

		WaitMS    int `json:"wait_ms"`
		Throttled int
	}
	read := func(t *testing.T, stderr string) []line {
		t.Helper()
		var lines []line
		for text := range strings.Lines(stderr) {
			var l line
			decodeInto(t, text, &l)
			if l.Time == "" || l.Level == "" || l.Msg == "" {
				t.Errorf("no time, level or msg in %s", text)
			}
			lines = append(lines, l)
		}
		return lines
	}

	t.Run("throttled", func(t *testing.T) {
		p := newParallelProcess(t, server)
		waited, summed := false, false
		for _, l := range read(t, p.run("scan", "-v", "--log-format", "json").must(t, 0).stderr) {
			waited = waited || l.Event == "throttled" && l.Request == "organization" && l.WaitMS >= 7000 && l.Environment == "127.0.0.1" && l.Level == "DEBUG"
			summed = summed || l.Throttled == 1 && l.Level == "INFO"
		}
		if !waited || !summed {
			t.Errorf("throttling is logged: %v, and summarized: %v\n%s", waited, summed, p.stderr.String())
		}
	})
	for name, args := range map[string][]string{
		"wrong secret": {"scan"}, "doctor": {"doctor", "-v"}, "usage": {"scan", "--fail-on", "nothing"}, "unknown flag": {"scan", "--no-such"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParallelProcess(t, server)
			p.vars["DBAUDIT_CLIENT_SECRET"] = "wrong"
			o := p.run(append([]string{"--log-format", "json"}, args...)...)
			lines := read(t, o.stderr)
			if o.code < 2 || len(lines) == 0 {
				t.Errorf("exit code %d, %d lines", o.code, len(lines))
			}
			if last := lines[len(lines)-1]; last.Level != "ERROR" && name != "doctor" {
				t.Errorf("the last message has the level %s", last.Level)
			}
		})
	}
	t.Run("device code", func(t *testing.T) {
		p := newParallelProcess(t, server)
		delete(p.vars, "DBAUDIT_CLIENT_SECRET")
		p.vars["DBAUDIT_CLIENT_ID"] = publicClientApp
		done := p.approve("alex@contoso.com")
		read(t, p.run("whoami", "--quiet", "--auth", "device-code", "--log-format", "json").must(t, 0).stderr)
		<-done
	})
}
