package objectstore_test

import (
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

type end string

func (e end) Endpoint() string { return string(e) }

// account copies by itself from every account of its service, although each has an
// address of its own.
type account struct{ end }

func (account) CanCopyFrom(source objectstore.End) bool { _, ok := source.(account); return ok }

func TestCanCopy(t *testing.T) {
	for _, tt := range []struct {
		source, destination objectstore.End
		want                bool
	}{
		{end("one"), end("one"), true}, {end("one"), end("other"), false},
		{account{"one"}, account{"other"}, true}, {end("one"), account{"one"}, false}, {account{"one"}, end("other"), false},
	} {
		if got := objectstore.CanCopy(tt.source, tt.destination); got != tt.want {
			t.Errorf("from %v to %v: %t, want %t", tt.source, tt.destination, got, tt.want)
		}
	}
}
