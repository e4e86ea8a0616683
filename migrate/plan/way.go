package plan

import "github.com/residency/residency/migrate/receipt"

// Ways in which bytes travel.
const (
	Streamed   = "streamed"    // through the machine that runs this program
	ServerSide = "server-side" // within the service
	Mixed      = "mixed"       // within the service where that copies by itself, else streamed
)

// Passed tells whether bytes of an entry that went a way passed through a machine that runs this
// program, as far as its receipt does not say that they did not.
func Passed(way string, r *receipt.Receipt) bool {
	return way == Streamed || way == Mixed && !r.Marker && !r.Within
}

// Through counts versions whose bytes pass through a machine.
type Through struct {
	Versions int64 `json:"versions"`
	Bytes    int64 `json:"bytes"`
}
