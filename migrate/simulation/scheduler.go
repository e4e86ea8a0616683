package simulation

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// scheduler holds back all requests of the processes under test and lets one go
// at a time, chosen by the seed's dice: the order of events is the seed's, not
// the machine's.
type scheduler struct {
	// settle returns when no goroutine of a process can go on by itself.
	settle func()
	// before is called, when all is settled, before each choice.
	before func()

	mu      sync.Mutex
	waiting []*request
	arrived chan struct{} // has room for one
}

// request is one thing that the process asks of the world.
type request struct {
	process *process
	kind    kind
	name    string // as the trace shows it
	bucket  string // that it is about
	fault   fault
	turn    chan struct{}
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
	s.nudge()
	<-r.turn
}

// tick returns a channel that receives when it is the request's turn, unless its
// process is over before.
func (s *scheduler) tick(r *request) <-chan time.Time {
	c := make(chan time.Time, 1)
	r.turn = make(chan struct{})
	s.mu.Lock()
	s.waiting = append(s.waiting, r)
	s.mu.Unlock()
	s.nudge()
	go func() {
		select {
		case <-r.turn:
			c <- time.Now()
		case <-r.process.over:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.waiting = slices.DeleteFunc(s.waiting, func(x *request) bool { return x == r })
		}
	}()
	return c
}

// nudge makes an idle drive look again.
func (s *scheduler) nudge() {
	select {
	case s.arrived <- struct{}{}:
	default:
	}
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
		s.before()
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

// pick takes one of the waiting requests, but for those of a process that is
// frozen. They came in any order: their names put them into one.
func (s *scheduler) pick(d *dice) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var able []*request
	for _, r := range s.waiting {
		if !r.process.frozen {
			able = append(able, r)
		}
	}
	if len(able) == 0 {
		return nil
	}
	i := 0
	if len(able) > 1 {
		slices.SortStableFunc(able, func(a, b *request) int {
			return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.process.number, b.process.number))
		})
		i = d.below(len(able))
	}
	r := able[i]
	s.waiting = slices.DeleteFunc(s.waiting, func(x *request) bool { return x == r })
	return r
}
