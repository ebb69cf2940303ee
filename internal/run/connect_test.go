package run_test

import (
	"testing"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/run"
)

// TestInteractiveSignIn proves that dbaudit prompts only if a person is present or the command line
// says so, and not because a saved sign-in has expired in an unattended run.
func TestInteractiveSignIn(t *testing.T) {
	for _, test := range []struct {
		name, method string
		terminal     bool
		prompts      bool
	}{
		{"at a terminal", "", true, true},
		{"on request", "device-code", false, true},
		{"unattended", "", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &run.Runner{Host: run.Host{
				Attended: test.terminal, Getenv: func(string) string { return "" },
				OpenBrowser: func([]string, string) error { return nil },
			}}
			c, err := r.SignInConfig(run.Target{File: config.Empty(), Auth: config.Auth{Method: test.method}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if (c.Prompt != nil) != test.prompts || (c.OpenBrowser != nil) != test.prompts {
				t.Errorf("prompt: %v, browser: %v", c.Prompt != nil, c.OpenBrowser != nil)
			}
			if c.Cache == nil {
				t.Error("several environments of a run would each prompt again")
			}
		})
	}
}
