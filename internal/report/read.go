package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// ReadResults reads what [JSON] writes: one result or several.
//
// It is strict, because what it accepts is then shown as evidence: unknown and
// repeated keys, a second document, a later format, and a verdict or summary that
// the controls do not bear out are errors. Each says what is wrong with the
// document and, where the document is of another kind, which command takes it.
func ReadResults(r io.Reader) ([]audit.Result, error) {
	doc, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading the result: %w", err)
	}
	rs, err := parseResults(doc)
	if err != nil {
		return nil, fmt.Errorf("reading the result: %w", err)
	}
	return rs, nil
}

func parseResults(doc []byte) ([]audit.Result, error) {
	if bytes.HasPrefix(doc, []byte("\xff\xfe")) || bytes.HasPrefix(doc, []byte("\xfe\xff")) {
		return nil, errors.New("the document is UTF-16, as PowerShell's > writes it; write it with -o FILE")
	}
	doc = bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil, errors.New("the document is empty; write it with -f json -o FILE")
	}
	format, err := formatOf(doc)
	if err != nil {
		return nil, err
	}
	if err := checkKeys(doc); err != nil {
		return nil, err
	}
	var all audit.Results
	if format == audit.ResultFormat {
		all.Results = make([]audit.Result, 1)
		err = decodeStrict(doc, &all.Results[0])
	} else {
		err = decodeStrict(doc, &all)
	}
	if err != nil {
		return nil, err
	}
	rs := all.Results
	for i := range rs {
		if err := check(&rs[i]); err != nil {
			if format == audit.ResultsFormat {
				return nil, fmt.Errorf("result %d: %w", i+1, err)
			}
			return nil, err
		}
	}
	return rs, nil
}

// formatOf finds the document's format before anything else of it is believed, so
// that a truncated or foreign document is called that and nothing else.
func formatOf(doc []byte) (string, error) {
	var head struct {
		Format *json.RawMessage `json:"format"`
		Runs   *json.RawMessage `json:"runs"`
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	if err := d.Decode(&head); err != nil {
		return "", syntax(doc, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("more follows after the end of the document at %s: give one document for each file", position(doc, d.InputOffset()))
	}
	if head.Format == nil {
		if head.Runs != nil {
			return "", errors.New("this is a SARIF document, which cannot be rendered again: keep the result with -f json")
		}
		return "", errors.New(`this is not a result of dbaudit: it has no "format"; write one with dbaudit scan -f json`)
	}
	var format string
	if err := json.Unmarshal(*head.Format, &format); err != nil {
		return "", errors.New(`this is not a result of dbaudit: its "format" is not a string`)
	}
	if format != audit.ResultFormat && format != audit.ResultsFormat {
		return "", foreign(format)
	}
	return format, nil
}

// foreign says what a document is that is not a result of this version.
func foreign(format string) error {
	kind, _, _ := strings.Cut(format, "/")
	switch kind {
	case "dbaudit.result", "dbaudit.results":
		return fmt.Errorf("the document's format %q is later than this dbaudit knows (%s, %s): use a later dbaudit", visible(format), audit.ResultFormat, audit.ResultsFormat)
	case "dbaudit.snapshot":
		return errors.New("this is a snapshot, not a result: evaluate it with dbaudit check")
	case "dbaudit.plan":
		return errors.New("this is a plan, not a result: carry it out with dbaudit apply")
	case "dbaudit.journal":
		return errors.New("this is a journal, not a result: undo it with dbaudit rollback")
	}
	return fmt.Errorf("the document's format %q is not one of dbaudit's results (%s, %s)", name(visible(format)), audit.ResultFormat, audit.ResultsFormat)
}

func decodeStrict(doc []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return syntax(doc, err)
	}
	return nil
}

// syntax words an error of the decoder with the place where it stands.
func syntax(doc []byte, err error) error {
	var se *json.SyntaxError
	var te *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the document ends in the middle, after %d bytes: it is truncated; write it again", len(doc))
	case errors.As(err, &se):
		if se.Offset >= int64(len(doc)) {
			return fmt.Errorf("the document ends in the middle, after %d bytes: it is truncated; write it again", len(doc))
		}
		return fmt.Errorf("%s: this is not JSON: %w", position(doc, se.Offset-1), err)
	case errors.As(err, &te):
		return fmt.Errorf("%s: %s cannot be a JSON %s", position(doc, te.Offset), cmp.Or(te.Field, "the document"), te.Value)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("unknown key %s: the document was edited, or a later dbaudit wrote it", name(visible(field)))
	}
	return errors.New(shorten(visible(strings.TrimPrefix(err.Error(), "json: ")), textColumns))
}

