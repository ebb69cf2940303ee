//go:build race

package cli

// raceEnabled reports that the race detector slows everything down.
const raceEnabled = true
