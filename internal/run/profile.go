package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/policy"
)

// DefaultProfile is used if no profile is named.
const DefaultProfile = "demandbase"

// ProfileName returns the name or the file of the chosen profile.
func (r *Runner) ProfileName(file *config.File, overrides Overrides) string {
	return cmp.Or(overrides.Profile, r.Getenv("DBAUDIT_PROFILE"), file.Profile, DefaultProfile)
}

// configuredProfile returns the profile that the configuration names for an integration, else the
// default.
func (r *Runner) configuredProfile(file *config.File, env config.Environment) (profile.Profile, error) {
	p, err := r.Profile(cmp.Or(env.Profile, file.Profile, DefaultProfile))
	if _, usage := errors.AsType[*UsageError](err); usage { // other errors have a position in the profile
		err = file.KeyError(env, err.Error(), "profile")
	}
	return p, err
}

// IsProfileFile reports whether the name of a profile is that of a file.
func IsProfileFile(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// Profile returns a profile by its name or file. It parses each profile only once.
func (r *Runner) Profile(name string) (profile.Profile, error) {
	var data []byte
	if IsProfileFile(name) {
		var err error
		if data, err = r.ReadFile(bounds.Profile, name); err != nil {
			return profile.Profile{}, &UsageError{err}
		}
	}
	key := name + "\x00" + string(data) // the file may change
	if parsed, ok := r.profiles.Load(key); ok {
		return parsed.(profile.Profile), nil //nolint:forcetypeassert // it contains nothing else
	}
	p, err := parseProfile(name, data)
	if err == nil {
		r.profiles.Store(key, p)
	}
	return p, err
}

func parseProfile(name string, data []byte) (profile.Profile, error) {
	if !IsProfileFile(name) {
		if p, ok, err := profile.BuiltinNamed(policy.Files, name); ok || err != nil {
			return p, err
		}
	}
	builtin, err := profile.Builtin(policy.Files)
	if err != nil {
		return profile.Profile{}, err
	}
	if IsProfileFile(name) {
		return profile.Parse(filepath.ToSlash(name), data, builtin...)
	}
	var names []string
	for _, p := range builtin {
		names = append(names, p.Name)
	}
	return profile.Profile{}, Usagef("the profile %q does not exist: choose one of %s; a file is named by its path, such as ./%s.yaml",
		name, strings.Join(names, ", "), name)
}

// LoadEngine compiles the built-in policies and those of the custom folders. It returns an error for
// a profile that names a rule that the policies do not contain.
func (r *Runner) LoadEngine(ctx context.Context, profiles ...profile.Profile) (*engine.Engine, error) {
	var folders []fs.FS
	for _, folder := range r.PolicyFolders {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return nil, Usagef("--policy %s: the folder does not exist", folder)
		}
		folders = append(folders, os.DirFS(folder))
	}
	e, err := compileWithin(ctx, CompileLimit, func() (*engine.Engine, error) { return engine.Load(policy.Files, folders...) })
	if err != nil && ctx.Err() == nil && len(folders) > 0 {
		err = Usagef("--policy %s: %w", strings.Join(r.PolicyFolders, ", "), err)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range profiles {
		if err := e.CheckProfile(p); err != nil {
			return nil, &UsageError{err}
		}
	}
	return e, nil
}

// CompileLimit is how long compiling the policies may take.
const CompileLimit = 30 * time.Second

// compileWithin returns when the compiler ends, at the limit, or when the context is canceled. The
// compiler itself cannot be stopped.
func compileWithin(ctx context.Context, limit time.Duration, compile func() (*engine.Engine, error)) (*engine.Engine, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("compiling takes longer than %s: look for a rule with very many lines, and split it", limit))
	defer cancel()
	var e *engine.Engine
	done := make(chan error, 1)
	go func() {
		var err error
		e, err = compile()
		done <- err
	}()
	select {
	case err := <-done:
		return e, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
