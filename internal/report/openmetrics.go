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
func writeOpenMetrics(w io.Writer, from *source, _ Options) error {
	families := metricFamilies()
	times := map[[2]string]int{}
	for r := range from.each() {
		own := []string{"environment", r.Environment.Name, "profile", r.Profile.Name}
		// Two roles of one file are two results of one name: a series must not come twice.
		key := [2]string{r.Environment.Name, r.Profile.Name}
		if times[key]++; times[key] > 1 {
			own = append(own, "result", strconv.Itoa(times[key]))
		}
		for i := range families {
			f := &families[i]
			f.of(r, tallyOf(r), func(value any, labels ...string) {
				f.text.Sample(f.name, value, slices.Concat(own, labels)...)
			})
		}
	}
	for i := range families {
		f := &families[i]
		var head Metrics
		head.Family(f.name, f.help)
		fmt.Fprint(w, head.String()+f.text.String())
	}
	fmt.Fprint(w, MetricsEnd)
	return nil
}

// A metricFamily is a metric with its samples.
type metricFamily struct {
	name, help string
	of         func(r audit.Result, t tally, sample func(value any, labels ...string))
	text       Metrics // the samples
}

func metricFamilies() []metricFamily {
	return []metricFamily{
		{name: MetricVerdict, help: "1 for the verdict of the last scan: compliant, noncompliant or incomplete.", of: func(r audit.Result, _ tally, sample func(any, ...string)) {
			for _, v := range []audit.Verdict{audit.VerdictCompliant, audit.VerdictNoncompliant, audit.VerdictIncomplete} {
				sample(oneIf(r.Verdict == v), "verdict", v.String())
			}
		}},
		{name: "dbaudit_unread", help: "1 if the environment or file could not be read.", of: func(r audit.Result, _ tally, sample func(any, ...string)) {
			sample(oneIf(r.Unread != nil))
		}},
		{name: MetricControls, help: "Controls by outcome.", of: func(_ audit.Result, t tally, sample func(any, ...string)) {
			for _, o := range audit.Outcomes() {
				sample(t.outcomes[o], "outcome", o.String())
			}
		}},
		{name: "dbaudit_failed_controls", help: "Failed controls by severity.", of: func(_ audit.Result, t tally, sample func(any, ...string)) {
			for _, s := range audit.Severities() {
				sample(t.failed[s], "severity", s.String())
			}
		}},
		{name: MetricFindings, help: "Findings that no waiver covers.", of: func(_ audit.Result, t tally, sample func(any, ...string)) { sample(t.open) }},
		{name: "dbaudit_snapshot_timestamp_seconds", help: "When the snapshot was taken, in seconds since 1970. Missing if the environment could not be read.", of: func(r audit.Result, _ tally, sample func(any, ...string)) {
			if r.Unread == nil && !r.Snapshot.TakenAt.IsZero() {
				sample(r.Snapshot.TakenAt.Unix())
			}
		}},
		{name: MetricLastComplete, help: "When the last scan that judged every control took its snapshot. Missing otherwise: alert on its age.", of: func(r audit.Result, _ tally, sample func(any, ...string)) {
			if r.Unread == nil && r.Verdict != audit.VerdictIncomplete && r.Summary.Unknown == 0 && !r.Snapshot.TakenAt.IsZero() {
				sample(r.Snapshot.TakenAt.Unix())
			}
		}},
	}
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
		value := strings.ReplaceAll(strings.ReplaceAll(pairs[i+1], `\`, `\\`), `"`, `\"`)
		labels = append(labels, pairs[i]+`="`+value+`"`)
	}
	return strings.Join(labels, ",")
}
