package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// ReadResults reads a document in the format [JSON], with one result or several.
//
// It is strict, because reports are evidence. Unknown and repeated keys, a second document, a newer
// format, and a verdict or summary that does not match the controls are errors. For a document of
// another kind, the error names the command that reads it.
func ReadResults(doc []byte) ([]audit.Result, error) {
	rs, err := parseResults(doc)
	if err != nil {
		return nil, fmt.Errorf("reading the result: %w", err)
	}
	return rs, nil
}

func parseResults(doc []byte) ([]audit.Result, error) {
	format, err := strictjson.ReadFormat(doc, "result", audit.ResultFormat, audit.ResultsFormat)
	if err != nil {
		return nil, err
	}
	// Only the keys of evidence and the names of privileges may have capital letters.
	decode := func(v any) error { return strictjson.DecodeLowerCase(doc, v, "evidence", "granted", "required") }
	rs := make([]audit.Result, 1)
	if format == audit.ResultFormat {
		err = decode(&rs[0])
	} else {
		var all audit.Results
		err = decode(&all)
		rs = all.Results
	}
	if err != nil {
		return nil, err
	}
	for i := range rs {
		fillNilLists(&rs[i])
		for j := range rs[i].Controls {
			splitUnjudged(&rs[i].Controls[j])
		}
		switch err := validateResult(rs[i]); {
		case err != nil && format == audit.ResultFormat:
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("result %d: %w", i+1, err)
		}
	}
	return rs, nil
}

// validateResult returns an error for a result that is incomplete or contradicts itself.
func validateResult(r audit.Result) error {
	if r.Format != audit.ResultFormat {
		return fmt.Errorf("its format is %q, not %s", shortName(text.Line(r.Format)), audit.ResultFormat)
	}
	if r.Unread != nil && len(r.Controls) > 0 {
		return errors.New("it has controls, but says that it could not be read")
	}
	seen := map[audit.ControlID]bool{}
	for _, c := range r.Controls {
		id := shortName(text.Line(string(c.ID)))
		switch {
		case c.ID == "":
			return errors.New("a control has no id")
		case seen[c.ID]:
			return fmt.Errorf("the control %s appears twice", id)
		case !slices.Contains(audit.Severities(), c.Severity):
			return fmt.Errorf("the control %s has no severity", id)
		}
		seen[c.ID] = true
		for _, f := range c.Findings {
			switch {
			case f.Subject.Kind == audit.SubjectUnknown:
				return fmt.Errorf("a finding of %s has no kind of subject", id)
			case f.Fix != nil && change.ValidateKind(f.Fix.Kind) != nil:
				return fmt.Errorf("a finding of %s has %w", id, change.ValidateKind(f.Fix.Kind))
			case f.Baseline != audit.BaselineNone && f.Baseline != audit.BaselineNew && f.Baseline != audit.BaselineUnchanged:
				return fmt.Errorf("a finding of %s has the unknown baseline state %q", id, shortName(text.Line(string(f.Baseline))))
			}
		}
	}
	if s := audit.Summarize(r.Controls); s != r.Summary {
		return errors.New("its summary does not agree with its controls: the document was edited")
	}
	if v := r.Summary.Verdict(); v != r.Verdict {
		return fmt.Errorf("its verdict is %s, but its controls say %s: the document was edited", r.Verdict, v)
	}
	return nil
}

// splitUnjudged moves the reasons why a control was judged only in part from its notes, where older
// results have them, to [audit.Control.Unjudged].
func splitUnjudged(c *audit.Control) {
	if c.Outcome != audit.OutcomeFail && c.Original == nil {
		return
	}
	var notes []string
	for _, note := range c.Notes {
		if reason, ok := strings.CutPrefix(note, "not all could be judged: "); ok {
			c.Unjudged = append(c.Unjudged, reason)
		} else {
			notes = append(notes, note)
		}
	}
	c.Notes = notes
}
