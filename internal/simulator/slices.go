package simulator

import "slices"

// mapSlice returns the results of f for the items of a slice.
func mapSlice[T, U any](list []T, f func(T) U) []U {
	results := make([]U, len(list))
	for i, item := range list {
		results[i] = f(item)
	}
	return results
}

// toAny returns the items of a slice as values of type any.
func toAny[T any](list []T) []any { return mapSlice(list, func(row T) any { return row }) }

// filterSlice returns the items of a slice that match.
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

// pointers returns the addresses of a slice's items.
func pointers[T any](list []T) []*T {
	all := make([]*T, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}
