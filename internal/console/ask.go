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

// A DeclinedError says that a person did not confirm.
type DeclinedError struct{}

func (*DeclinedError) Error() string { return "cancelled: nothing was changed" }

// CanAsk reports whether to ask the person at the terminal.
func (c *Console) CanAsk(yes bool) bool { return !yes && c.StdinIsTerminal && c.StderrIsTerminal }

// Present shows what is to be done, even with --quiet, to the person who is asked.
func (c *Console) Present(name, what, shown string, yes bool) {
	switch {
	case !c.CanAsk(yes) && c.LogFormat == "json":
		c.Log(slog.LevelInfo, name, "to "+what, slog.String("text", shown))
	case c.CanAsk(yes), !c.Quiet:
		c.screen.write(c.Stderr, text.WrapLines(text.Lines(shown), c.StderrWidth)+"\n")
	}
}

// Ask asks a question, --quiet or not, and returns the line that the person types.
func (c *Console) Ask(ctx context.Context, question string) (string, error) {
	c.screen.write(c.Stderr, question)
	if c.stdin == nil {
		c.stdin = bufio.NewReader(c.Stdin)
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := c.stdin.ReadString('\n') // the end of the input is an empty answer
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case line := <-answer:
		return line, nil
	}
}

// Confirm asks on a terminal for the environment's name; elsewhere --yes is required.
func (c *Console) Confirm(ctx context.Context, name, what string, yes bool) error {
	switch {
	case yes:
		return nil
	case !c.CanAsk(yes):
		return run.Usagef("dbaudit cannot ask here whether to %s: pass --yes", what)
	}
	question := fmt.Sprintf("To %s, type the environment's name, %s: ", what, text.Line(name))
	for range 2 {
		answer, err := c.Ask(ctx, question)
		if err != nil {
			return fmt.Errorf("asking for confirmation: %w", err)
		}
		switch strings.ToLower(answer) {
		case strings.ToLower(name):
			return nil
		case "yes", "y": // as in other tools; the name shows that it is the right environment
			question = fmt.Sprintf("%q is not the environment's name; type %s: ", answer, text.Line(name))
		default:
			return &DeclinedError{}
		}
	}
	return &DeclinedError{}
}
