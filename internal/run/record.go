package run

import (
	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Record has what is exchanged with a target recorded from now on.
func (r *Runner) Record(t *Target, command string) *recording.Recorder {
	t.recorder = recording.NewRecorder(recording.Head{
		Tool: snapshot.Tool(r.Tool), Command: command, Pattern: t.Profile.Pattern, Requirement: t.Requirement,
	})
	return t.recorder
}
