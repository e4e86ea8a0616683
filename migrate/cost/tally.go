package cost

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Tally counts the entries of a move as far as they are charged. It does not grow with their
// number.
type Tally struct {
	Entries int64   `json:"entries"`
	Markers int64   `json:"delete_markers"`
	Classes []Class `json:"classes"` // by name
}

// Class counts the versions of one storage class.
type Class struct {
	Class     string `json:"class"`
	Versions  int64  `json:"versions"`
	Bytes     int64  `json:"bytes"`
	Billed    int64  `json:"billed_bytes"` // small versions are charged as larger ones
	Multipart int64  `json:"multipart"`    // versions that were sent in parts
	Parts     int64  `json:"parts"`        // of those
	// MultipartBytes are of versions in parts; Large of all that are too large to be sure to be held.
	MultipartBytes int64 `json:"multipart_bytes,omitempty"`
	Large          int64 `json:"large_bytes,omitempty"`
	// Early are the KiB of each version times the days for which it is still charged
	// when it is erased.
	Early int64 `json:"early_kib_days"`
}

const (
	// mostClasses is how many names of classes are told apart: a server can make up any.
	mostClasses = 16
	// OtherClasses has the place of all others.
	OtherClasses = "(others)"
)

// held is how many bytes of an object, or of a part, are held in memory in any case.
const held = 16 << 20

// Entry is what is charged of one.
type Entry struct {
	Marker   bool
	Class    string // empty: STANDARD
	Size     int64
	Parts    int // 0: sent in one piece
	Modified time.Time
}

// Add counts an entry that would be erased at a time.
func (t *Tally) Add(e Entry, at time.Time) {
	t.Entries++
	if e.Marker {
		t.Markers++
		return
	}
	c, is := t.class(objectstore.ClassName(e.Class)), objectstore.ClassOf(e.Class)
	c.Versions++
	c.Bytes = add(c.Bytes, e.Size)
	billed := max(e.Size, is.MinimumBytes)
	c.Billed = add(c.Billed, billed)
	if e.Parts > 0 {
		c.Multipart++
		c.Parts = add(c.Parts, int64(e.Parts))
		c.MultipartBytes = add(c.MultipartBytes, e.Size)
	}
	if e.Size > held {
		c.Large = add(c.Large, e.Size)
	}
	if is.MinimumDays == 0 {
		return
	}
	const day = 24 * time.Hour
	left := e.Modified.AddDate(0, 0, is.MinimumDays).Sub(at)
	if days := int64((left + day - 1) / day); left > 0 {
		c.Early = add(c.Early, times((billed+is.OverheadBytes)/1024, min(days, int64(is.MinimumDays))))
	}
}

// class finds the count of a class; of one too many, that of all others.
func (t *Tally) class(name string) *Class {
	byName := func(c Class, name string) int { return cmp.Compare(c.Class, name) }
	i, found := slices.BinarySearchFunc(t.Classes, name, byName)
	if !found && len(t.Classes) >= mostClasses {
		name = OtherClasses
		i, found = slices.BinarySearchFunc(t.Classes, name, byName)
	}
	if !found {
		t.Classes = slices.Insert(t.Classes, i, Class{Class: name})
	}
	return &t.Classes[i]
}

// add adds numbers that servers say, as far as a number goes.
func add(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func times(a, b int64) int64 {
	if a > 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}
