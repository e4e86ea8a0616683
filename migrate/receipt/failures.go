package receipt

import "slices"

// Failures counts entries that failed, by why they did. It has no key.
type Failures struct {
	Entries int64        `json:"entries"`
	Lasting int64        `json:"lasting"` // of them: a further run meets the same
	Causes  []CauseCount `json:"causes,omitempty"`
}

// CauseCount is how many entries failed for one cause.
type CauseCount struct {
	Cause
	Entries int64 `json:"entries"`
}

// Add counts one entry; c is nil where its cause is not said.
func (f *Failures) Add(lasting bool, c *Cause) {
	f.Entries++
	if lasting {
		f.Lasting++
	}
	if c != nil {
		f.count(*c, 1)
	}
}

// Merge adds what was counted apart.
func (f *Failures) Merge(other Failures) {
	f.Entries += other.Entries
	f.Lasting += other.Lasting
	for _, c := range other.Causes {
		f.count(c.Cause, c.Entries)
	}
}

func (f *Failures) count(c Cause, n int64) {
	i := slices.IndexFunc(f.Causes, func(known CauseCount) bool { return known.Cause == c })
	if i < 0 {
		i = len(f.Causes)
		f.Causes = append(slices.Clip(f.Causes), CauseCount{Cause: c})
	}
	f.Causes[i].Entries += n
}
