package plan

import (
	"testing"

	"github.com/residency/residency/migrate/receipt"
)

// TestPassed counts an entry as streamed unless it is known that it was not.
func TestPassed(t *testing.T) {
	for _, tt := range []struct {
		way  string
		r    receipt.Receipt
		want bool
	}{
		{Streamed, receipt.Receipt{}, true}, {Streamed, receipt.Receipt{Within: true}, true},
		{ServerSide, receipt.Receipt{}, false}, {Mixed, receipt.Receipt{}, true}, {Mixed, receipt.Receipt{Within: true}, false},
		{Mixed, receipt.Receipt{Marker: true}, false}, {Mixed, receipt.Receipt{Verdict: receipt.Failed}, true},
	} {
		if got := Passed(tt.way, &tt.r); got != tt.want {
			t.Errorf("%s, %+v: %t", tt.way, tt.r, got)
		}
	}
}

// TestStreams has a machine be asked where it stands as soon as bytes may pass through it.
func TestStreams(t *testing.T) {
	for _, tt := range []struct {
		m               Move
		streams, passes bool
	}{
		{Move{Way: ServerSide, Totals: Totals{Versions: 1}}, false, false},
		{Move{Way: Streamed, Totals: Totals{Versions: 1}}, true, true}, {Move{Way: Streamed}, false, false},
		{Move{Way: Mixed, Totals: Totals{Versions: 1}}, true, false}, {Move{Way: Mixed}, false, false},
		{Move{Way: Mixed, Totals: Totals{Versions: 2}, Through: Through{Versions: 1}}, true, true},
	} {
		p := &Plan{Moves: []Move{{Way: ServerSide}, tt.m}}
		if p.Streams() != tt.streams || p.Passes() != tt.passes {
			t.Errorf("%+v: %t, %t", tt.m, p.Streams(), p.Passes())
		}
	}
}
