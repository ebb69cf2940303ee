package config

import (
	"fmt"
	"time"
)

// checkInterval refuses an interval that is not one, or is too short.
func (f *File) checkInterval(text string, path ...string) error {
	if text == "" {
		return nil
	}
	if every, err := time.ParseDuration(text); err != nil || every < time.Minute {
		return f.doc.FaultAtKey(fmt.Sprintf("every: %s is not an interval: want 1m or more, such as 30m or 24h", text), path...)
	}
	return nil
}

// Interval is how often the fleet scans an environment: what the environment says, else
// the top, else once a day.
func (f *File) Interval(e Environment) time.Duration {
	for _, text := range []string{e.Every, f.Every} {
		if every, err := time.ParseDuration(text); err == nil {
			return every
		}
	}
	return 24 * time.Hour
}

// ForEnvironment is the configuration of one environment, under a name, with the settings at the top.
// rename returns the names of files: those beside the configuration, and those in the working
// directory. It leaves out apply:, so that it cannot be used to change an environment.
func (f *File) ForEnvironment(e Environment, name string, rename func(file string, beside bool) string) *File {
	one := *f
	one.name, one.doc, one.Apply, one.Every = "", nil, nil, ""
	one.URL, one.Integration, one.Integrations, one.BusinessUnit, one.Views = "", Integration{}, nil, "", nil
	if one.Waivers != "" {
		one.Waivers = rename(one.Waivers, true)
	}
	one.Auth = one.Auth.withFiles(rename)
	e.Apply, e.Every, e.Name, e.path = nil, "", "", nil
	if e.Auth != nil {
		auth := e.Auth.withFiles(rename)
		e.Auth = &auth
	}
	one.Environments = map[string]Environment{name: e}
	return &one
}

func (a Auth) withFiles(rename func(string, bool) string) Auth {
	if a.Certificate != "" {
		a.Certificate = rename(a.Certificate, false)
	}
	for _, s := range []**Source{&a.Secret, &a.CertificatePassword} {
		if *s != nil && (*s).File != "" {
			*s = &Source{File: rename((*s).File, true)}
		}
	}
	return a
}
