package text

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestPlainBytesAreAsOthers writes texts near commands as a stream does, and each
// character by itself.
func TestPlainBytesAreAsOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		words := rapid.SliceOf(rapid.SampledFrom([]string{
			":", "::", "#", "##", "##vso", "[", " ", "\n", "\t", "a", "word", "é", "\x1b[1m", "\u202e", "\x7f",
		})).Draw(r, "words")
		var got, want bytes.Buffer
		stream, slow := NewStream(&got, false), NewStream(&want, false)
		for _, word := range words {
			if _, err := stream.Write([]byte(word)); err != nil {
				r.Fatal(err)
			}
			for _, character := range word {
				slow.put(&want, character)
			}
		}
		if got.String() != want.String() {
			r.Errorf("%q is written as %q, want %q", words, got.String(), want.String())
		}
	})
}
