package simulation

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// scheduler holds back all requests of the process under test and lets one go
// at a time, chosen by the seed's dice: the order of events is the seed's, not
// the machine's.
type scheduler struct {
	// settle returns when no goroutine of the process can go on by itself.
	settle func()

	mu      sync.Mutex
	waiting []*request
	arrived chan struct{} // has room for one
}

// request is one thing that the process asks of the world.
type request struct {
	kind  kind
	name  string // as the trace shows it
	state bool   // it is about the state's own bucket
	fault fault
	turn  chan struct{}
}

func newScheduler(settle func()) *scheduler {
	return &scheduler{settle: settle, arrived: make(chan struct{}, 1)}
}

// wait returns when it is the request's turn.
func (s *scheduler) wait(r *request) {
	r.turn = make(chan struct{})
	s.mu.Lock()
	s.waiting = append(s.waiting, r)
	s.mu.Unlock()
	select {
	case s.arrived <- struct{}{}:
	default:
	}
	<-r.turn
}

// patience is how long the process may stand still without asking for anything.
const patience = 24 * time.Hour

// drive lets requests go until done is closed; step is called before each, and
// ends the drive by returning false. It returns false if it was ended so, or if
// the process stands still for good.
func (s *scheduler) drive(done <-chan struct{}, d *dice, step func(*request) bool) bool {
	for {
		s.settle()
		select {
		case <-done:
			return true
		default:
		}
		r := s.pick(d)
		if r == nil {
			idle := time.NewTimer(patience)
			select {
			case <-done:
			case <-s.arrived:
			case <-idle.C:
				return false
			}
			idle.Stop()
			continue
		}
		ok := step(r)
		close(r.turn)
		if !ok {
			return false
		}
	}
}

// pick takes one of the waiting requests. They came in any order: their names
// put them into one.
func (s *scheduler) pick(d *dice) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return nil
	}
	i := 0
	if len(s.waiting) > 1 {
		slices.SortStableFunc(s.waiting, func(a, b *request) int { return cmp.Compare(a.name, b.name) })
		i = d.below(len(s.waiting))
	}
	r := s.waiting[i]
	s.waiting = slices.Delete(s.waiting, i, i+1)
	return r
}
