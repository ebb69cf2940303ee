package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

// connectionFlags adds the flags that choose environments and say how to sign in to them.
func connectionFlags(flags *pflag.FlagSet, c *run.Connection) {
	urlFlag(flags, c)
	flags.StringVar(&c.Auth.TenantID, "tenant-id", "", "Entra `tenant` (default found from the environment; DBAUDIT_TENANT_ID)")
	clientIDFlag(flags, c)
	flags.StringVar(&c.Auth.Certificate, "client-certificate", "", "PEM or PFX `file` of its certificate (DBAUDIT_CLIENT_CERTIFICATE; password in DBAUDIT_CLIENT_CERTIFICATE_PASSWORD)")
	markInput(flags, "client-certificate")
	methods := stringsOf(signin.Methods())
	flags.Var(newChoice(&c.Auth.Method, methods...), "auth", "sign-in `method`: "+strings.Join(methods, ", ")+" (default deduced; DBAUDIT_AUTH)")
	flags.StringVar(&c.Auth.Authority, "authority", "", "`address` of another sign-in host, https://HOST[:PORT] (DBAUDIT_AUTHORITY)")
	flags.StringArrayVar(&c.Envs, "env", nil, "`name` of an environment in the configuration, or a pattern such as 'eu-*'; repeatable")
	flags.StringArrayVar(&c.Labels, "label", nil, "`key=value` label of the environments in the configuration; repeatable, all must match")
}

func urlFlag(flags *pflag.FlagSet, c *run.Connection) {
	flags.StringVar(&c.URL, "url", "", "the environment's `address`, https://ORG.crmN.dynamics.com (DBAUDIT_URL)")
}

func clientIDFlag(flags *pflag.FlagSet, c *run.Connection) {
	flags.StringVar(&c.Auth.ClientID, "client-id", "", "`id` of the auditor's own app registration (DBAUDIT_CLIENT_ID)")
}

func appIDFlag(flags *pflag.FlagSet, o *run.Overrides) {
	flags.StringVar(&o.AppID, "integration-app-id", "", "application (client) `id` of the integration's application user (DBAUDIT_INTEGRATION_APP_ID)")
}

func allEnvsFlag(flags *pflag.FlagSet, c *run.Connection) {
	flags.BoolVar(&c.AllEnvs, "all-envs", false, "every environment in the configuration")
}

func timeoutFlag(flags *pflag.FlagSet, c *run.Connection) {
	flags.StringVar(&c.Timeout, "timeout", "", "time limit for reading an environment, as a `duration` (default 5m; DBAUDIT_TIMEOUT)")
}

// requirementFlags adds the flags that say what is required of an environment.
func requirementFlags(flags *pflag.FlagSet, o *run.Overrides) {
	flags.StringVar(&o.Profile, "profile", "", "requirement profile: a `name` or a file (default demandbase; DBAUDIT_PROFILE)")
	appIDFlag(flags, o)
	flags.StringVar(&o.User, "integration-user", "", "user principal `name`, if the integration runs as a person's account (DBAUDIT_INTEGRATION_USER)")
	flags.StringVar(&o.Role, "integration-role", "", "`name` of the custom role (default deduced; DBAUDIT_INTEGRATION_ROLE)")
	flags.StringVar(&o.BusinessUnit, "business-unit", "", "`name` of the business unit that the user must be in (DBAUDIT_BUSINESS_UNIT)")
	flags.StringArrayVar(&o.Views, "view", nil, "`table=name` of a personal view that must be shared with the integration user; repeatable")
}

func outputFileFlag(flags *pflag.FlagSet, file *string) {
	flags.StringVarP(file, "output", "o", "", "output `file` (default standard output)")
}

func snapshotFlag(flags *pflag.FlagSet, file *string) {
	flags.StringVar(file, "snapshot", "", "`file` to save the snapshot in, in addition to the result")
}

func simulationFlag(flags *pflag.FlagSet, name *string) {
	flags.StringVar(name, "environment", "sample", "`name` or file of the environment: "+strings.Join(simulator.BuiltinNames(), ", "))
}

