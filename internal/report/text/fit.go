package text

import "slices"

// leastColumn is how narrow a column becomes at most that shares the room.
const leastColumn = 8

// Fit chooses the widths of a table's columns: what each needs where there is room for
// all, else a share of what the others leave. A column whose share is 0 is never broken.
func Fit(room int, need, share []int) []int {
	widths := slices.Clone(need)
	var open []int // the columns whose width is not decided
	shares := 0
	for i, s := range share {
		if s == 0 {
			room -= widths[i]
			continue
		}
		open = append(open, i)
		shares += s
	}
	// Columns that need less than their share give the rest to the others, and those whose
	// share is less than a column can be take it from them.
	for changed := true; changed; {
		changed = false
		open = slices.DeleteFunc(open, func(i int) bool {
			s := share[i]
			switch {
			case widths[i]*shares <= room*s:
			case room*s < leastColumn*shares:
				widths[i] = min(widths[i], leastColumn)
			default:
				return false
			}
			room -= widths[i]
			shares -= s
			changed = true
			return true
		})
	}
	left := room
	for n, i := range open {
		widths[i] = max(room*share[i]/shares, leastColumn)
		left -= widths[i]
		if n == len(open)-1 {
			widths[i] += max(left, 0)
		}
	}
	return widths
}