// position is a byte offset as line and column.
func position(doc []byte, offset int64) string {
	before := doc[:min(max(offset, 0), int64(len(doc)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}

// checkKeys refuses duplicate keys in an object, which decoders read differently, and keys
// in another letter case, which Go's decoder would accept. Keys within evidence are free,
// and so are the names of privileges.
func checkKeys(doc []byte) error {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	type object struct {
		keys     map[string]bool // nil for an array
		expect   bool            // a key comes next
		evidence bool            // its keys are free
	}
	var stack []object
	evidence := false // the value that comes next is evidence's
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return syntax(doc, err)
		}
		top := len(stack) - 1
		if key, ok := token.(string); ok && top >= 0 && stack[top].expect {
			if stack[top].keys[key] {
				return fmt.Errorf("%s: the key %q appears twice", position(doc, d.InputOffset()), name(visible(key)))
			}
			if !stack[top].evidence && key != strings.ToLower(key) {
				return fmt.Errorf("%s: unknown key %q", position(doc, d.InputOffset()), name(visible(key)))
			}
			stack[top].keys[key] = true
			stack[top].expect = false
			evidence = stack[top].evidence || key == "evidence" || key == "granted" || key == "required"
			continue
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, object{keys: map[string]bool{}, expect: true, evidence: evidence})
			continue
		case json.Delim('['):
			stack = append(stack, object{evidence: evidence})
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
			top--
		}
		if top >= 0 && stack[top].keys != nil {
			stack[top].expect = true
			evidence = stack[top].evidence
		}
	}
}

// check refuses a result that contradicts itself.
func check(r *audit.Result) error {
	if r.Format != audit.ResultFormat {
		return fmt.Errorf("its format is %q, not %s", name(visible(r.Format)), audit.ResultFormat)
	}
	fillEmpty(r)
	if r.Unread != nil && len(r.Controls) > 0 {
		return errors.New("it has controls of what it says could not be read")
	}
	seen := map[audit.ControlID]bool{}
	for i := range r.Controls {
		readUnjudged(&r.Controls[i])
		c := r.Controls[i]
		id := name(visible(string(c.ID)))
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
			case f.Fix != nil && change.Known(f.Fix.Kind) != nil:
				return fmt.Errorf("a finding of %s has %w", id, change.Known(f.Fix.Kind))
			case f.Baseline != audit.BaselineNone && f.Baseline != audit.BaselineNew && f.Baseline != audit.BaselineUnchanged:
				return fmt.Errorf("a finding of %s has the unknown baseline state %q", id, name(visible(string(f.Baseline))))
			}
		}
	}
	if s := audit.Summarize(r.Controls); s != r.Summary {
		return errors.New("its summary does not agree with its controls: the document was edited")
	}
	if v := audit.Judge(r.Summary); v != r.Verdict {
		return fmt.Errorf("its verdict is %s, but its controls say %s: the document was edited", r.Verdict, v)
	}
	return nil
}

// readUnjudged takes what could not be judged out of the notes, where results had it
// before they had a field for it.
func readUnjudged(c *audit.Control) {
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
