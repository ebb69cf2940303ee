package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

// A gauges collector reads the store when it is asked. Its number of series is that of
// integrations, never that of findings.
type gauges struct {
	store *store.Store
	now   func() time.Time
	known map[string]*prometheus.Desc
}

// The metrics that a scan does not have.
const (
	metricStale      = "dbaudit_stale"
	metricDuration   = "dbaudit_scan_duration_seconds"
	metricRuns       = "dbaudit_runs_waiting"
	metricCredential = "dbaudit_credential_expiry_timestamp_seconds"
	metricWorkers    = "dbaudit_worker_last_scan_timestamp_seconds"
)

// workersSeen is how long a worker that scans nothing is reported.
const workersSeen = 24 * time.Hour

func newMetrics(s *store.Store, now func() time.Time) (http.Handler, error) {
	g := &gauges{store: s, now: now, known: map[string]*prometheus.Desc{}}
	for _, m := range []struct {
		name, help string
		labels     []string
	}{
		{report.MetricVerdict, "1 for the verdict of the last result: compliant, noncompliant or incomplete. It holds no longer where dbaudit_stale is 1.", []string{"environment", "profile", "verdict"}},
		{report.MetricControls, "Controls by outcome in the last result.", []string{"environment", "profile", "outcome"}},
		{report.MetricFindings, "Open findings that no waiver covers.", []string{"environment", "profile"}},
		{report.MetricLastComplete, "When everything was judged for the last time, in seconds since 1970. Missing for never: alert on its age.", []string{"environment", "profile"}},
		{metricStale, "1 if nothing was judged completely for longer than the interval allows.", []string{"environment", "profile"}},
		{metricDuration, "How long the last run took.", []string{"environment"}},
		{metricCredential, "When the credential ends, in seconds since 1970. Missing if it is not known.", []string{"environment"}},
		{metricRuns, "Runs that have not ended, by state; failed ones are tried again.", []string{"state"}},
		{metricWorkers, "When a worker began its last scan, in seconds since 1970.", []string{"worker"}},
	} {
		g.known[m.name] = prometheus.NewDesc(m.name, m.help, m.labels, nil)
	}
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(g); err != nil {
		return nil, err
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}), nil
}

// Describe implements [prometheus.Collector].
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range g.known {
		to <- d
	}
}

// collecting is how long the store may take for one scrape.
const collecting = 10 * time.Second

// Collect implements [prometheus.Collector]. A store that does not answer fails the scrape:
// no old number stands for a new one.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collecting) //nolint:forbidigo // the interface has no context
	defer cancel()
	list, err := g.store.Fleet(ctx)
	latest, failed := g.store.Latest(ctx)
	err = errors.Join(err, failed)
	waiting, failed := g.store.Waiting(ctx)
	err = errors.Join(err, failed)
	workers, failed := g.store.Workers(ctx, g.now().Add(-workersSeen))
	if err = errors.Join(err, failed); err != nil {
		to <- prometheus.NewInvalidMetric(g.known[report.MetricVerdict], err)
		return
	}
	send := func(name string, value float64, labels ...string) {
		for i := range labels {
			labels[i] = text.Line(labels[i])
		}
		to <- prometheus.MustNewConstMetric(g.known[name], prometheus.GaugeValue, value, labels...)
	}
	for _, s := range list {
		name, profile := s.Environment.Name, s.Integration
		if s.LastResultRun != 0 {
			for _, v := range []audit.Verdict{audit.VerdictCompliant, audit.VerdictNoncompliant, audit.VerdictIncomplete} {
				send(report.MetricVerdict, one(s.Verdict == v), name, profile, v.String())
			}
		}
		if !s.LastCompleteAt.IsZero() {
			send(report.MetricLastComplete, float64(s.LastCompleteAt.Unix()), name, profile)
		}
		send(metricStale, one(s.Stale), name, profile)
		send(report.MetricFindings, float64(s.OpenFindings()), name, profile)
	}
	timed, ends := map[string]bool{}, map[string]bool{}
	for _, s := range list {
		if run := s.LastRun; run != nil && !run.StartedAt.IsZero() && !run.EndedAt.IsZero() && !timed[run.Environment] {
			timed[run.Environment] = true // once for all integrations of it
			send(metricDuration, run.EndedAt.Sub(run.StartedAt).Seconds(), run.Environment)
		}
	}
	for _, s := range list {
		if e := s.Environment; !e.CredentialEnds.IsZero() && !ends[e.Name] {
			ends[e.Name] = true
			send(metricCredential, float64(e.CredentialEnds.Unix()), e.Name)
		}
	}
	for _, l := range latest {
		for _, o := range []struct {
			outcome audit.Outcome
			count   int
		}{
			{audit.OutcomePass, l.Summary.Pass},
			{audit.OutcomeFail, l.Summary.Fail},
			{audit.OutcomeUnknown, l.Summary.Unknown},
			{audit.OutcomeNotApplicable, l.Summary.NotApplicable},
			{audit.OutcomeWaived, l.Summary.Waived},
		} {
			send(report.MetricControls, float64(o.count), l.Environment, l.Integration, o.outcome.String())
		}
	}
	for state, n := range waiting {
		send(metricRuns, float64(n), string(state))
	}
	for worker, at := range workers {
		send(metricWorkers, float64(at.Unix()), worker)
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
