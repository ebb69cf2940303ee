package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// The names of metrics that the server of a fleet exposes too.
const (
	MetricVerdict      = "dbaudit_verdict"
	MetricControls     = "dbaudit_controls"
	MetricFindings     = "dbaudit_findings"
	MetricLastComplete = "dbaudit_last_complete_scan_timestamp_seconds"
)

// MetricsEnd ends a document of OpenMetrics. Prometheus' older text format does not have it.
const MetricsEnd = "# EOF\n"

// writeOpenMetrics writes gauges in the text format of OpenMetrics 1.0, for a file that a collector
// reads, such as the textfile collector of node_exporter. No label names a finding, so that the number
// of series depends only on the environments and profiles.
func writeOpenMetrics(w io.Writer, set *resultSet, _ Options) error {
	verdict := NewGauge(MetricVerdict, "1 for the verdict of the last scan: compliant, noncompliant or incomplete.")
	unread := NewGauge("dbaudit_unread", "1 if the environment or file could not be read.")
	controls := NewGauge(MetricControls, "Controls by outcome.")
	failed := NewGauge("dbaudit_failed_controls", "Failed controls by severity.")
	findings := NewGauge(MetricFindings, "Findings that no waiver covers.")
	taken := NewGauge("dbaudit_snapshot_timestamp_seconds", "When the snapshot was taken, in seconds since 1970. Missing if the environment could not be read.")
	complete := NewGauge(MetricLastComplete, "When the last scan that judged every control took its snapshot. Missing otherwise: alert on its age.")
	occurrences := map[[2]string]int{}
	for r := range set.all() {
		common := []string{"environment", r.Environment.Name, "profile", r.Profile.Name}
		// Each series must be unique, but a document may have several results of one environment and profile.
		key := [2]string{r.Environment.Name, r.Profile.Name}
		if occurrences[key]++; occurrences[key] > 1 {
			common = append(common, "result", strconv.Itoa(occurrences[key]))
		}
		sample := func(g *Gauge, value any, labels ...string) { g.Sample(value, slices.Concat(common, labels)...) }
		t := tallyOf(r)
		for _, v := range []audit.Verdict{audit.VerdictCompliant, audit.VerdictNoncompliant, audit.VerdictIncomplete} {
			sample(verdict, r.Verdict == v, "verdict", v.String())
		}
		sample(unread, r.Unread != nil)
		for _, o := range audit.Outcomes() {
			sample(controls, t.outcomes[o], "outcome", o.String())
		}
		for _, s := range audit.Severities() {
			sample(failed, t.failed[s], "severity", s.String())
		}
		sample(findings, t.open)
		if r.Unread == nil && !r.Snapshot.TakenAt.IsZero() {
			sample(taken, r.Snapshot.TakenAt.Unix())
			if r.Verdict != audit.VerdictIncomplete && r.Summary.Unknown == 0 {
				sample(complete, r.Snapshot.TakenAt.Unix())
			}
		}
	}
	_, err := io.WriteString(w, JoinGauges(verdict, unread, controls, failed, findings, taken, complete)+MetricsEnd)
	return err
}

// A Gauge is a metric in the text form that OpenMetrics and Prometheus' text format share.
type Gauge struct {
	name string
	b    strings.Builder
}

// NewGauge returns a gauge without samples.
func NewGauge(name, help string) *Gauge {
	g := &Gauge{name: name}
	fmt.Fprintf(&g.b, "# TYPE %s gauge\n# HELP %s %s\n", name, name, help)
	return g
}

// Sample adds the value of a series: a number, or a bool as 0 or 1. Labels are pairs of a name and a
// value.
func (g *Gauge) Sample(value any, labels ...string) {
	switch value {
	case false:
		value = 0
	case true:
		value = 1
	}
	var pairs []string
	for pair := range slices.Chunk(labels, 2) {
		pairs = append(pairs, pair[0]+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text.Line(pair[1]))+`"`)
	}
	fmt.Fprintf(&g.b, "%s{%s} %v\n", g.name, strings.Join(pairs, ","), value)
}

// JoinGauges returns the text of gauges, one after another.
func JoinGauges(gauges ...*Gauge) string {
	var b strings.Builder
	for _, g := range gauges {
		b.WriteString(g.b.String())
	}
	return b.String()
}
