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
	"github.com/dbaudit/dbaudit/internal/report/text"
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
	verdict := gauge(report.MetricVerdict, "1 for the verdict of the last result: compliant, noncompliant or incomplete. Compliant is incomplete if dbaudit_stale is 1.", "environment", "profile", "verdict")
	controls := gauge(report.MetricControls, "Controls by outcome in the last result. What passed is unknown if dbaudit_stale is 1.", "environment", "profile", "outcome")
	findings := gauge(report.MetricFindings, "Open findings that no waiver covers. Missing before the first result.", "environment", "profile")
	complete := gauge(report.MetricLastComplete, "When everything was judged for the last time, in seconds since 1970. Missing for never: alert on its age.", "environment", "profile")
	stale := gauge("dbaudit_stale", "1 if nothing was judged completely for longer than the interval allows, or since the configuration changed.", "environment", "profile")
	duration := gauge("dbaudit_scan_duration_seconds", "How long the last run took.", "environment")
	credential := gauge("dbaudit_credential_expiry_timestamp_seconds", "When the credential ends, in seconds since 1970. Missing if it is not known.", "environment")
	runs := gauge("dbaudit_runs_waiting", "Runs that have not ended, by state; failed ones are tried again.", "state")
	lastScan := gauge("dbaudit_worker_last_scan_timestamp_seconds", "When a worker began its last scan, in seconds since 1970.", "worker")
	seen := map[string]bool{}
	for _, s := range list {
		name, profile := s.Environment.Name, s.Integration
		if s.LastResultRun != 0 {
			if s.Stale {
				s.Summary.Pass, s.Summary.Unknown = 0, s.Summary.Unknown+s.Summary.Pass
				if s.Verdict == audit.VerdictCompliant {
					s.Verdict = audit.VerdictIncomplete
				}
			}
			for _, v := range []audit.Verdict{audit.VerdictCompliant, audit.VerdictNoncompliant, audit.VerdictIncomplete} {
				verdict.add(s.Verdict == v, name, profile, v.String())
			}
			controls.add(s.Summary.Pass, name, profile, audit.OutcomePass.String())
			controls.add(s.Summary.Fail, name, profile, audit.OutcomeFail.String())
			controls.add(s.Summary.Unknown, name, profile, audit.OutcomeUnknown.String())
			controls.add(s.Summary.NotApplicable, name, profile, audit.OutcomeNotApplicable.String())
			controls.add(s.Summary.Waived, name, profile, audit.OutcomeWaived.String())
			findings.add(s.OpenFindings(), name, profile)
		}
		if !s.LastCompleteAt.IsZero() {
			complete.add(s.LastCompleteAt.Unix(), name, profile)
		}
		stale.add(s.Stale, name, profile)
		if seen[name] {
			continue // the rest is about the environment
		}
		seen[name] = true
		if run := s.LastRun; run != nil && !run.StartedAt.IsZero() && !run.EndedAt.IsZero() {
			duration.add(run.EndedAt.Sub(run.StartedAt.Time).Seconds(), name)
		}
		if ends := s.Environment.CredentialEnds; !ends.IsZero() {
			credential.add(ends.Unix(), name)
		}
	}
	for _, state := range slices.Sorted(maps.Keys(waiting)) {
		runs.add(waiting[state], string(state))
	}
	for _, worker := range slices.Sorted(maps.Keys(workers)) {
		lastScan.add(workers[worker].Unix(), worker)
	}
	var all strings.Builder
	for _, f := range []*family{verdict, controls, findings, complete, stale, duration, credential, runs, lastScan} {
		all.WriteString(f.String())
	}
	return all.String(), nil
}

// A family is a metric family with the names of its labels.
type family struct {
	report.Metrics

	name   string
	labels []string
}

func gauge(name, help string, labels ...string) *family {
	f := &family{name: name, labels: labels}
	f.Family(name, help)
	return f
}

// add adds a series with the given values of the labels.
func (f *family) add(value any, values ...string) {
	var labels []string
	for i, v := range values {
		labels = append(labels, f.labels[i], text.Line(v))
	}
	f.Sample(f.name, value, labels...)
}
