package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// TestMetrics checks with Prometheus' own parser that stale integrations are marked and that
// environments that were never scanned have no verdict.
func TestMetrics(t *testing.T) {
	t.Parallel()
	server := serve(t, newStore(t))
	got := send(t, http.MethodGet, server.URL+"/metrics", nil)
	open := send(t, http.MethodGet, server.URL+"/metrics", http.Header{"Accept": {"application/openmetrics-text; version=1.0.0"}, "Accept-Encoding": {"gzip"}})
	plain := must.Get(gzip.NewReader(strings.NewReader(open.body)))
	if text, err := io.ReadAll(plain); err != nil || string(text) != got.body+"# EOF\n" {
		t.Errorf("OpenMetrics: %v\n%s", err, text)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(got.body))
	if err != nil {
		t.Fatalf("%v\n%s", err, got.body)
	}
	value := func(family string, labels ...string) float64 {
		t.Helper()
	metrics:
		for _, m := range families[family].GetMetric() {
			for i := 0; i < len(labels); i += 2 {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				if !found {
					continue metrics
				}
			}
			return m.GetGauge().GetValue()
		}
		return -1
	}
	for _, tc := range []struct {
		want   float64
		family string
		labels []string
	}{
		{1, "dbaudit_verdict", []string{"environment", "green", "verdict", "compliant"}},
		{0, "dbaudit_verdict", []string{"environment", "green", "verdict", "noncompliant"}},
		{-1, "dbaudit_verdict", []string{"environment", "new"}},
		{0, "dbaudit_verdict", []string{"environment", "old", "verdict", "compliant"}},
		{1, "dbaudit_verdict", []string{"environment", "old", "verdict", "incomplete"}},
		{0, "dbaudit_controls", []string{"environment", "old", "outcome", "pass"}},
		{1, "dbaudit_controls", []string{"environment", "old", "outcome", "unknown"}},
		{1, "dbaudit_stale", []string{"environment", "old", "profile", "demandbase"}},
		{1, "dbaudit_stale", []string{"environment", "new"}},
		{0, "dbaudit_stale", []string{"environment", "green"}},
		{1, "dbaudit_controls", []string{"environment", text.Line(hostile), "outcome", "fail"}},
		{1, "dbaudit_findings", []string{"environment", text.Line(hostile)}},
		{0, "dbaudit_findings", []string{"environment", "green"}},
		{-1, "dbaudit_findings", []string{"environment", "new"}},
		{float64(noon().Unix()), "dbaudit_last_complete_scan_timestamp_seconds", []string{"environment", "green"}},
		{-1, "dbaudit_last_complete_scan_timestamp_seconds", []string{"environment", "new"}},
		{float64(noon().Unix()), "dbaudit_credential_expiry_timestamp_seconds", []string{"environment", "green"}},
		{-1, "dbaudit_credential_expiry_timestamp_seconds", []string{"environment", "old"}},
		{0, "dbaudit_runs_waiting", []string{"state", "queued"}},
	} {
		if got := value(tc.family, tc.labels...); got != tc.want {
			t.Errorf("%s%v is %g, want %g", tc.family, tc.labels, got, tc.want)
		}
	}
	if promtool, err := exec.LookPath("promtool"); err == nil {
		check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		check.Stdin = strings.NewReader(got.body)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("promtool: %v\n%s", err, out)
		}
	}
}

// TestAlertRules checks that the example of Prometheus rules is valid, and uses only metrics and
// labels that a scrape has.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	server := serve(t, newStore(t))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families := must.Get(parser.TextToMetricFamilies(strings.NewReader(send(t, http.MethodGet, server.URL+"/metrics", nil).body)))
	data := must.Get(os.ReadFile("../../examples/fleet/alerts.prometheus.yml"))
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr         string
				For                 model.Duration
				Labels, Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	must.Do(t, decoder.Decode(&file))
	metric := regexp.MustCompile(`\b(dbaudit_\w+)(?:\{(\w+)="([^"]*)"\})?`)
	label := regexp.MustCompile(`\$labels\.(\w+)`)
	alerts := map[string]bool{}
	for _, group := range file.Groups {
		if group.Name == "" || len(group.Rules) == 0 {
			t.Errorf("the group %q has %d rules", group.Name, len(group.Rules))
		}
		for _, rule := range group.Rules {
			if alerts[rule.Alert] || rule.Annotations["summary"] == "" || rule.Labels["severity"] == "" {
				t.Errorf("the rule %q lacks a unique name, a summary or a severity", rule.Alert)
			}
			alerts[rule.Alert] = true
			uses := metric.FindAllStringSubmatch(rule.Expr, -1)
			if len(uses) == 0 {
				t.Errorf("%s uses no metric: %s", rule.Alert, rule.Expr)
			}
			has := map[string]bool{}
			for _, use := range uses {
				series := families[use[1]].GetMetric()
				if len(series) == 0 {
					t.Errorf("%s: a scrape has no %s", rule.Alert, use[1])
				}
				selected := use[2] == ""
				for _, m := range series {
					for _, l := range m.GetLabel() {
						has[l.GetName()] = true
						selected = selected || l.GetName() == use[2] && l.GetValue() == use[3]
					}
				}
				if !selected {
					t.Errorf("%s: a scrape has no %s", rule.Alert, use[0])
				}
			}
			for _, text := range rule.Annotations {
				for _, use := range label.FindAllStringSubmatch(text, -1) {
					if !has[use[1]] {
						t.Errorf("%s: no metric in %q has the label %s", rule.Alert, rule.Expr, use[1])
					}
				}
			}
		}
	}
	if len(alerts) == 0 {
		t.Error("the example has no rule")
	}
}

// TestMetricsWithoutStore checks that a scrape fails if the store does not answer, without details.
func TestMetricsWithoutStore(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	server := serve(t, s)
	must.Do(t, s.Close())
	got := send(t, http.MethodGet, server.URL+"/metrics", nil)
	if got.status != http.StatusInternalServerError || !strings.Contains(got.body, "the server's log says why") || strings.Contains(got.body, "database is closed") {
		t.Errorf("%d: %s", got.status, got.body)
	}
}
