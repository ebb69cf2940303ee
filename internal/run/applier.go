package run

import (
	"context"
	"log/slog"
	"strings"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/signin"
)

// Applier is the target as apply signs in to it: by apply: of the configuration or the
// DBAUDIT_APPLY_* variables, where either is given.
func (r *Runner) Applier(t Target) Target {
	auth := r.credential(applyVariables)
	for _, configured := range []*config.Auth{t.Env.Apply, t.File.Apply} {
		if configured != nil {
			auth = merge(auth, *configured)
		}
	}
	if auth == (config.Auth{}) {
		return t
	}
	t.variables = applyVariables
	if auth.ClientID != "" && !strings.EqualFold(auth.ClientID, t.Auth.ClientID) || auth.Method != "" || auth.Certificate != "" || auth.Secret != nil {
		// Another identity: nothing of the scan's own credentials is mixed in.
		t.ClientSecret, t.Auth.Secret = dataverse.Secret{}, nil
		t.Auth.Certificate, t.Auth.Method = "", ""
	}
	t.Auth = merge(auth, t.Auth)
	return t
}

// applyVariables is what the names of the variables for apply begin with.
const applyVariables = "DBAUDIT_APPLY_"

// Writer signs in as whoever applies.
func (r *Runner) Writer(ctx context.Context, t Target) (*dataverse.Writer, error) {
	transport := r.Transport(nil)
	c, err := r.SignInConfig(r.Applier(t), transport)
	if err != nil {
		return nil, err
	}
	session, err := signin.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	r.Log(slog.LevelInfo, t.Name, "to apply, "+session.Describe())
	return dataverse.NewWriter(r.ClientOptions(t, session, transport, nil))
}
