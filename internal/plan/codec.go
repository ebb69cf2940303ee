package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Seal sets the digest.
func (p *Plan) Seal() error {
	digest, err := p.digest()
	if err != nil {
		return err
	}
	p.Digest = digest
	return nil
}

func (p Plan) digest() (string, error) {
	p.Digest = ""
	data, err := p.Encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// Encode returns the plan's file: JSON, two spaces deep, a newline at the end.
// Equal plans give equal bytes, which may be printed as they are.
func (p Plan) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("encoding the plan: %w", err)
	}
	return text.JSON(b.Bytes()), nil
}

// Decode reads a plan and refuses one that was cut, edited, or that says one thing
// and does another. A plan is read only as it was written, to the byte, so that no
// reader of the file can take it for another; git may have changed the ends of its
// lines.
func Decode(data []byte) (Plan, error) {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Plan{}, fmt.Errorf("this is no plan, or one cut short: %w", err)
	}
	if head.Format != Format {
		return Plan{}, fmt.Errorf("this has the format %q, not %q: `dbaudit plan -o plan.json` writes a plan", head.Format, Format)
	}
	var p Plan
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Plan{}, fmt.Errorf("the plan is broken: %w", err)
	}
	written, err := p.Encode()
	if err != nil {
		return Plan{}, err
	}
	if !bytes.Equal(written, data) {
		return Plan{}, errors.New("the plan was edited since it was made, or written by something other than this dbaudit: make it again")
	}
	if err := p.Verify(); err != nil {
		return Plan{}, err
	}
	return p, p.words()
}

// Verify refuses a plan that does not fit its digest, and one that no Build makes,
// whatever the digest says: anybody can compute one.
func (p Plan) Verify() error {
	digest, err := p.digest()
	if err != nil {
		return err
	}
	if digest != p.Digest {
		return errors.New("the plan was edited since it was made: it does not fit its digest; make it again")
	}
	return p.check()
}
