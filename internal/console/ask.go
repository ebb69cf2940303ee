package console

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

// A DeclinedError says that a person was asked and did not agree.
type DeclinedError struct{}

func (*DeclinedError) Error() string { return "cancelled: nothing was changed" }

// Asks reports whether to ask the person at the terminal.
func (c *Console) Asks(yes bool) bool { return !yes && c.StdinIsTerminal && c.StderrIsTerminal }

// Present shows what is to be done, even with --quiet, to the person who is asked.
func (c *Console) Present(name, what, shown string, yes bool) {
	switch {
	case !c.Asks(yes) && c.LogFormat == "json":
		c.Log(slog.LevelInfo, name, "to "+what, slog.String("text", shown))
	case c.Asks(yes), !c.Quiet:
		c.screen.write(c.Stderr, text.WrapLines(text.Lines(shown), c.StderrWidth)+"\n")
	}
}

// Typed are the lines that a person types, until the context ends.
func (c *Console) Typed(ctx context.Context) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewReader(c.Stdin); ; {
			line, err := in.ReadString('\n')
			select {
			case lines <- strings.TrimSpace(line):
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

// Confirm asks on a terminal for the environment's name; elsewhere --yes is required.
func (c *Console) Confirm(ctx context.Context, name, what string, yes bool) error {
	switch {
	case yes:
		return nil
	case !c.Asks(yes):
		return run.Usagef("dbaudit cannot ask here whether to %s: pass --yes", what)
	}
	answers := c.Typed(ctx)
	question := fmt.Sprintf("To %s, type the environment's name, %s: ", what, text.Line(name))
	for range 2 {
		c.screen.write(c.Stderr, question)
		select {
		case <-ctx.Done():
			return fmt.Errorf("asking for confirmation: %w", ctx.Err())
		case answer := <-answers:
			switch strings.ToLower(answer) {
			case strings.ToLower(name):
				return nil
			case "yes", "y":
				// People who know other tools answer so; the name is what shows that it is
				// the right environment.
				question = fmt.Sprintf("%q is not the environment's name; type %s: ", answer, text.Line(name))
				continue
			}
		}
		break
	}
	return &DeclinedError{}
}

// Prompt asks a question. [Console.Typed] gives the answer.
func (c *Console) Prompt(question string) { c.screen.write(c.Stderr, question) }
