package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Metrics that the fleet's server has too, under the same names.
const (
	MetricVerdict      = "dbaudit_verdict"
	MetricControls     = "dbaudit_controls"
	MetricFindings     = "dbaudit_findings"
	MetricLastComplete = "dbaudit_last_complete_scan_timestamp_seconds"
)

// writeOpenMetrics writes gauges for a file that a collector of metrics reads, such as
// that of node_exporter's textfile collector. There is no label for each finding: the
// number of series stays that of environments × profiles.
//
// The form follows the OpenMetrics specification 1.0.
func writeOpenMetrics(w io.Writer, rs []audit.Result, _ Options) error {
	var m Metrics
	family := func(name, help string, each func(r audit.Result, sample func(value any, labels ...string))) {
		m.Family(name, help)
		times := map[[2]string]int{}
		for _, r := range rs {
			own := []string{"environment", r.Environment.Name, "profile", r.Profile.Name}
			// Two roles of one file are two results of one name: a series must not come twice.
			key := [2]string{r.Environment.Name, r.Profile.Name}
			if times[key]++; times[key] > 1 {
				own = append(own, "result", strconv.Itoa(times[key]))
			}
			each(r, func(value any, labels ...string) {
				m.Sample(name, value, slices.Concat(own, labels)...)
			})
		}
	}
	family(MetricVerdict, "1 for the verdict of the last scan: compliant, noncompliant or incomplete.",
		func(r audit.Result, sample func(any, ...string)) {
			for _, v := range []audit.Verdict{audit.VerdictCompliant, audit.VerdictNoncompliant, audit.VerdictIncomplete} {
				sample(oneIf(r.Verdict == v), "verdict", v.String())
			}
		})
	family("dbaudit_unread", "1 if the environment or file could not be read.",
		func(r audit.Result, sample func(any, ...string)) { sample(oneIf(r.Unread != nil)) })
	family(MetricControls, "Controls by outcome.", func(r audit.Result, sample func(any, ...string)) {
		counts := tallyOf(r).outcomes
		for _, o := range audit.Outcomes() {
			sample(counts[o], "outcome", o.String())
		}
	})
	family("dbaudit_failed_controls", "Failed controls by severity.", func(r audit.Result, sample func(any, ...string)) {
		counts := tallyOf(r).failed
		for _, s := range audit.Severities() {
			sample(counts[s], "severity", s.String())
		}
	})
	family(MetricFindings, "Findings that no waiver covers.", func(r audit.Result, sample func(any, ...string)) { sample(tallyOf(r).open) })
	family("dbaudit_snapshot_timestamp_seconds", "When the snapshot was taken, in seconds since 1970. Missing if the environment could not be read.",
		func(r audit.Result, sample func(any, ...string)) {
			if r.Unread == nil && !r.Snapshot.TakenAt.IsZero() {
				sample(r.Snapshot.TakenAt.Unix())
			}
		})
	family(MetricLastComplete, "When the last scan that judged every control took its snapshot. Missing otherwise: alert on its age.",
		func(r audit.Result, sample func(any, ...string)) {
			if r.Unread == nil && r.Verdict != audit.VerdictIncomplete && r.Summary.Unknown == 0 && !r.Snapshot.TakenAt.IsZero() {
				sample(r.Snapshot.TakenAt.Unix())
			}
		})
	_, err := io.WriteString(w, m.String()+MetricsEnd)
	return err
}

// MetricsEnd is the end of a text of OpenMetrics, which Prometheus' older text format does
// not have.
const MetricsEnd = "# EOF\n"

// Metrics is a text of gauges, as OpenMetrics and Prometheus' text format both have it.
type Metrics struct{ b strings.Builder }

// Family begins a metric.
func (m *Metrics) Family(name, help string) {
	fmt.Fprintf(&m.b, "# TYPE %s gauge\n# HELP %s %s\n", name, name, help)
}

// Sample writes the value of a series of the metric that was begun last. Labels are pairs
// of a name and a value.
func (m *Metrics) Sample(name string, value any, labels ...string) {
	fmt.Fprintf(&m.b, "%s{%s} %v\n", name, metricLabels(labels), value)
}

func (m *Metrics) String() string { return m.b.String() }

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// metricLabels writes pairs of a label's name and value.
func metricLabels(pairs []string) string {
	var labels []string
	for i := 0; i < len(pairs); i += 2 {
		value := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(pairs[i+1])
		labels = append(labels, pairs[i]+`="`+value+`"`)
	}
	return strings.Join(labels, ",")
}
