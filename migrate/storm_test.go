package migrate_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

// storm breaks one request in so many, in every way in turn.
type storm struct {
	mu     sync.Mutex
	random *rand.Rand
	share  float64
	counts map[string]int
}

func newStorm(t *testing.T, share float64) *storm {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &storm{random: rand.New(rand.NewPCG(seed, 0)), share: share, counts: map[string]int{}}
}

func (s *storm) fault(r storetest.Request) storetest.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.Float64() >= s.share {
		return storetest.Fault{}
	}
	kinds := []struct {
		name  string
		fault storetest.Fault
	}{
		{"500", storetest.Fault{Status: 500, Code: "InternalError"}},
		{"timed out", storetest.Fault{Status: 400, Code: "RequestTimeout"}},
		{"incomplete", storetest.Fault{Status: 400, Code: "IncompleteBody"}},
		{"at the same moment", storetest.Fault{Status: 409, Code: "OperationAborted"}},
		{"condition at the same moment", storetest.Fault{Status: 409, Code: "ConditionalRequestConflict"}},
		{"503", storetest.Fault{Status: 503, Code: "SlowDown"}},
		{"reset", storetest.Fault{Reset: true}},
		{"lost response", storetest.Fault{LostResponse: true}},
		{"truncated response", storetest.Fault{TruncateResponse: 1 + s.random.Int64N(50)}},
		{"truncated request", storetest.Fault{TruncateRequest: 1 + s.random.Int64N(50)}},
		{"flipped request", storetest.Fault{FlipRequestByte: 1 + s.random.Int64N(50)}},
		{"flipped response", storetest.Fault{FlipResponseByte: 1 + s.random.Int64N(50)}},
		{"late", storetest.Fault{Status: 403, Code: "RequestTimeTooSkewed"}},
		{"200 with an error", storetest.Fault{ErrorBody200: true, Code: "InternalError"}},
	}
	k := kinds[s.random.IntN(len(kinds))]
	if k.name == "flipped response" && r.Operation != "GetObject" || k.name == "200 with an error" &&
		r.Operation != "CompleteMultipartUpload" && r.Operation != "CopyObject" {
		return storetest.Fault{} // an answer whose fields nobody protects, or that no server gives
	}
	s.counts[k.name]++
	return k.fault
}

// A twentieth of all requests at both ends goes wrong: with as many runs as it
// takes the end is exact.
func TestStorm(t *testing.T) {
	f := newFixture(t, true)
	f.mixed()
	f.fill(300, 2000)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	s := newStorm(t, 0.05)
	f.from.SetFault(s.fault)
	f.to.SetFault(s.fault)
	runs := 0
	for {
		r, err := f.run(p)
		if runs++; err == nil {
			break
		}
		if errors.Is(err, migrate.ErrVerification) {
			t.Errorf("run %d: %v\n%s", runs, err, problems(r))
		}
		if runs == 25 {
			t.Fatalf("no end after %d runs: %v\n%s", runs, err, problems(r))
		}
		t.Logf("run %d: %v", runs, err)
	}
	t.Logf("%d runs, faults %v", runs, s.counts)
	f.from.SetFault(nil)
	f.to.SetFault(nil)
	f.moved(before)
}

// A destination that silently stores one object in a hundred differently: none
// of those is ever verified, and nothing is erased.
func TestSilentCorruption(t *testing.T) {
	f := newFixture(t, true)
	f.fill(400, 500)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	s := newStorm(t, 0)
	var spoiled sync.Map
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Operation != "PutObject" || strings.HasPrefix(r.Key, ".residency") || s.random.IntN(100) > 0 && r.N != 50 {
			return storetest.Fault{}
		}
		spoiled.Store(r.Key, true)
		at := s.random.IntN(500)
		return storetest.Fault{Resign: true, ReplaceRequestBody: func(b []byte) []byte { b[at] ^= 1; return b }}
	})
	r, err := f.run(p)
	n := 0
	spoiled.Range(func(any, any) bool { n++; return true })
	if !errors.Is(err, migrate.ErrVerification) || r.Verdicts["mismatch"]+r.Verdicts["unverifiable"] != int64(n) {
		t.Errorf("%d objects spoiled; run: %v\n%s", n, err, problems(r))
	}
	for _, p := range r.Problems {
		if _, ok := spoiled.Load(string(p.Key)); !ok {
			t.Errorf("%q is no spoiled object: %s", p.Key, p.Reason)
		}
	}
	f.intact(before)
}
