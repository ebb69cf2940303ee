package report

import (
	"bytes"
	"testing"
)

// BenchmarkRender renders a result of 5,000 findings; bytes/op is its size.
func BenchmarkRender(b *testing.B) {
	r := large(5000)
	for _, f := range Formats() {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if err := Render(&out, f, r, Options{Width: 80, Rules: rules()}); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(out.Len()))
		})
	}
}

func BenchmarkReadResults(b *testing.B) {
	doc := []byte(rendered(b, JSON, large(5000), Options{}))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadResults(doc); err != nil {
			b.Fatal(err)
		}
	}
}
