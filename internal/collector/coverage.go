package collector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// rank orders states by how little is known about a section.
func rank(s snapshot.State) int {
	return slices.Index([]snapshot.State{snapshot.StateSkipped, snapshot.StateForbidden, snapshot.StateFailed}, s)
}

func (c *collection) record(s snapshot.Section, state snapshot.State, detail string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results[s] = append(c.results[s], snapshot.Coverage{State: state, Detail: detail})
}

func (c *collection) skip(reason string, sections ...snapshot.Section) {
	for _, s := range sections {
		c.record(s, snapshot.StateSkipped, reason)
	}
}

// note adds a remark to a section that was read.
func (c *collection) note(s snapshot.Section, format string, args ...any) {
	c.record(s, snapshot.StateCollected, fmt.Sprintf(format, args...))
}

func (c *collection) isCollected(s snapshot.Section) bool {
	return c.coverage(s).State == snapshot.StateCollected
}

// coverage returns the worst result of a section's parts, with all reasons for it, in an order
// that does not depend on time.
func (c *collection) coverage(s snapshot.Section) snapshot.Coverage {
	c.mu.Lock()
	defer c.mu.Unlock()
	worst := snapshot.StateCollected
	for _, result := range c.results[s] {
		if rank(result.State) > rank(worst) {
			worst = result.State
		}
	}
	var details []string
	for _, result := range c.results[s] {
		if result.State == worst {
			details = append(details, result.Detail)
		}
	}
	slices.Sort(details)
	return snapshot.Coverage{State: worst, Detail: strings.Join(slices.Compact(details), "; ")}
}

// sectionPart returns a part of a round that reads a section. Its error is recorded and does not
// stop other parts.
func (c *collection) sectionPart(s snapshot.Section, read func(context.Context) error) part {
	return func(ctx context.Context) error { return c.finish(ctx, s, read(ctx)) }
}

// finish records an error of a part of a section. It returns the error only if the whole
// collection must stop.
func (c *collection) finish(ctx context.Context, s snapshot.Section, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case misdirection(err).otherOrganization, dataverse.ErrorOf(err).BlocksAllRequests(): // every other request would be refused for the same reason
		return err
	case err != nil:
		c.record(s, stateOf(err), explain(err, c.principalNames))
	}
	return nil
}

func stateOf(err error) snapshot.State {
	if kind := dataverse.ErrorOf(err).Kind; kind == dataverse.Forbidden || kind == dataverse.NotMember {
		return snapshot.StateForbidden
	}
	return snapshot.StateFailed
}

// explain says what went wrong and what to do. It names a principal that lacks a privilege.
func explain(err error, names dataverse.PrincipalNames) string {
	if e := dataverse.ErrorOf(err); e.Kind != dataverse.Unknown {
		return e.Explain(names)
	}
	return err.Error()
}
