// Package compare says what changed between two snapshots or two results, and
// marks what is new against a baseline.
//
// Rows are matched by their ids and findings by their fingerprints, so that the
// order in which an environment was read has no part in the answer. What one side
// did not read is incomparable, never gone.
package compare
