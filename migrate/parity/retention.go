package parity

import (
	"encoding/json"
	"fmt"
)

// Retention is what an object lock setting gives to every new version. Its zero
// value is nothing.
type Retention struct {
	Mode  string // GOVERNANCE or COMPLIANCE
	Days  int
	Years int
	// EventHold keeps new versions until somebody releases each, and for so long after.
	EventHold EventHold `json:"DefaultEventHold"`
}

// EventHold is how long versions are kept after they are released; zero: no such hold.
type EventHold struct{ Days, Years int }

// String says it as it follows "under".
func (r Retention) String() string {
	if r.EventHold != (EventHold{}) {
		hold := "an event hold"
		if r.Mode == "" {
			return hold
		}
		return Retention{Mode: r.Mode, Days: r.Days, Years: r.Years}.String() + " and " + hold
	}
	if r.Years > 0 {
		return fmt.Sprintf("%s retention for %d years", r.Mode, r.Years)
	}
	return fmt.Sprintf("%s retention for %d days", r.Mode, r.Days)
}

// ParseRetention reads the object lock setting.
func ParseRetention(value []byte) (Retention, error) {
	var lock struct {
		Rule *struct {
			DefaultRetention *Retention
		}
	}
	if err := json.Unmarshal(value, &lock); err != nil {
		return Retention{}, fmt.Errorf("decode object lock: %w", err)
	}
	if lock.Rule == nil || lock.Rule.DefaultRetention == nil {
		return Retention{}, nil
	}
	return *lock.Rule.DefaultRetention, nil
}
