package fleet_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/store/storetest"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

// The files of the configurations of the environment a that are imported. DIR is their folder.
var requirementFiles = map[string]string{
	"several.yaml": `profile: DIR/profile.yaml
auth: {method: client-secret, secret: {env: A}}
depth: {prvReadAccount: local}
allow: [prvReadOrganization]
waivers: accepted.yaml
every: 1h
environments:
  a:
    url: https://a.crm.dynamics.com
    labels: {stage: test}
    integrations:
      - role: R
        views: [{table: account, name: V, owner: jane@contoso.com}]
`,
	"named.yaml": `environments:
  a:
    url: https://a.crm.dynamics.com
    integration: {role: R, business_unit: B}
    views: [{table: account, name: V}]
    every: 1h
`,
	"top.yaml":      "url: https://a.crm.dynamics.com\nintegration: {role: R}\nviews: [{table: account, name: V}]\n",
	"profile.yaml":  "acme:\n  extends: demandbase\n  version: 2026-11-30\n  allow: [prvReadNote]\n",
	"accepted.yaml": "waivers:\n  - {control: DB-ROLE-COMPLETE, subject: S, privilege: prvReadLead, kind: accepted-risk, owner: o, reason: r, expires: EXPIRES}\n",
}

// A configChange replaces a text of a file.
type configChange struct {
	file, old, new string
	decides        bool // whether it changes what the verdict says
}

// configChanges has a change for each key of the configuration and of a waiver, and for a profile file.
func configChanges() map[string]configChange {
	const several, named, top, accepted = "several.yaml", "named.yaml", "top.yaml", "accepted.yaml"
	return map[string]configChange{
		"File.profile":      {several, "DIR/profile.yaml", "demandbase", true},
		"File.auth":         {several, "auth: {method: client-secret, secret: {env: A}}", "auth: {method: managed-identity}", false},
		"File.apply":        {named, "environments:", "apply: {method: azure-cli}\nenvironments:", false},
		"File.environments": {named, "environments:", "environments:\n  b: {url: https://b.crm.dynamics.com}", false},
		"File.url":          {top, "a.crm.dynamics.com", "a.crm4.dynamics.com", true},
		"File.integration":  {top, "integration: {role: R}", "integration: {role: Q}", true},
		"File.integrations": {top, "integration: {role: R}\nviews: [{table: account, name: V}]", "integrations: [{role: Q}]", true},
		"File.business_unit": {
			top, "integration:", "business_unit: B\nintegration:", true,
		},
		"File.views":   {top, "name: V", "name: W", true},
		"File.depth":   {several, "depth: {prvReadAccount: local}", "depth: {prvReadAccount: basic}", true},
		"File.allow":   {several, "prvReadOrganization", "prvReadNote", true},
		"File.waivers": {several, "waivers: accepted.yaml\n", "", true},
		"File.every":   {several, "every: 1h", "every: 2h", false},

		"Auth.method":               {several, "client-secret", "managed-identity", false},
		"Auth.tenant_id":            {several, "{method:", "{tenant_id: contoso.com, method:", false},
		"Auth.client_id":            {several, "{method:", "{client_id: 11111111-1111-1111-1111-111111111111, method:", false},
		"Auth.certificate":          {several, "{method: client-secret, secret: {env: A}}", "{certificate: auditor.pem}", false},
		"Auth.authority":            {several, "{method:", "{authority: https://login.example, method:", false},
		"Auth.secret":               {several, "secret: {env: A}", "secret: {file: s}", false},
		"Auth.certificate_password": {several, "secret: {env: A}", "certificate_password: {env: P}", false},
		"Auth.secret_ends":          {several, "{method:", "{secret_ends: 2027-01-31, method:", false},
		"Source.env":                {several, "{env: A}", "{env: B}", false},
		"Source.file":               {several, "{env: A}", "{file: t}", false},

		"Environment.url":           {named, "a.crm.dynamics.com", "a.crm4.dynamics.com", true},
		"Environment.auth":          {named, "    url:", "    auth: {method: azure-cli}\n    url:", false},
		"Environment.apply":         {named, "    url:", "    apply: {method: azure-cli}\n    url:", false},
		"Environment.integration":   {named, "role: R, ", "", true},
		"Environment.integrations":  {several, "- role: R", "- profile: demandbase\n      - role: R", true},
		"Environment.business_unit": {named, ", business_unit: B}", "}\n    business_unit: C", true},
		"Environment.views":         {named, "    views: [{table: account, name: V}]\n", "", true},
		"Environment.labels":        {several, "stage: test", "stage: production", false},
		"Environment.every":         {named, "every: 1h", "every: 2h", false},

		"Integration.app_id":        {named, "role: R", "app_id: 11111111-1111-1111-1111-111111111111", true},
		"Integration.user":          {named, "role: R", "user: jane@contoso.com", true},
		"Integration.role":          {named, "role: R", "role: Q", true},
		"Integration.business_unit": {named, "business_unit: B", "business_unit: C", true},

		"Entry.profile": {several, "- role: R", "- profile: demandbase\n        role: R", true},
		"Entry.views":   {several, "name: V, owner: jane@contoso.com", "name: W", true},
		"Entry.depth":   {several, "- role: R", "- depth: {prvReadLead: basic}\n        role: R", true},
		"Entry.allow":   {several, "- role: R", "- allow: [prvReadNote]\n        role: R", true},

		"View.table": {several, "table: account", "table: lead", true},
		"View.name":  {several, "name: V", "name: W", true},
		"View.owner": {several, "jane@", "john@", true},

		"profile file": {"profile.yaml", "prvReadNote", "prvReadSharePointData", true},

		"Waiver.control":     {accepted, "DB-ROLE-COMPLETE", "DB-ROLE-CUSTOM", true},
		"Waiver.environment": {accepted, "subject: S", "subject: S, environment: b", true},
		"Waiver.profile":     {accepted, "subject: S", "subject: S, profile: other", true},
		"Waiver.subject":     {accepted, "subject: S", "subject: T", true},
		"Waiver.privilege":   {accepted, "prvReadLead", "prvReadNote", true},
		"Waiver.kind":        {accepted, "accepted-risk", "false-positive", false},
		"Waiver.owner":       {accepted, "owner: o", "owner: p", false},
		"Waiver.reason":      {accepted, "reason: r", "reason: s", false},
		"Waiver.expires":     {accepted, "EXPIRES", time.Now().AddDate(0, 0, 99).Format(time.DateOnly), true},
		"Waiver.broad":       {accepted, "owner: o", "owner: o, broad: true", true},
		"Waiver of another":  {accepted, "waivers:", "waivers:\n  - {control: DB-ROLE-CUSTOM, environment: b, kind: accepted-risk, owner: o, reason: r, expires: EXPIRES}", false},
	}
}

