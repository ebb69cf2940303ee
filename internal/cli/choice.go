package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A choice is the value of a flag with a known set of values, which the shell completes.
type choice[T comparable] struct {
	into   *T
	words  []string
	values []T
}

// newChoice makes the value of a flag that takes the given values.
func newChoice[T comparable](into *T, values ...T) *choice[T] {
	return &choice[T]{into, stringsOf(values), values}
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
		return errors.New("want " + orList(c.words))
	}
	*c.into = c.values[i]
	return nil
}

func (c *choice[T]) Type() string { return "string" }

// Words are the values that the flag takes.
func (c *choice[T]) Words() []string { return c.words }

// choicesOf are the values that a flag takes, if it has a known set of them.
func choicesOf(f *pflag.Flag) ([]string, bool) {
	c, ok := f.Value.(interface{ Words() []string })
	if !ok {
		return nil, false
	}
	words := c.Words()
	return words, words != nil
}

func stringsOf[T any](values []T) []string {
	made := make([]string, len(values))
	for i, v := range values {
		made[i] = fmt.Sprint(v)
	}
	return made
}

// orList is a list in a sentence: a, b or c.
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
