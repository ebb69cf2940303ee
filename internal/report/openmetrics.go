package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// The names of metrics that the server of a fleet exposes too.
const (
	MetricVerdict      = "dbaudit_verdict"
	MetricControls     = "dbaudit_controls"
	MetricFindings     = "dbaudit_findings"
	MetricLastComplete = "dbaudit_last_complete_scan_timestamp_seconds"
)

// writeOpenMetrics writes gauges in the text format of OpenMetrics 1.0, for a file that a collector
// reads, such as the textfile collector of node_exporter. No label names a finding, so that the number
// of series depends only on the environments and profiles.
func writeOpenMetrics(w io.Writer, set *resultSet, _ Options) error {
	samples := map[string]*Metrics{}
	for _, family := range metricFamilies() {
		samples[family[0]] = &Metrics{}
	}
	occurrences := map[[2]string]int{}
	for r := range set.all() {
		common := []string{"environment", r.Environment.Name, "profile", r.Profile.Name}
		// Each series must be unique, but the results of two roles in one file have the same name.
		key := [2]string{r.Environment.Name, r.Profile.Name}
		if occurrences[key]++; occurrences[key] > 1 {
			common = append(common, "result", strconv.Itoa(occurrences[key]))
		}
		sampleResult(r, func(name string, value any, labels ...string) {
			samples[name].Sample(name, value, slices.Concat(common, labels)...)
		})
	}
	for _, family := range metricFamilies() {
		var head Metrics
		head.Family(family[0], family[1])
		fmt.Fprint(w, head.String()+samples[family[0]].String())
	}
	fmt.Fprint(w, MetricsEnd)
	return nil
}

const (
	metricUnread   = "dbaudit_unread"
	metricFailed   = "dbaudit_failed_controls"
	metricSnapshot = "dbaudit_snapshot_timestamp_seconds"
)

// metricFamilies returns the name and the help of each metric, in the order of the document.
func metricFamilies() [][2]string {
	return [][2]string{
		{MetricVerdict, "1 for the verdict of the last scan: compliant, noncompliant or incomplete."},
		{metricUnread, "1 if the environment or file could not be read."},
		{MetricControls, "Controls by outcome."},
		{metricFailed, "Failed controls by severity."},
		{MetricFindings, "Findings that no waiver covers."},
		{metricSnapshot, "When the snapshot was taken, in seconds since 1970. Missing if the environment could not be read."},
		{MetricLastComplete, "When the last scan that judged every control took its snapshot. Missing otherwise: alert on its age."},
	}
}

// sampleResult passes the value of each series of a result to sample.
func sampleResult(r audit.Result, sample func(name string, value any, labels ...string)) {
	t := tallyOf(r)
	for _, v := range []audit.Verdict{audit.VerdictCompliant, audit.VerdictNoncompliant, audit.VerdictIncomplete} {
		sample(MetricVerdict, r.Verdict == v, "verdict", v.String())
	}
	sample(metricUnread, r.Unread != nil)
	for _, o := range audit.Outcomes() {
		sample(MetricControls, t.outcomes[o], "outcome", o.String())
	}
	for _, s := range audit.Severities() {
		sample(metricFailed, t.failed[s], "severity", s.String())
	}
	sample(MetricFindings, t.open)
	if r.Unread == nil && !r.Snapshot.TakenAt.IsZero() {
		sample(metricSnapshot, r.Snapshot.TakenAt.Unix())
		if r.Verdict != audit.VerdictIncomplete && r.Summary.Unknown == 0 {
			sample(MetricLastComplete, r.Snapshot.TakenAt.Unix())
		}
	}
}

// MetricsEnd ends a document of OpenMetrics. Prometheus' older text format does not have it.
const MetricsEnd = "# EOF\n"

// Metrics builds gauges that are valid in both OpenMetrics and Prometheus' text format.
type Metrics struct{ b strings.Builder }

// Family begins a metric family.
func (m *Metrics) Family(name, help string) {
	fmt.Fprintf(&m.b, "# TYPE %s gauge\n# HELP %s %s\n", name, name, help)
}

// Sample adds the value of a series to the last family: a number, or a bool as 0 or 1. Labels are pairs
// of a name and a value.
func (m *Metrics) Sample(name string, value any, labels ...string) {
	switch value {
	case false:
		value = 0
	case true:
		value = 1
	}
	var pairs []string
	for pair := range slices.Chunk(labels, 2) {
		pairs = append(pairs, pair[0]+`="`+strings.ReplaceAll(strings.ReplaceAll(pair[1], `\`, `\\`), `"`, `\"`)+`"`)
	}
	fmt.Fprintf(&m.b, "%s{%s} %v\n", name, strings.Join(pairs, ","), value)
}

func (m *Metrics) String() string { return m.b.String() }
