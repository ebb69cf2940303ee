package sessions_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestInterrupted checks that an interruption ends each command at once with exit code 130, and
// leaves no file.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, stuck string // the part of a path at which the environment stops to answer
		args        []string
	}{
		{"scan while reading", "/systemusers", []string{"scan", "-f", "json", "-o", "result.json", "--snapshot", "snapshot.json"}},
		{"scan while reading privileges", "/RetrieveRolePrivilegesRole", []string{"scan", "-f", "json", "-o", "result.json", "--snapshot", "snapshot.json"}},
		{"scan while signing in", "/oauth2/v2.0/token", []string{"scan", "-f", "json", "-o", "result.json"}},
		{"collect", "/organizations", []string{"collect", "-o", "snapshot.json"}},
		{"doctor", "/organizations", []string{"doctor", "-o", "doctor.txt"}},
		{"doctor while finding the tenant", "/api/data/v9.2/", []string{"doctor", "-o", "doctor.txt"}},
		{"whoami", "/WhoAmI", []string{"whoami"}},
		{"several environments", "/systemusers", []string{"scan", "--all-envs", "-f", "json", "-o", "results.json"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var once sync.Once
			server := serve(t, builtin(t, "sample"), simulator.Options{Faults: func(r *http.Request) simulator.Fault {
				if !strings.Contains(r.URL.Path, test.stuck) {
					return simulator.Fault{}
				}
				once.Do(interrupt)
				return simulator.Fault{Kind: simulator.FaultSlow, Delay: time.Hour}
			}})
			p := newParallelProcess(t, server, server)
			if test.name == "several environments" {
				p.writeEnvironments([]string{"north", "south"})
			}
			before := fileNames(t, p.dir)
			for i, arg := range test.args {
				if i > 0 && (test.args[i-1] == "-o" || test.args[i-1] == "--snapshot") {
					test.args[i] = p.file(arg)
				}
			}
			o := p.runUntil(ctx, test.args...).must(t, 130)
			if after := fileNames(t, p.dir); after != before {
				t.Errorf("files: %s, before: %s", after, before)
			}
			if o.stdout != "" || !strings.Contains(o.stderr, "interrupted") {
				t.Errorf("standard output %q, standard error:\n%s", o.stdout, o.stderr)
			}
		})
	}
}

func fileNames(tb testing.TB, dir string) string {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return strings.Join(names, " ")
}
