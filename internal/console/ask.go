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

// A DeclinedError means that a person did not confirm a change.
type DeclinedError struct{}

func (*DeclinedError) Error() string { return "cancelled: nothing was changed" }

// CanAsk reports whether there is a person at a terminal to ask. --yes answers instead.
func (c *Console) CanAsk(yes bool) bool { return !yes && c.StdinIsTerminal && c.StderrIsTerminal }

// Present shows the description of a change, before [Console.Confirm] asks for it. It shows it to a
// person who is asked even with --quiet. purpose is a verb phrase such as "apply this plan".
func (c *Console) Present(name, purpose, description string, yes bool) {
	switch {
	case !c.CanAsk(yes) && c.LogFormat == "json":
		c.Log(slog.LevelInfo, name, "to "+purpose, slog.String("text", description))
	case c.CanAsk(yes), !c.Quiet:
		c.screen.write(c.Stderr, text.WrapLines(text.Lines(description), c.StderrWidth)+"\n")
	}
}

// Ask asks a question, even with --quiet, and returns the line that the person types, trimmed. The
// end of the input is an empty answer.
func (c *Console) Ask(ctx context.Context, question string) (string, error) {
	c.screen.write(c.Stderr, question)
	if c.stdin == nil {
		c.stdin = bufio.NewReader(c.Stdin)
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := c.stdin.ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case line := <-answer:
		return line, nil
	}
}

// Confirm asks the person at the terminal to type the environment's name. Without a terminal, it
// returns a usage error unless --yes is given. It returns a [DeclinedError] for any other answer.
func (c *Console) Confirm(ctx context.Context, name, purpose string, yes bool) error {
	switch {
	case yes:
		return nil
	case !c.CanAsk(yes):
		return run.Usagef("dbaudit cannot ask here whether to %s: pass --yes", purpose)
	}
	question := fmt.Sprintf("To %s, type the environment's name, %s: ", purpose, text.Line(name))
	for range 2 {
		answer, err := c.Ask(ctx, question)
		if err != nil {
			return fmt.Errorf("asking for confirmation: %w", err)
		}
		switch strings.ToLower(answer) {
		case strings.ToLower(name):
			return nil
		case "yes", "y": // the answer in other tools, which does not prove that it is the right environment
			question = fmt.Sprintf("%q is not the environment's name; type %s: ", answer, text.Line(name))
		default:
			return &DeclinedError{}
		}
	}
	return &DeclinedError{}
}
