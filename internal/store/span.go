package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Reason says why a span began or ended. The zero value is none.
type Reason string

// The reasons. What changed with the profile may have changed in the environment as well:
// it is not said that the environment did it.
const (
	ReasonFirst       Reason = "first-scan"          // nothing was known before
	ReasonEnvironment Reason = "environment-changed" // it began
	ReasonFixed       Reason = "fixed"               // it ended: the control was judged, and the finding is gone
	ReasonProfile     Reason = "profile-changed"     // other things are required than before
	ReasonNotRequired Reason = "not-required"        // it ended: the configuration does not require it any more
	ReasonReplaced    Reason = "environment-replaced"
	ReasonWaived      Reason = "waived" // it is open, and a waiver covers it
)

// A Finding is a fault from the run that saw it first to the run that judged its control
// and did not see it.
type Finding struct {
	ID           int64
	Environment  string
	Integration  string
	Fingerprint  string
	Control      audit.ControlID
	Severity     audit.Severity
	Message      string
	Waived       bool
	FirstRun     int64
	FirstAt      time.Time // when the first run ended
	LastSeenRun  int64
	LastSeenAt   time.Time
	Opened       Reason
	ClosedRun    int64 // 0 while it is open
	ClosedAt     time.Time
	ClosedReason Reason

	edition string
}

// requirements tells whether the depths that a result requires are those of an earlier one.
type requirements struct {
	integration int64
	now         audit.Result
	changed     map[int64]bool // by the run of the earlier one
}

// since reports whether another depth of a privilege was required by the result of a run: the
// configuration may lower one, and the profile stays the same. What only one of them knows
// depends on the environment.
func (q requirements) since(ctx context.Context, t *Tx, run int64) (bool, error) {
	if changed, known := q.changed[run]; known || q.now.Integration == nil {
		return changed, nil
	}
	was, err := one(ctx, t.tx, scanResult, resultQuery, run, q.integration)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if was.Integration != nil {
		for privilege, depth := range was.Integration.Required {
			if now, both := q.now.Integration.Required[privilege]; both && now != depth {
				q.changed[run] = true
			}
		}
	}
	return q.changed[run], nil
}

// A ControlSpan is a row of results in which a control had one outcome. Results in which
// it was unknown do not break the row; they are spans of their own.
type ControlSpan struct {
	ID       int64
	Control  audit.ControlID
	Severity audit.Severity
	Outcome  audit.Outcome
	Opened   Reason
	FromRun  int64
	FromAt   time.Time
	ToRun    int64
	ToAt     time.Time

	edition string
	inLast  bool // whether the last result is in it
}

// edition identifies what a profile requires: two of one name may differ.
func edition(p audit.Profile) string {
	if p.Digest != "" {
		return p.Digest
	}
	return p.Version
}

// differ reports whether two editions are known to differ.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

type integration struct {
	id           int64
	edition      string
	organization string
	results      int64
	verdict      string
	since        time.Time
	lastRun      int64
	lastResultAt time.Time
}

