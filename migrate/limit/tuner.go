// Package limit bounds how much is under way at once, as services bear it: a [Pool] for what
// is copied, a [Brake] for requests that delete, and the [Tuner] that finds a pool its size.
package limit

import "time"

// Tuner finds the number of workers that is worth having: it doubles as long
// as twice the workers bring clearly more, then tries a few more now and then
// and keeps them if they help. Told to slow down, it halves. It is a pure
// calculation: what happened and when is told to it. Its methods must not be
// called concurrently.
type Tuner struct {
	least, most int
	limit       int

	phase    tunerPhase
	before   int     // the limit to go back to if the trial under way does not help
	rate     float64 // what before brought
	idle     int     // epochs until the next trial
	patience int     // epochs between trials; grows while they do not help

	// The epoch under way. Its first events, of requests that began under the
	// limit before, are not counted.
	settling int
	begun    time.Time
	events   int
	work     float64
}

type tunerPhase int

const (
	doubling tunerPhase = iota
	steady
	trial
)

const (
	epoch       = 300 * time.Millisecond // the least that a measurement takes
	worthTwice  = 1.1                    // what doubling must bring
	worthMore   = 1.03                   // what a trial must bring
	perWorker   = 4                      // events of an epoch, and before it; an object makes one or two
	minPatience = 4                      // epochs
	maxPatience = 32
	// bytesOfWork is how many bytes count as much as one more request.
	bytesOfWork = 256 << 10
)

// NewTuner begins with so many workers and stays between two bounds.
func NewTuner(least, begin, most int) *Tuner {
	t := &Tuner{least: max(least, 1), most: most, limit: begin, before: begin, patience: minPatience}
	t.settle()
	return t
}

// Limit is how many workers there should be.
func (t *Tuner) Limit() int { return t.limit }

// Arrived tells of a body, or of an entry without one, that is done.
func (t *Tuner) Arrived(now time.Time, bytes int64) {
	if t.settling > 0 {
		t.settling--
		t.begun = now
		return
	}
	if t.begun.IsZero() {
		t.begun = now
		return
	}
	t.events++
	t.work += 1 + float64(bytes)/bytesOfWork
	if took := now.Sub(t.begun); took >= epoch && t.events >= perWorker*t.limit {
		t.measured(t.work / took.Seconds())
	}
}

// Throttled tells that the service asked to slow down while so many workers were
// allowed. What it answers to the requests of one moment counts once.
func (t *Tuner) Throttled(allowed int) {
	if t.settling > 0 && t.phase == steady {
		return
	}
	t.phase, t.rate = steady, 0
	t.move(max(min(t.limit, allowed)/2, t.least))
	t.patience = minPatience
	t.idle = t.patience
}

// measured ends an epoch in which so much work was done per second.
func (t *Tuner) measured(rate float64) {
	switch t.phase {
	case doubling:
		switch {
		case rate < worthTwice*t.rate:
			t.phase, t.idle = steady, t.patience
			t.move(t.before)
			return
		case t.limit == t.most:
			t.phase, t.idle = steady, t.patience
		default:
			t.before, t.rate = t.limit, rate
			t.move(min(2*t.limit, t.most))
			return
		}
	case trial:
		if rate < worthMore*t.rate {
			t.patience = min(2*t.patience, maxPatience)
			t.phase, t.idle = steady, t.patience
			t.move(t.before)
			return
		}
		t.patience = minPatience
		t.phase, t.idle = steady, 1
	case steady:
		if t.idle--; t.idle <= 0 && t.limit < t.most {
			t.phase, t.before, t.rate = trial, t.limit, rate
			t.move(min(t.limit+max(t.limit/4, 1), t.most))
			return
		}
	}
	t.measure()
}

// move sets another limit and lets it settle.
func (t *Tuner) move(limit int) {
	t.limit = limit
	t.settle()
}

func (t *Tuner) settle() {
	t.measure()
	t.settling = perWorker * t.limit // new workers open connections first
}

func (t *Tuner) measure() { t.events, t.work, t.begun = 0, 0, time.Time{} }
