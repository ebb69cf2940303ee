package text

// leastColumn is how narrow a column becomes at most that shares the room.
const leastColumn = 8

// Fit chooses the widths of a table's columns: what each needs where there is room for
// all, else a share of what the others leave. A column whose share is 0 is never broken.
func Fit(room int, need, share []int) []int {
	widths := append([]int(nil), need...)
	open := map[int]bool{}
	shares := 0
	for i, s := range share {
		if s == 0 {
			room -= widths[i]
			continue
		}
		open[i] = true
		shares += s
	}
	// Columns that need less than their share give the rest to the others, and those whose
	// share is less than a column can be take it from them.
	for changed := true; changed; {
		changed = false
		for i, s := range share {
			if !open[i] {
				continue
			}
			switch {
			case widths[i]*shares <= room*s:
			case room*s < leastColumn*shares:
				widths[i] = min(widths[i], leastColumn)
			default:
				continue
			}
			delete(open, i)
			room -= widths[i]
			shares -= s
			changed = true
		}
	}
	last, left := -1, room
	for i, s := range share {
		if open[i] {
			widths[i] = max(room*s/shares, leastColumn)
			left -= widths[i]
			last = i
		}
	}
	if last >= 0 && left > 0 {
		widths[last] += left
	}
	return widths
}
