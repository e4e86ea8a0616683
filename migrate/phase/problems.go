package phase

import (
	"github.com/residency/residency/migrate/manifest"
)

// Problem is one entry that needs somebody's eyes.
type Problem struct {
	Location  string       `json:"location"`
	Key       manifest.Key `json:"key"`
	VersionID string       `json:"version_id"`
	What      string       `json:"what"`
	Reason    string       `json:"reason"`
}

// Problems are the first entries that need somebody's eyes.
type Problems []Problem

// MaxProblems is how many are named.
const MaxProblems = 20

// Add names one more, if there are not enough.
func (p *Problems) Add(x Problem) {
	if len(*p) < MaxProblems {
		*p = append(*p, x)
	}
}

// Append names more, as far as there are not enough.
func (p *Problems) Append(more Problems) {
	for _, x := range more {
		p.Add(x)
	}
}