// keep stores a result of a run and folds it into what is known.
func (t *Tx) keep(ctx context.Context, e Environment, run int64, r audit.Result) error {
	if err := t.putIntegration(ctx, e.ID, r.Profile.Name); err != nil {
		return err
	}
	in, err := one(ctx, t.tx, func(from row) (in integration, err error) {
		return in, from.Scan(&in.id, &in.edition, &in.organization, &in.results, &in.verdict, stamp{&in.since}, &in.lastRun, stamp{&in.lastResultAt})
	}, `SELECT id, profile, organization_id, results, verdict, since, COALESCE(last_run, 0), last_result_at
		FROM integration WHERE environment_id = $1 AND name = $2`, e.ID, r.Profile.Name)
	if err != nil {
		return err
	}
	sha, err := t.putDocument(ctx, r)
	if err != nil {
		return err
	}
	if err := t.exec(ctx, `INSERT INTO result (run_id, integration_id, seq, taken_at, evaluated_at, digest, verdict, profile_version, profile_digest,
		pass, fail, unknown, not_applicable, waived, findings, document_sha) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		run, in.id, in.results+1, r.Snapshot.TakenAt.UnixMicro(), r.EvaluatedAt.UnixMicro(), r.Snapshot.Digest, r.Verdict.String(), r.Profile.Version, r.Profile.Digest,
		r.Summary.Pass, r.Summary.Fail, r.Summary.Unknown, r.Summary.NotApplicable, r.Summary.Waived, r.Summary.Findings, sha); err != nil {
		return fmt.Errorf("storing the result: %w", err)
	}
	if err := t.fold(ctx, in, run, r); err != nil {
		return err
	}
	if err := t.count(ctx, in, r.Verdict.String()); err != nil {
		return err
	}
	since := in.since
	if in.verdict != r.Verdict.String() {
		since = t.now
	}
	complete := ""
	if Complete(r) {
		complete = ", last_complete_at = $7"
	}
	args := []any{in.id, edition(r.Profile), r.Environment.OrganizationID, r.Verdict.String(), micro(since), run, micro(t.now)}
	return t.exec(ctx, `UPDATE integration SET profile = $2, organization_id = $3, results = results + 1, verdict = $4, since = $5,
		last_run = $6, last_result_at = $7`+complete+" WHERE id = $1", args...)
}

// Complete reports whether a result has an answer for its environment: it is compliant, or
// noncompliant whatever else could not be judged.
func Complete(r audit.Result) bool {
	return r.Unread == nil && r.Verdict != audit.VerdictIncomplete
}

// blocked reports whether a control is not applicable because another control of the
// result fails, or is unknown: then nothing is known of what it found before. Its reason
// names that control.
func blocked(c audit.Control, r audit.Result) bool {
	return c.Outcome == audit.OutcomeNotApplicable && slices.ContainsFunc(r.Controls, func(other audit.Control) bool {
		return other.ID != c.ID && other.Outcome != audit.OutcomePass && other.Outcome != audit.OutcomeNotApplicable && names(c.Reason, string(other.ID))
	})
}

// names reports whether a text contains a word.
func names(text, word string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}), word)
}

// judged reports whether a control's findings are all there are, and why those that are
// not among them ended.
func judged(c audit.Control, r audit.Result) (Reason, bool) {
	switch c.Outcome {
	case audit.OutcomePass, audit.OutcomeFail, audit.OutcomeWaived:
		return ReasonFixed, len(c.Unjudged) == 0
	case audit.OutcomeNotApplicable:
		return ReasonNotRequired, !blocked(c, r)
	case audit.OutcomeUnknown:
	}
	return "", false
}

// fold brings the spans of an integration up to a result.
func (t *Tx) fold(ctx context.Context, in integration, run int64, r audit.Result) error {
	if in.organization != "" && r.Environment.OrganizationID != "" && !strings.EqualFold(in.organization, r.Environment.OrganizationID) {
		// Another environment at the same name: nothing that was known is of this one.
		if err := t.exec(ctx, "UPDATE finding_span SET closed_run = $2, reason = $3 WHERE integration_id = $1 AND closed_run IS NULL", in.id, run, ReasonReplaced); err != nil {
			return err
		}
		if err := t.exec(ctx, endSpans+" WHERE integration_id = $1 AND latest", in.id); err != nil {
			return err
		}
		in.results = 0
	}
	known, err := t.latestControls(ctx, in.id)
	if err != nil {
		return err
	}
	if err := t.foldFindings(ctx, in, run, r, known); err != nil {
		return err
	}
	return t.foldControls(ctx, in, run, r, known)
}

// A pair is the latest span of the outcomes that are known, and of unknown.
type pair struct{ known, unknown *ControlSpan }

func (t *Tx) latestControls(ctx context.Context, integration int64) (map[audit.ControlID]pair, error) {
	list, err := all(ctx, t.tx, func(from row) (c ControlSpan, err error) {
		return c, from.Scan(&c.ID, &c.Control, word{&c.Severity}, word{&c.Outcome}, &c.edition, &c.Opened, &c.FromRun, &c.ToRun, &c.inLast)
	}, `SELECT id, control, severity, outcome, profile, opened, from_run, to_run, in_last FROM control_span WHERE integration_id = $1 AND latest`, integration)
	latest := map[audit.ControlID]pair{}
	for _, c := range list {
		p := latest[c.Control]
		if c.Outcome == audit.OutcomeUnknown {
			p.unknown = &c
		} else {
			p.known = &c
		}
		latest[c.Control] = p
	}
	return latest, err
}

// began says why something began that a control's latest known span did not have.
func began(in integration, before pair, now string) Reason {
	switch {
	case in.results == 0:
		return ReasonFirst
	case before.known != nil && differ(before.known.edition, now):
		return ReasonProfile
	case before.known != nil:
		return ReasonEnvironment
	case before.unknown == nil && differ(in.edition, now):
		return ReasonProfile // it was not in the profile before
	}
	return ReasonFirst // it was unknown until now
}

func (t *Tx) foldFindings(ctx context.Context, in integration, run int64, r audit.Result, known map[audit.ControlID]pair) error {
	list, err := all(ctx, t.tx, func(from row) (f Finding, err error) {
		return f, from.Scan(&f.ID, &f.Fingerprint, &f.Control, word{&f.Severity}, &f.Message, &f.Waived, &f.LastSeenRun, &f.edition)
	}, "SELECT id, fingerprint, control, severity, message, waived, last_seen_run, profile FROM finding_span WHERE integration_id = $1 AND closed_run IS NULL", in.id)
	if err != nil {
		return err
	}
	open := map[string]Finding{}
	for _, f := range list {
		open[f.Fingerprint] = f
	}
	now := edition(r.Profile)
	seen, controls := map[string]bool{}, map[audit.ControlID]audit.Control{}
	var unchanged []int64
	required := requirements{in.id, r, map[int64]bool{}}
	for _, c := range r.Controls {
		controls[c.ID] = c
		for _, f := range c.Findings {
			if seen[f.Fingerprint] {
				continue
			}
			seen[f.Fingerprint] = true
			switch was, ok := open[f.Fingerprint]; {
			case ok && was.Severity == c.Severity && was.Message == f.Message && was.Waived == (f.Waiver != nil) && was.edition == now:
				unchanged = append(unchanged, was.ID)
			case ok:
				err = t.exec(ctx, "UPDATE finding_span SET last_seen_run = $2, severity = $3, message = $4, waived = $5, profile = $6 WHERE id = $1",
					was.ID, run, c.Severity.String(), f.Message, f.Waiver != nil, now)
			default:
				reason := began(in, known[c.ID], now)
				if reason == ReasonEnvironment {
					changed, err := required.since(ctx, t, known[c.ID].known.ToRun)
					if err != nil {
						return err
					}
					if changed {
						reason = ReasonProfile
					}
				}
				err = t.exec(ctx, `INSERT INTO finding_span (integration_id, fingerprint, control, severity, message, waived, profile, first_run, last_seen_run, opened, reason)
					VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, '')`,
					in.id, f.Fingerprint, string(c.ID), c.Severity.String(), f.Message, f.Waiver != nil, now, run, reason)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := t.each(ctx, "UPDATE finding_span SET last_seen_run = $1", unchanged, run); err != nil {
		return err
	}
	for _, f := range list {
		if seen[f.Fingerprint] {
			continue
		}
		reason, ended := ReasonProfile, true // the profile has no such control any more
		if c, ok := controls[f.Control]; ok {
			if reason, ended = judged(c, r); reason == ReasonFixed && ended {
				changed, err := required.since(ctx, t, f.LastSeenRun)
				if err != nil {
					return err
				}
				if changed || differ(f.edition, now) {
					reason = ReasonProfile
				}
			}
		}
		if ended {
			if err := t.exec(ctx, "UPDATE finding_span SET closed_run = $2, reason = $3 WHERE id = $1", f.ID, run, reason); err != nil {
				return err
			}
		}
	}
	return nil
}

// endSpans ends the two rows of spans of a control.
const endSpans = "UPDATE control_span SET latest = FALSE, in_last = FALSE"

func (t *Tx) foldControls(ctx context.Context, in integration, run int64, r audit.Result, latest map[audit.ControlID]pair) error {
	now := edition(r.Profile)
	var extended, ended, resumed, left []int64
	inResult := map[audit.ControlID]bool{}
	for _, c := range r.Controls {
		inResult[c.ID] = true
		p := latest[c.ID]
		last, other, reason := p.known, p.unknown, began(in, p, now)
		goesOn := last != nil && last.Outcome == c.Outcome
		if c.Outcome == audit.OutcomeUnknown {
			last, other, reason = p.unknown, p.known, ""
			goesOn = last != nil && last.ToRun == in.lastRun
		}
		if other != nil && other.inLast {
			left = append(left, other.ID)
		}
		if goesOn {
			extended = append(extended, last.ID)
			if !last.inLast {
				resumed = append(resumed, last.ID)
			}
			continue
		}
		if last != nil {
			ended = append(ended, last.ID)
		}
		if err := t.exec(ctx, `INSERT INTO control_span (integration_id, control, severity, outcome, profile, opened, from_run, to_run, latest, in_last)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7, TRUE, TRUE)`, in.id, string(c.ID), c.Severity.String(), c.Outcome.String(), now, reason, run); err != nil {
			return err
		}
	}
	for id, p := range latest { // not in the profile any more
		for _, c := range []*ControlSpan{p.known, p.unknown} {
			if c != nil && !inResult[id] {
				ended = append(ended, c.ID)
			}
		}
	}
	return errors.Join(
		t.each(ctx, endSpans, ended),
		t.each(ctx, "UPDATE control_span SET in_last = FALSE", left),
		t.each(ctx, "UPDATE control_span SET in_last = TRUE", resumed),
		t.each(ctx, "UPDATE control_span SET to_run = $1, profile = $2", extended, run, now),
	)
}

// each runs an update for the rows of the given ids.
func (t *Tx) each(ctx context.Context, update string, ids []int64, args ...any) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	places := make([]string, len(ids))
	for i, id := range ids {
		args = append(args, id)
		places[i] = fmt.Sprintf("$%d", len(args))
	}
	return t.exec(ctx, update+" WHERE id IN ("+strings.Join(places, ", ")+")", args...)
}

// count keeps how many integrations had which verdict by the last result of each day.
func (t *Tx) count(ctx context.Context, in integration, verdict string) error {
	today := day(t.now)
	changes := map[string]int{verdict: 1}
	if in.verdict != "" && day(in.lastResultAt) == today {
		changes[in.verdict]--
	}
	for _, v := range []string{"compliant", "incomplete", "noncompliant"} { // always in this order, so that two never wait for each other
		if changes[v] == 0 {
			continue
		}
		if err := t.exec(ctx, `INSERT INTO fleet_day (day, verdict, integrations) VALUES ($1, $2, $3)
			ON CONFLICT (day, verdict) DO UPDATE SET integrations = fleet_day.integrations + excluded.integrations`, today, v, changes[v]); err != nil {
			return err
		}
	}
	return nil
}

func day(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }
