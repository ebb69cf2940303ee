package simulator

import "slices"

func mapSlice[T, U any](list []T, f func(T) U) []U {
	results := make([]U, len(list))
	for i, item := range list {
		results[i] = f(item)
	}
	return results
}

func toAny[T any](list []T) []any { return mapSlice(list, func(row T) any { return row }) }

func filterSlice[T any](list []T, match func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(item T) bool { return !match(item) })
}

// firstMatch returns the address of the first item that matches, or nil.
func firstMatch[T any](list []T, match func(*T) bool) *T {
	for i := range list {
		if match(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

func pointers[T any](list []T) []*T {
	all := make([]*T, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}
