package migrate

import "testing"

// What a listing does not show is known at once, and what is asked about later: of a
// history the earliest counts, in whatever order they come.
func TestDoubtsBeginWithTheEarliest(t *testing.T) {
	var d doubts
	for _, place := range []int{2, 1, 3} {
		d.add(0, "key", place)
	}
	d.add(-1, "other", 0) // of no segment
	if got := d[0].from["key"]; got != 1 || len(d) != 1 || len(d[0].from) != 1 {
		t.Errorf("from %d of %+v, want 1", got, d[0])
	}
}