// keysOf adds the keys of a type and of the types in its fields, as TYPE.KEY.
func keysOf(t reflect.Type, keys map[string]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		if options != "inline" {
			keys[t.Name()+"."+name] = true
		}
		keysOf(field.Type, keys)
	}
}

// importFile imports a configuration into a store, under another name of its environment a.
func importFile(t *testing.T, s *store.Store, dir, file, name string) map[string]store.Requirements {
	t.Helper()
	path := filepath.Join(dir, file)
	parsed := must.Get(config.Parse(path, must.Get(os.ReadFile(path))))
	runner := &run.Runner{Host: run.Host{Getenv: func(string) string { return "" }, Now: time.Now}}
	list := slices.DeleteFunc(must.Get(fleet.Environments(runner, []*config.File{parsed})), func(e store.Environment) bool { return e.Name != "a" })
	list[0].Name = name
	must.Get(s.Import(t.Context(), "jane", list))
	return map[string]store.Requirements{name: list[0].Requirements}
}

// TestRequirementOfEdition checks that a new edition of a profile counts as another configuration if the
// profile is a file, and not if it comes with dbaudit.
func TestRequirementOfEdition(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]bool{audit.OriginBuiltin: false, "acme.yaml": true} {
		of := func(digest string) store.Requirements {
			target := run.Target{Name: "a", Profile: profile.Profile{Name: "p", Origin: origin, Digest: digest}}
			return fleet.Requirements([]run.Target{target}, nil)["a"]
		}
		if got := !maps.Equal(of("sha256:1"), of("sha256:2")); got != want {
			t.Errorf("%s: another configuration: %t, want %t", origin, got, want)
		}
	}
}

// TestRequirement checks for each key of the configuration whether an import with another value makes
// a verdict stale and the environment due: if and only if the key decides the verdict. Each key must be in
// the table.
func TestRequirement(t *testing.T) {
	changes := configChanges()
	keys := map[string]bool{}
	keysOf(reflect.TypeFor[config.File](), keys)
	keysOf(reflect.TypeFor[waiver.Waiver](), keys)
	for key := range keys {
		if _, ok := changes[key]; !ok {
			t.Errorf("the table does not say whether %s decides a verdict", key)
		}
	}
	storetest.OnBoth(t, func(t *testing.T, storeName string) {
		at := time.Now()
		s := must.Get(store.Open(t.Context(), storeName, store.Options{Now: func() time.Time { return at }}))
		t.Cleanup(func() { s.Close() })
		dir := filepath.ToSlash(t.TempDir())
		write := func(file, text string) {
			t.Helper()
			text = strings.NewReplacer("DIR", dir, "EXPIRES", at.AddDate(0, 0, 100).Format(time.DateOnly)).Replace(text)
			must.Do(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
		}
		for _, key := range slices.Sorted(maps.Keys(changes)) {
			c := changes[key]
			for file, text := range requirementFiles {
				write(file, text)
			}
			imported := c.file
			if c.file == "profile.yaml" || c.file == "accepted.yaml" {
				imported = "several.yaml"
			}
			requirements := importFile(t, s, dir, imported, key)
			for profile := range requirements[key] {
				r := result(store.Environment{Name: key})
				r[0].Profile.Name = profile
				must.Do(t, s.Record(t.Context(), r, requirements, "test"))
			}
			must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
				return tx.ScheduleNext(t.Context(), must.Get(tx.LockEnvironment(t.Context(), key)))
			}))
			before := must.Get(s.Status(t.Context(), key))[0]
			if !before.IsCompliant() {
				t.Fatalf("%s: before the change: %+v", key, before)
			}
			text := requirementFiles[c.file]
			if !strings.Contains(text, c.old) {
				t.Fatalf("%s: %s has no %q", key, c.file, c.old)
			}
			write(c.file, strings.Replace(text, c.old, c.new, 1))
			at = at.Add(time.Second)
			importFile(t, s, dir, imported, key)
			stale := false
			for _, st := range must.Get(s.Status(t.Context(), key)) {
				stale = stale || st.Stale && st.Reconfigured && !st.IsCompliant()
				if due := st.Environment.NextDue.Equal(at.Truncate(time.Microsecond)); due != c.decides {
					t.Errorf("%s: due at %s, want at once: %t", key, st.Environment.NextDue, c.decides)
				}
				if st.Integration == before.Integration && (st.Verdict != audit.VerdictCompliant || !st.LastCompleteAt.Equal(before.LastCompleteAt)) {
					t.Errorf("%s: the last result is another: %+v", key, st)
				}
			}
			if stale != c.decides {
				t.Errorf("%s: stale %t, want %t", key, stale, c.decides)
			}
		}
	})
}
