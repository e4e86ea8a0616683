package simulation

import "math/rand/v2"

// dice are a seed's decisions. All are made while the process under test
// waits, so that their order is the seed's too.
type dice struct{ *rand.Rand }

// newDice returns the seed's dice of one set: what one set decides does not
// change what another one does.
func newDice(seed, set uint64) *dice {
	return &dice{rand.New(rand.NewPCG(seed, 0x7265736964656e63+set))}
}

// below returns a number from 0 to below n.
func (d *dice) below(n int) int { return d.IntN(n) }

// between returns a number from a to b.
func (d *dice) between(a, b int) int { return a + d.IntN(b-a+1) }

// one tells whether something with this chance happens.
func (d *dice) one(chance float64) bool { return d.Float64() < chance }

func pick[T any](d *dice, of ...T) T { return of[d.IntN(len(of))] }
