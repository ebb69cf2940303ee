package snapshot

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Seal sets the digest. It is the SHA-256 of the document as [Snapshot.Encode]
// writes it, without the line of the digest: what
// `jq -S 'del(.digest)' snapshot.json | sha256sum` prints. A snapshot that refers
// to what it does not hold is not sealed; see [Snapshot.Check].
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

// Encode returns the snapshot's file as `jq -S .` prints it: JSON, two spaces deep,
// members in the order of their names, a newline at the end. Equal snapshots give
// equal bytes.
func (s *Snapshot) Encode() ([]byte, error) {
	data, err := text.AppendJSON(nil, s, "", spellAsJQ)
	if err != nil {
		return nil, fmt.Errorf("encoding the snapshot: %w", err)
	}
	return data, nil
}

// spellAsJQ writes the few characters that encoding/json and jq spell differently
// as jq does: the line separators and the replacement character as themselves,
// DEL as an escape.
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
		default: // another escape: its second byte may be a backslash
			out = append(out, data[i], data[i+1])
			i += 2
		}
	}
	return out
}
