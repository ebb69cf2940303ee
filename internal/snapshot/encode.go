package snapshot

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Seal sets the digest, which is the SHA-256 of the document that [Snapshot.Encode] writes, without
// the line of the digest. `jq -S 'del(.digest)' snapshot.json | sha256sum` prints the same. Seal
// returns an error for an inconsistent snapshot; see [Snapshot.Check].
func (s *Snapshot) Seal() error {
	s.Format = Format
	s.replaceNils()
	if err := s.Check(""); err != nil {
		return err
	}
	digest, err := s.digest()
	if err != nil {
		return err
	}
	s.Digest = digest
	return nil
}

func (s *Snapshot) digest() (string, error) {
	unsealed := *s
	unsealed.Digest = ""
	data, err := unsealed.Encode()
	if err != nil {
		return "", err
	}
	before, after, _ := bytes.Cut(data, []byte("\n  \"digest\": \"\","))
	return fmt.Sprintf("sha256:%x", sha256.Sum256(append(before, after...))), nil
}

// Encode returns the snapshot as JSON in the format of `jq -S .`: indented by two spaces, with
// sorted keys and a final newline. Equal snapshots give equal bytes.
func (s *Snapshot) Encode() ([]byte, error) {
	data, err := text.AppendJSON(nil, s, "", spellAsJQ)
	if err != nil {
		return nil, fmt.Errorf("encoding the snapshot: %w", err)
	}
	return data, nil
}

// spellAsJQ changes JSON of encoding/json where jq writes characters differently: it unescapes the
// line separators and the replacement character, and escapes DEL.
func spellAsJQ(data []byte) []byte {
	if !bytes.ContainsAny(data, "\\\x7f") {
		return data
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		switch {
		case data[i] == 0x7f:
			out = append(out, `\u007f`...)
			i++
		case data[i] != '\\':
			out = append(out, data[i])
			i++
		case bytes.HasPrefix(data[i:], []byte(`\u2028`)), bytes.HasPrefix(data[i:], []byte(`\u2029`)):
			out = utf8.AppendRune(out, '\u2028'+rune(data[i+5]-'8'))
			i += 6
		case bytes.HasPrefix(data[i:], []byte(`\ufffd`)):
			out = utf8.AppendRune(out, utf8.RuneError)
			i += 6
		default: // another escape, which may be \\
			out = append(out, data[i], data[i+1])
			i += 2
		}
	}
	return out
}
