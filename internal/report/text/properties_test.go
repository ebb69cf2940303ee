package text

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestStreamWritesPiecesAlike checks that a text is written the same in pieces and character by
// character.
func TestStreamWritesPiecesAlike(t *testing.T) {
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
				slow.writeRune(&want, character)
			}
		}
		if got.String() != want.String() {
			r.Errorf("%q is written as %q, want %q", words, got.String(), want.String())
		}
	})
}

// TestAppendJSONIndentsLikeEncodingJSON checks the indentation against encoding/json.
func TestAppendJSONIndentsLikeEncodingJSON(t *testing.T) {
	t.Parallel()
	str := rapid.OneOf(rapid.String(), rapid.StringMatching(`["\\\\{}\\[\\],: <]*`))
	value := rapid.Just[any](nil)
	for range 3 {
		inner := value
		value = rapid.OneOf(
			rapid.Just[any](nil), rapid.Just[any](true), str.AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(),
			rapid.SliceOfN(inner, 0, 3).AsAny(), rapid.MapOfN(str, inner, 0, 3).AsAny())
	}
	rapid.Check(t, func(r *rapid.T) {
		v, prefix := value.Draw(r, "value"), rapid.StringMatching(` *`).Draw(r, "prefix")
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		e.SetIndent(prefix, "  ")
		if err := e.Encode(v); err != nil {
			r.Fatal(err)
		}
		data, err := AppendJSON(nil, v, prefix, JSON)
		if err != nil {
			r.Fatal(err)
		}
		if got, want := string(data), string(JSON(want.Bytes())); got != want {
			r.Errorf("got:\n%s\nwant, by encoding/json:\n%s", got, want)
		}
	})
}
