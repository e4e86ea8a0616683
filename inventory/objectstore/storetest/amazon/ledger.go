package amazon

import (
	"maps"
	"slices"
	"strings"
)

// ledger is what was evaluated of one user's permissions.
type ledger struct{ used, denied, hidden map[string]bool }

func newLedger() *ledger { return &ledger{map[string]bool{}, map[string]bool{}, map[string]bool{}} }

// Used returns the actions that a user needed and was allowed, sorted.
func (s *Server) Used(user string) []string {
	var actions []string
	for _, used := range s.UsedOn(user) {
		action, _, _ := strings.Cut(used, " ")
		actions = append(actions, action)
	}
	return slices.Compact(actions)
}

// UsedOn is Used with what each action was needed on, as Denied has it.
func (s *Server) UsedOn(user string) []string {
	return s.read(user, func(l *ledger) map[string]bool { return l.used })
}

// Denied returns the actions, each with its resource, for whose lack a request of a
// user was refused, sorted.
func (s *Server) Denied(user string) []string {
	return s.read(user, func(l *ledger) map[string]bool { return l.denied })
}

// Hidden returns the actions, each with its resource, for whose lack an answer to a
// user left something out without a word, sorted.
func (s *Server) Hidden(user string) []string {
	return s.read(user, func(l *ledger) map[string]bool { return l.hidden })
}

func (s *Server) read(user string, part func(*ledger) map[string]bool) []string {
	s.named(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(part(s.ledger[user])))
}

// Forget empties what was noted of all users' permissions, of hosts, operations and
// rules.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.ledger {
		s.ledger[name] = newLedger()
	}
	clear(s.counts)
	clear(s.rules)
	s.tunnels.forget()
}

// SetPolicy gives a user another identity policy.
func (s *Server) SetPolicy(user, text string) error {
	if _, err := parsePolicy(text); err != nil {
		return err
	}
	s.named(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, u := range s.users {
		if u.Name == user {
			changed := *u
			changed.Policy = text
			s.users[i] = &changed
		}
	}
	return nil
}

func (s *Server) note(user string, part func(*ledger) map[string]bool, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	part(s.ledger[user])[what] = true
}
