package web

import (
	"compress/gzip"
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/store"
)

// workerWindow is how long after its last scan a worker is reported.
const workerWindow = 24 * time.Hour

const collectTimeout = 10 * time.Second

// metrics answers a scrape by Prometheus. The scrape fails if the store does not answer.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), collectTimeout)
	defer cancel()
	body, err := collectMetrics(ctx, s.Store)
	if err != nil {
		return err
	}
	contentType := "text/plain; version=0.0.4; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "application/openmetrics-text") {
		contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
		body += report.MetricsEnd
	}
	w.Header().Set("Content-Type", contentType)
	out := io.Writer(w)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		compressed := gzip.NewWriter(w)
		defer compressed.Close() //nolint:errcheck // the client may have disconnected
		out = compressed
	}
	_, _ = io.WriteString(out, body) // the client may have disconnected
	return nil
}

// collectMetrics returns all metrics. The number of series does not depend on the number of findings.
func collectMetrics(ctx context.Context, s *store.Store) (string, error) {
	list, err := s.Status(ctx, "")
	if err != nil {
		return "", err
	}
	waiting, err := s.CountUnfinishedRuns(ctx)
	if err != nil {
		return "", err
	}
	workers, err := s.Workers(ctx, s.Now().Add(-workerWindow))
	if err != nil {
		return "", err
	}
	verdict := report.NewGauge(report.MetricVerdict, "1 for the verdict of the last result: compliant, noncompliant or incomplete. Compliant is incomplete if dbaudit_stale is 1.")
	controls := report.NewGauge(report.MetricControls, "Controls by outcome in the last result. What passed is unknown if dbaudit_stale is 1.")
	findings := report.NewGauge(report.MetricFindings, "Open findings that no waiver covers. Missing before the first result.")
	complete := report.NewGauge(report.MetricLastComplete, "When everything was judged for the last time, in seconds since 1970. Missing for never: alert on its age.")
	stale := report.NewGauge("dbaudit_stale", "1 if nothing was judged completely for longer than the interval allows, or since the configuration changed.")
	duration := report.NewGauge("dbaudit_scan_duration_seconds", "How long the last run took.")
	credential := report.NewGauge("dbaudit_credential_expiry_timestamp_seconds", "When the credential ends, in seconds since 1970. Missing if it is not known.")
	runs := report.NewGauge("dbaudit_runs_waiting", "Runs that have not ended, by state; failed ones are tried again.")
	lastScan := report.NewGauge("dbaudit_worker_last_scan_timestamp_seconds", "When a worker began its last scan, in seconds since 1970.")
	seen := map[string]bool{}
	for _, s := range list {
		environment := []string{"environment", s.Environment.Name}
		sample := func(g *report.Gauge, value any, labels ...string) {
			g.Sample(value, slices.Concat(environment, []string{"profile", s.Integration}, labels)...)
		}
		if s.LastResultRun != 0 {
			if s.Stale {
				s.Summary.Pass, s.Summary.Unknown = 0, s.Summary.Unknown+s.Summary.Pass
				if s.Verdict == audit.VerdictCompliant {
					s.Verdict = audit.VerdictIncomplete
				}
			}
			for _, v := range []audit.Verdict{audit.VerdictCompliant, audit.VerdictNoncompliant, audit.VerdictIncomplete} {
				sample(verdict, s.Verdict == v, "verdict", v.String())
			}
			sample(controls, s.Summary.Pass, "outcome", audit.OutcomePass.String())
			sample(controls, s.Summary.Fail, "outcome", audit.OutcomeFail.String())
			sample(controls, s.Summary.Unknown, "outcome", audit.OutcomeUnknown.String())
			sample(controls, s.Summary.NotApplicable, "outcome", audit.OutcomeNotApplicable.String())
			sample(controls, s.Summary.Waived, "outcome", audit.OutcomeWaived.String())
			sample(findings, s.OpenFindings())
		}
		if !s.LastCompleteAt.IsZero() {
			sample(complete, s.LastCompleteAt.Unix())
		}
		sample(stale, s.Stale)
		if seen[s.Environment.Name] {
			continue // the rest is about the environment
		}
		seen[s.Environment.Name] = true
		if run := s.LastRun; run != nil && !run.StartedAt.IsZero() && !run.EndedAt.IsZero() {
			duration.Sample(run.EndedAt.Sub(run.StartedAt.Time).Seconds(), environment...)
		}
		if ends := s.Environment.CredentialEnds; !ends.IsZero() {
			credential.Sample(ends.Unix(), environment...)
		}
	}
	for _, state := range slices.Sorted(maps.Keys(waiting)) {
		runs.Sample(waiting[state], "state", string(state))
	}
	for _, worker := range slices.Sorted(maps.Keys(workers)) {
		lastScan.Sample(workers[worker].Unix(), "worker", worker)
	}
	return report.JoinGauges(verdict, controls, findings, complete, stale, duration, credential, runs, lastScan), nil
}
