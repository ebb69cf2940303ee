//go:build race

package lab

// raceEnabled reports that the race detector slows everything down.
const raceEnabled = true
