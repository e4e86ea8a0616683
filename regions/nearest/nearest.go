// Package nearest finds what was probably meant by a mistyped name.
package nearest

import (
	"slices"
	"strings"
)

const (
	maxTypos = 2  // edits between a name and what was probably meant
	maxName  = 64 // bytes; what is longer is no typing mistake
)

// Names returns those of the known names that are nearest to name, in order, each
// once; none if all are further away than a typing mistake. Case does not matter.
func Names(name string, known []string) []string {
	var near []string
	nearest := maxTypos
	for _, k := range known {
		if name == "" || k == "" || max(len(name), len(k)) > maxName {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(k))
		if d > nearest || d >= len(name) {
			continue // as many edits as letters make any name of any other
		}
		if d < nearest {
			near, nearest = nil, d
		}
		near = append(near, k)
	}
	slices.Sort(near)
	return slices.Compact(near)
}

// distance is the number of bytes to insert, delete or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
