package simulation

import (
	"errors"
	"net/http"

	"github.com/residency/residency/inventory/objectstore"
)

// kind is what sort of request one is: it says what can go wrong with it.
type kind int

const (
	kindRead    kind = iota // of a body
	kindLook                // of anything else about an object or a bucket
	kindPage                // of a listing
	kindUploads             // a listing of uploads
	kindWrite               // of a body
	kindCopy                // within the service
	kindChange              // without a body, at the destination
	kindDelete              // of several versions
	kindErase               // of one version, on a condition
	kindDisk
	kindQueue // nothing is asked for yet
)

// fault is what goes wrong with one request.
type fault int

const (
	none       fault = iota
	refused          // an error before the deed
	slowDown         // the service asks for time
	lost             // done, but no answer comes
	truncated        // the body ends early
	flipped          // a byte of the body changes on its way
	notDone          // acknowledged, but not done
	stripped         // stored without its attributes and tags
	keyErrors        // some keys of a deletion fail
	disordered       // a page's entries change places
	hole             // a page lacks an entry
	looping          // the pages of a listing come again and again
	undeleted        // a deletion at the source, acknowledged and not done, or in part
	crashBefore
	crashAfter
	interrupted // the process is asked to stop
)

func (f fault) String() string {
	return [...]string{"none", "error before", "slow down", "answer lost", "truncated", "byte flipped",
		"acknowledged, not done", "attributes lost", "errors of keys",
		"out of order", "hole", "pages come again", "deletion acknowledged, not done", "CRASH before", "CRASH after",
		"interrupted"}[f]
}

// possible lists what can go wrong with a kind of request.
func possible(k kind) []fault {
	switch k {
	case kindRead:
		return []fault{refused, slowDown, truncated, flipped}
	case kindPage:
		return []fault{refused, slowDown, refused, disordered, hole, looping}
	case kindUploads:
		return []fault{refused, slowDown, looping}
	case kindWrite:
		return []fault{refused, slowDown, lost, lost, truncated, flipped, flipped, flipped, notDone, stripped}
	case kindCopy:
		return []fault{refused, slowDown, lost, lost, notDone}
	case kindChange:
		return []fault{refused, slowDown, lost}
	case kindDelete:
		return []fault{refused, slowDown, lost, notDone, notDone, notDone, keyErrors, keyErrors}
	case kindErase:
		return []fault{refused, slowDown, lost, notDone, notDone, notDone}
	case kindLook:
		return []fault{refused, slowDown}
	}
	return []fault{refused}
}

// heals tells whether nothing is left of a fault once it is over: services that
// lie leave something that needs a human.
func (f fault) heals() bool {
	return f != notDone && f != stripped && f != hole && f != flipped
}

var (
	errReset = errors.New("connection reset by the simulation")
	errDead  = errors.New("this process has ended")
	errDisk  = errors.New("no space left on the simulated disk")
)

func throttled(op string) error {
	return &objectstore.Error{Op: op, Bucket: "simulation", Code: "SlowDown", Status: http.StatusServiceUnavailable,
		Kind: objectstore.ErrThrottled}
}

func internal(op string) error {
	return &objectstore.Error{Op: op, Bucket: "simulation", Code: "InternalError", Status: http.StatusInternalServerError,
		Kind: objectstore.ErrPassing}
}
