package config

import (
	"cmp"
	"fmt"
	"time"
)

// checkInterval returns an error for a text that is not an interval, or is too short.
func (f *File) checkInterval(text string, path ...string) error {
	if text == "" {
		return nil
	}
	if every, err := time.ParseDuration(text); err != nil || every < time.Minute {
		return f.doc.FaultAtKey(fmt.Sprintf("every: %s is not an interval: want 1m or more, such as 30m or 24h", text), path...)
	}
	return nil
}

// Interval returns how often the fleet scans an environment: the environment's every:, else that
// at the top level, else a day.
func (f *File) Interval(e Environment) time.Duration {
	if every, err := time.ParseDuration(cmp.Or(e.Every, f.Every)); err == nil {
		return every
	}
	return 24 * time.Hour
}

// ForEnvironment returns the configuration of one environment under a new name, with the settings
// at the top level. It omits apply:, so that it cannot be used to change the environment. resolve
// returns the path of a file that is relative to the configuration or, if that is false, to the
// working directory.
func (f *File) ForEnvironment(e Environment, name string, resolve func(file string, toConfig bool) string) *File {
	part := *f
	part.name, part.doc, part.Apply, part.Every = "", nil, Auth{}, ""
	part.URL, part.Integration, part.Integrations, part.BusinessUnit, part.Views = "", Integration{}, nil, "", nil
	if part.Waivers != "" {
		part.Waivers = resolve(part.Waivers, true)
	}
	part.Auth = part.Auth.resolveFiles(resolve)
	e.Auth, e.Apply, e.Every, e.Name, e.path = e.Auth.resolveFiles(resolve), Auth{}, "", "", nil
	part.Environments = map[string]Environment{name: e}
	return &part
}

func (a Auth) resolveFiles(resolve func(file string, toConfig bool) string) Auth {
	if a.Certificate != "" {
		a.Certificate = resolve(a.Certificate, false)
	}
	for _, s := range []**Source{&a.Secret, &a.CertificatePassword} {
		if *s != nil && (*s).File != "" {
			*s = &Source{File: resolve((*s).File, true)}
		}
	}
	return a
}
