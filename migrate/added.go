package migrate

import (
	"maps"
	"strings"
)

// addedClass begins the names under which storage classes are counted that a
// listing of the destination shows, and the source does not have.
const addedClass = "storage class "

// showed takes what a listing of the destination shows, in place of what one before it did.
func (r *Result) showed(f found) {
	maps.DeleteFunc(r.Added, func(name string, _ int64) bool { return strings.HasPrefix(name, addedClass) })
	for class, n := range f.shown.Classes {
		r.Added[addedClass+class] = n
	}
	r.Newer, r.Covered = f.shown.Newer, f.shown.Covered
	r.Problems.Append(f.problems)
}
