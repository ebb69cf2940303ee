package plan

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// Seal sets the digest.
func (p *Plan) Seal() (err error) {
	p.Digest, err = p.digest()
	return err
}

func (p Plan) digest() (string, error) {
	p.Digest = ""
	data, err := p.Encode()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(data)), nil
}

// Encode returns the plan as JSON. Equal plans give equal bytes, which are safe to print.
func (p Plan) Encode() ([]byte, error) {
	data, err := text.AppendJSON(nil, p, "", text.JSON)
	if err != nil {
		return nil, fmt.Errorf("the plan: %w", err)
	}
	return data, nil
}

// Decode parses a plan. It refuses a plan that was truncated or edited, or that says one thing and
// does another. Except for line endings, the bytes must be the ones of [Plan.Encode], so that
// every reader of the file sees the same plan.
func Decode(data []byte) (Plan, error) {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if _, err := strictjson.ReadFormat(data, "plan", Format); err != nil {
		return Plan{}, err
	}
	var p Plan
	if err := strictjson.Decode(data, &p); err != nil {
		return Plan{}, fmt.Errorf("the plan is broken: %w", err)
	}
	switch encoded, err := p.Encode(); {
	case err != nil:
		return Plan{}, err
	case !bytes.Equal(encoded, data):
		return Plan{}, errors.New("the plan was edited, or another program or version wrote it: make it again")
	}
	if err := p.Verify(); err != nil {
		return Plan{}, err
	}
	return p, p.checkDescriptions()
}

// Verify returns an error if the plan does not match its digest, or if Build would not make it.
func (p Plan) Verify() error {
	switch digest, err := p.digest(); {
	case err != nil:
		return err
	case digest != p.Digest:
		return errors.New("the plan was edited: it does not match its digest; make it again")
	}
	return p.validate()
}

func (p Plan) validate() error {
	if p.ExpiresAt.After(p.Snapshot.TakenAt.Add(MaxValidity)) {
		return fmt.Errorf("the plan is valid for too long: the maximum is %s after its snapshot; make the plan again", text.Duration(MaxValidity))
	}
	for i, a := range p.Actions {
		err := a.Validate(p.Actions[:i], p.Environment.URL)
		switch {
		case a.ID != strconv.Itoa(i+1):
			err = fmt.Errorf("its number should be %d", i+1)
		case err == nil:
			err = p.validateReasons(a)
		}
		if err != nil {
			return fmt.Errorf("action %s of the plan cannot be carried out: %w; make the plan again", a.ID, err)
		}
	}
	return nil
}

// checkDescriptions returns an error if the plan says one thing and does another.
func (p Plan) checkDescriptions() error {
	for _, a := range p.Actions {
		summary, risk, note := a.Describe(p.Requirement.Allow)
		if a.Summary != summary || a.Risk != risk || a.Note != note {
			return fmt.Errorf("the description of the plan's action %s does not match what it does; make the plan again", a.ID)
		}
	}
	return nil
}

func (p Plan) validateReasons(a change.Action) error {
	for _, why := range a.Why {
		if !slices.ContainsFunc(p.Findings, func(f Finding) bool {
			return f.Fingerprint == why.Fingerprint && (f.Control == why.Control || why.Follows)
		}) {
			return fmt.Errorf("its reason, %s, is not among the findings", why.Control)
		}
	}
	if len(a.Why) == 0 {
		return errors.New("it has no reason")
	}
	return nil
}
