package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A choice is the value of a flag with a known set of values: it refuses others, and the
// shell completes these.
type choice[T comparable] struct {
	into   *T
	words  []string
	values []T
}

// choose makes a flag's value out of those of an enum, or out of words.
func choose[T comparable](into *T, values ...T) *choice[T] {
	return &choice[T]{into, spelled(values), values}
}

func (c *choice[T]) String() string {
	if i := slices.Index(c.values, *c.into); i >= 0 {
		return c.words[i]
	}
	return ""
}

func (c *choice[T]) Set(word string) error {
	i := slices.Index(c.words, word)
	if i < 0 {
		return errors.New("want " + listed(c.words))
	}
	*c.into = c.values[i]
	return nil
}

func (c *choice[T]) Type() string { return "string" }

// Words are the values that the flag takes.
func (c *choice[T]) Words() []string { return c.words }

// wordsOf are the values that a flag takes, if it has a known set of them.
func wordsOf(f *pflag.Flag) ([]string, bool) {
	c, ok := f.Value.(interface{ Words() []string })
	if !ok {
		return nil, false
	}
	words := c.Words()
	return words, words != nil
}

// spelled are the words of an enum.
func spelled[T any](values []T) []string {
	made := make([]string, len(values))
	for i, v := range values {
		made[i] = fmt.Sprint(v)
	}
	return made
}

// listed is a list in a sentence: a, b or c.
func listed(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// documentFlags say in which format a command writes its own document, and where.
type documentFlags struct{ format, file string }

// add adds -f, whose first format is the default, and -o.
func (f *documentFlags) add(flags *pflag.FlagSet, formats ...string) {
	f.format = formats[0]
	flags.VarP(choose(&f.format, formats...), "format", "f", "`format` of the document: "+listed(formats))
	outputFileFlag(flags, &f.file)
}

// addAnswer adds the flag of a short answer on standard output, and the --json of the first
// release.
func (f *documentFlags) addAnswer(flags *pflag.FlagSet) {
	f.format = "table"
	flags.VarP(choose(&f.format, "table", "json"), "format", "f", "`format` of the answer: table or json")
	flags.BoolFunc("json", "as -f json", func(string) error { f.format = "json"; return nil })
	_ = flags.MarkHidden("json") // it exists
}

// put writes a document as JSON, or as the table that draw prints.
func (f documentFlags) put(a *app, document any, draw func(w io.Writer, width int) error) error {
	if f.format == "json" {
		return a.PutJSON(f.file, document)
	}
	return a.PutTable(f.file, draw)
}
