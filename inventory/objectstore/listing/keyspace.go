package listing

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/residency/residency/inventory/objectstore"
)

// keyspace learns which characters keys are made of, place by place, and reads
// keys as numbers in that notation, so that a key between two others or as far
// beyond one as another lies behind can be guessed. What it proposes consists
// of characters that any server takes in a request: guesses are markers.
//
// Halving each range by its bytes is simpler and was tried in its place, with
// the same check of the seams. Over the ten shapes of keys of TestSpeed, 1,000
// pages at 50 ms each: 11.5 to 25 times faster than one by one, with 1,045 to
// 1,486 requests, as it is; 1.0 to 16.4 times, with 1,000 to 2,378 requests, by
// midpoints; 1.0 to 18.5 times, with up to 2,422, with this arithmetic over
// printable ASCII and nothing learned.
type keyspace struct {
	prefix string
	seen   [places][]rune // by place behind the prefix, ascending
	last   [places]rune   // seen last in the page at hand
	turns  [places]int    // how often another followed in one page
	varied []rune         // all of those places where more than one was seen
}

const (
	places     = 96  // characters behind the prefix that are looked at
	symbols    = 128 // kept of one place
	sampled    = 31  // every so many keys of a page are looked at
	settling   = 4   // turns for each character after which a place has shown all of them
	longestKey = 1024
)

// plain tells whether a character can stand in any request and in XML.
func plain(r rune) bool {
	return r >= ' ' && r != 0x7f && r != utf8.RuneError && r < 0xfdd0 || r >= 0x10000 && r < 0x10fffe
}

// learn looks at some keys of a page.
func (k *keyspace) learn(entries []objectstore.Version) {
	k.last = [places]rune{}
	for i := 0; i < len(entries); i += sampled {
		place := 0
		for _, r := range strings.TrimPrefix(entries[i].Key, k.prefix) {
			if place == places || !plain(r) {
				break
			}
			k.add(place, r)
			place++
		}
	}
}

func (k *keyspace) add(place int, r rune) {
	if k.last[place] != 0 && r != k.last[place] {
		k.turns[place]++
	}
	k.last[place] = r
	at, found := slices.BinarySearch(k.seen[place], r)
	if found || len(k.seen[place]) == symbols {
		return
	}
	k.seen[place] = slices.Insert(k.seen[place], at, r)
	if len(k.seen[place]) < 2 {
		return
	}
	for _, r := range k.seen[place] {
		if at, found := slices.BinarySearch(k.varied, r); !found && len(k.varied) < symbols {
			k.varied = slices.Insert(k.varied, at, r)
		}
	}
}

// alphabet returns the characters of a place. Where few were seen so far, the
// others of the same kind may be any that vary elsewhere.
func (k *keyspace) alphabet(place int) []rune {
	if place >= places || len(k.seen[place]) == 0 {
		return k.varied
	}
	if n := len(k.seen[place]); n > 1 && k.turns[place] > settling*n {
		return k.seen[place]
	}
	all := slices.Clone(k.seen[place])
	for _, r := range k.varied {
		if slices.ContainsFunc(k.seen[place], func(o rune) bool { return class(o) == class(r) }) {
			all = append(all, r)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// class tells digits, small letters, capitals and others of one block apart.
func class(r rune) rune {
	switch {
	case '0' <= r && r <= '9':
		return '0'
	case 'a' <= r && r <= 'z':
		return 'a'
	case 'A' <= r && r <= 'Z':
		return 'A'
	case r < 0x80:
		return r
	}
	return r | 0xff
}

// ruler reads keys as numbers between 0 and 1, beginning at one place; all have
// the same characters before it.
type ruler struct {
	alphabets [][]rune
	common    string
}

// finest is the weight at which places no longer count.
const finest = 1e-14

// ruler returns one that begins room places before a and b part.
func (k *keyspace) ruler(a, b string, room int) ruler {
	if !strings.HasPrefix(a, k.prefix) {
		return ruler{common: k.prefix} // a is the place before all keys
	}
	starts := make([]int, 0, places) // of characters, in bytes
	rest := a[len(k.prefix):]
	for i, r := range rest {
		if len(starts) == longestKey || !plain(r) {
			break
		}
		if at := len(k.prefix) + i; len(b) < at || a[:at] != b[:at] {
			break
		}
		starts = append(starts, len(k.prefix)+i)
	}
	if len(starts) == 0 {
		return ruler{common: k.prefix}
	}
	place := max(0, len(starts)-1-room)
	return ruler{common: a[:starts[place]], alphabets: k.alphabets(place)}
}

func (k *keyspace) alphabets(place int) [][]rune {
	var out [][]rune
	for weight := 1.0; weight > finest && len(out) < 40; place++ {
		a := k.alphabet(place)
		out = append(out, a)
		if len(a) > 1 { // a place where all are alike counts for nothing
			weight /= float64(len(a) + 1)
		}
	}
	return out
}

// read returns the number of a key. The end of a key is the smallest digit.
func (r ruler) read(key string) float64 {
	value, weight := 0.0, 1.0
	rest := key[min(len(key), len(r.common)):]
	for _, alphabet := range r.alphabets {
		if rest == "" {
			break
		}
		c, n := utf8.DecodeRuneInString(rest)
		rest = rest[n:]
		at, found := slices.BinarySearch(alphabet, c)
		if found {
			at++
		}
		if len(alphabet) == 1 {
			if at == 1 && found {
				continue
			}
			return value + float64(at)*weight // before, or behind, all that go on like the others
		}
		weight /= float64(len(alphabet) + 1)
		value += float64(at) * weight
	}
	return value
}

// write returns a key for a number, as exact as the width asks for.
func (r ruler) write(value, width float64) string {
	var out strings.Builder
	out.WriteString(r.common)
	weight := 1.0
	for _, alphabet := range r.alphabets {
		if len(alphabet) == 1 {
			out.WriteRune(alphabet[0])
			continue
		}
		value *= float64(len(alphabet) + 1)
		weight /= float64(len(alphabet) + 1)
		at := min(int(value), len(alphabet))
		value -= float64(at)
		if at == 0 {
			break
		}
		out.WriteRune(alphabet[at-1])
		if weight < width/64 {
			break
		}
	}
	return out.String()
}

// beyond guesses the key that lies factor times as far behind b as b lies
// behind a.
func (k *keyspace) beyond(a, b string, factor float64) (string, bool) {
	for _, room := range []int{2, 6, places} {
		r := k.ruler(b, a, room)
		low, high := r.read(a), r.read(b)
		target := high + factor*(high-low)
		if high <= low || target >= 1 {
			continue
		}
		guess := r.write(target, factor*(high-low))
		return guess, guess > b && len(guess) <= longestKey
	}
	return "", false
}

// between guesses the key that lies at a part of the way from low to high.
func (k *keyspace) between(low, high string, part float64) (string, bool) {
	r := k.ruler(high, low, 0)
	a, b := r.read(low), r.read(high)
	guess := r.write(a+part*(b-a), part*(b-a))
	return guess, low < guess && guess < high && len(guess) <= longestKey
}

// share tells which part of the way from low to high position has come.
func (k *keyspace) share(low, position, high string) float64 {
	r := k.ruler(high, low, 0)
	a, b := r.read(low), r.read(high)
	if b <= a {
		return 1
	}
	return min(1, max(0, (r.read(position)-a)/(b-a)))
}
