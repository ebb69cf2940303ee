package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A choice is the value of a flag that accepts one of several words. The shell completes them.
type choice[T comparable] struct {
	into   *T
	words  []string
	values []T
}

// newChoice returns the value of a flag that accepts the given values and stores the chosen one.
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

// Choices returns the values that the flag accepts.
func (c *choice[T]) Choices() []string { return c.words }

// choicesOf returns the values that a flag accepts, if they are a fixed set.
func choicesOf(f *pflag.Flag) ([]string, bool) {
	c, ok := f.Value.(interface{ Choices() []string })
	if !ok {
		return nil, false
	}
	words := c.Choices()
	return words, words != nil
}

func stringsOf[T any](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = fmt.Sprint(v)
	}
	return list
}

// orList returns the words as a list in a sentence: "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