func scopeFlag(flags *pflag.FlagSet, scope *snapshot.Scope) {
	*scope = snapshot.ScopeIntegration
	flags.Var(newChoice(scope, snapshot.ScopeIntegration, snapshot.ScopeEnvironment), "scope", "`scope` to read: integration (what the verdict needs) or environment (all roles, application users and shares)")
}

// failOnFlag adds --fail-on, the lowest severity that gives exit code 1; SeverityInvalid means none.
func failOnFlag(flags *pflag.FlagSet, severity *audit.Severity, meaning string) {
	*severity = audit.SeverityLow
	words := append(stringsOf(audit.Severities()), "none")
	flags.Var(&choice[audit.Severity]{severity, words, append(audit.Severities(), audit.SeverityInvalid)}, "fail-on",
		meaning+": info, low, medium, high, critical, or none")
}

// asOfFlag adds --as-of, which replaces the clock; the zero time means now.
func asOfFlag(flags *pflag.FlagSet, asOf *time.Time, meaning string) {
	flags.TimeVar(asOf, "as-of", time.Time{}, []string{time.RFC3339}, "`time` to "+meaning+", RFC 3339 (default now)")
}

func waiversFlag(flags *pflag.FlagSet, o *run.AcceptOptions) {
	flags.StringVar(&o.Waivers, "waivers", "", "`file` of accepted findings (default waivers: of the configuration, else "+waiver.DefaultName+" next to it)")
	markInput(flags, "waivers")
}

func contentFlags(flags *pflag.FlagSet, o *run.PlanOptions) {
	flags.StringSliceVar(&o.Only, "only", nil, "fix only the findings of this `control`; repeatable")
	flags.StringSliceVar(&o.Except, "except", nil, "do not fix the findings of this `control`; repeatable")
	flags.BoolVar(&o.ReplaceFiltered, "replace-filtered", false, "replace grants for some records only with full grants, which rollback cannot undo")
	flags.BoolVar(&o.LeastPrivilege, "least-privilege", false, "remove privileges beyond the minimum from the role")
	flags.BoolVar(&o.UnassignAdministrator, "unassign-administrator", false, "remove administrator roles from the integration user")
	flags.DurationVar(&o.Validity, "valid-for", plan.DefaultValidity, "validity of the plan as a `duration` from its snapshot, 720h at most (default 72h)")
	flags.IntVar(&o.MaxChanges, "max-changes", plan.MaxChanges, "maximum `number` of changes in a plan")
}

func requirePositive(flag string, number int) error {
	if number < 1 {
		return usagef("--%s %d: want 1 or more", flag, number)
	}
	return nil
}

// A choice is the value of a flag that accepts one of several words. The shell completes them.
type choice[T comparable] struct {
	into   *T
	words  []string
	values []T
}

// newChoice returns the value of a flag that accepts the given values and stores the chosen one.
func newChoice[T comparable](into *T, values ...T) *choice[T] {
	return &choice[T]{into, stringsOf(values), values}
}

func (c *choice[T]) String() string {
	if i := slices.Index(c.values, *c.into); i >= 0 {
		return c.words[i]
	}
	return ""
}

func (c *choice[T]) Set(word string) error {
	i := slices.Index(c.words, word)
	if i < 0 {
		return errors.New("want " + orList(c.words))
	}
	*c.into = c.values[i]
	return nil
}

func (c *choice[T]) Type() string { return "string" }

// Choices returns the values that the flag accepts.
func (c *choice[T]) Choices() []string { return c.words }

// choicesOf returns the values that a flag accepts if they are a fixed set, else nil.
func choicesOf(f *pflag.Flag) []string {
	if c, ok := f.Value.(interface{ Choices() []string }); ok {
		return c.Choices()
	}
	return nil
}

func stringsOf[T any](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = fmt.Sprint(v)
	}
	return list
}

// orList returns the words as a list in a sentence: "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
