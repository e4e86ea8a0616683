//go:build unix

package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// rhythm is when runs are killed: after a time between two, and so many times at
// most; and the answers to so many batches of deletions that are held while the
// run that waits for them is killed.
type rhythm struct {
	least, most time.Duration
	kills, held int
	seeds, busy int
}

// readRhythm reads RESIDENCY_RHYTHM, such as 50ms-2s, and what goes with it.
func readRhythm(t *testing.T) (r rhythm, all bool) {
	t.Helper()
	r = rhythm{least: 100 * time.Millisecond, most: 1500 * time.Millisecond, kills: 3, held: 1, seeds: 1}
	text := os.Getenv("RESIDENCY_RHYTHM")
	if text == "" {
		return r, false
	}
	least, most, ok := strings.Cut(text, "-")
	var errLeast, errMost error
	r.least, errLeast = time.ParseDuration(least)
	r.most, errMost = time.ParseDuration(most)
	if !ok || errLeast != nil || errMost != nil || r.least < 0 || r.most < r.least {
		t.Fatalf("RESIDENCY_RHYTHM is %q, want two durations such as 50ms-2s", text)
	}
	r.kills, r.held, r.seeds = 30, 3, 3
	for name, into := range map[string]*int{"RESIDENCY_SEEDS": &r.seeds, "RESIDENCY_BUSY": &r.busy} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			*into = n
		}
	}
	return r, true
}

const (
	rhythmFrom    = "rhythm-source"
	rhythmTo      = rhythmFrom + "-eu-west-1"
	rhythmWorkers = 16
	// rhythmLoss is what a kill may cost: a second, and what it takes to write
	// down what it brought.
	rhythmLoss = 1250 * time.Millisecond
)

// TestKillRhythm kills migrations by the clock, whatever they are doing, and while
// the answer to a deletion is held, until they have ended. The end is exact, in
// order, and a kill costs no more than the last second's work. RESIDENCY_RHYTHM
// widens it to all servers, both homes, and more seeds.
func TestKillRhythm(t *testing.T) {
	r, all := readRhythm(t)
	starts := map[string]func(t *testing.T) *storetest.Sandbox{"versitygw": func(t *testing.T) *storetest.Sandbox {
		return storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{"us-east-1", "eu-west-1"}})
	}}
	homes := []string{"directory"}
	if all {
		starts["minio"] = func(t *testing.T) *storetest.Sandbox { return storetest.StartMinIO(t, "us-east-1", "eu-west-1") }
		homes = append(homes, "bucket")
	}
	r.load(t)
	for kind, start := range starts {
		for _, home := range homes {
			for range r.seeds {
				seed := rand.Uint64()
				t.Run(fmt.Sprintf("%s, state in a %s, seed %d", kind, home, seed), func(t *testing.T) {
					newRhythmRun(t, start(t), home).kill(r, rand.New(rand.NewPCG(seed, 0)))
				})
			}
		}
	}
}

// load keeps cores busy until the test ends.
func (r rhythm) load(t *testing.T) {
	var loops sync.WaitGroup
	for range r.busy {
		loops.Go(func() {
			for n := 0; t.Context().Err() == nil; n++ {
				runtime.KeepAlive(n)
			}
		})
	}
	t.Cleanup(loops.Wait)
}

// rhythmRun is a migration that is killed by the clock.
type rhythmRun struct {
	*mortal
	mu     sync.Mutex
	work   []time.Time // when this run wrote, or looked at, a copy
	all    int         // of all runs
	held   int         // answers that are still to be held
	kills  chan struct{}
	leases chan struct{} // the run has its lease
}

func newRhythmRun(t *testing.T, box *storetest.Sandbox, home string) *rhythmRun {
	t.Helper()
	m := &mortal{t: t, dir: t.TempDir(), binary: program.path(t), box: box, signal: os.Kill}
	m.state = filepath.Join(m.dir, "state")
	if home == "bucket" {
		m.bucketState()
		m.env = []string{"RESIDENCY_LEASE_TERM=3s"}
	}
	x := &rhythmRun{mortal: m, kills: make(chan struct{}, 1), leases: make(chan struct{}, 1)}
	from, to := box.Proxy(t, "us-east-1"), box.Proxy(t, "eu-west-1")
	for _, p := range []*storetest.Proxy{from, to} {
		p.SetFault(x.see)
	}
	m.proxies = []*storetest.Proxy{from, to}
	m.config = filepath.Join(m.dir, "residency.yaml")
	text := fmt.Sprintf(`version: 1
providers:
  cloud:
    type: s3
    profile: sandbox
    operator: {name: Example Cloud, country: US}
    regions:
      us-east-1: {endpoint: "%s"}
      eu-west-1: {endpoint: "%s"}
policy:
  allowed: [EU]
customers:
  acme:
    data: ["cloud:%s"]
`, from.URL(), to.URL(), rhythmFrom)
	if err := os.WriteFile(m.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return x
}

// fill puts plain objects, histories, and some that begin before versioning.
func (x *rhythmRun) fill() {
	x.t.Helper()
	client, ctx := x.box.Client("us-east-1"), x.t.Context()
	must := func(_ any, err error) {
		x.t.Helper()
		if err != nil {
			x.t.Fatal(err)
		}
	}
	put := func(key string, n int) {
		x.t.Helper()
		must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(rhythmFrom), Key: &key,
			Body: strings.NewReader(strings.Repeat(key, 1+n)), ContentType: aws.String("text/plain")}))
	}
	must(client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(rhythmFrom)}))
	for i := range 20 {
		put(fmt.Sprintf("before-versioning/%02d", i), 0)
	}
	must(client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String(rhythmFrom),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	for i := range 20 {
		put(fmt.Sprintf("before-versioning/%02d", i), 1)
	}
	for i := range 50 {
		key := fmt.Sprintf("history/%02d", i)
		for n, c := range "vvmv"[:1+i%4] {
			if c == 'm' {
				must(client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(rhythmFrom), Key: &key}))
			} else {
				put(key, n)
			}
		}
	}
	for i := range 300 {
		put(fmt.Sprintf("plain/%03d", i), 200)
	}
}

// see counts what is work, and has the process killed while an answer is held.
func (x *rhythmRun) see(r storetest.Request) storetest.Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	own := strings.HasPrefix(r.Key, ".residency")
	if r.Operation == "PutObject" && r.Bucket != rhythmTo && strings.HasSuffix(r.Key, "/lease.json") {
		select {
		case x.leases <- struct{}{}:
		default:
		}
	}
	switch {
	case r.Bucket == rhythmTo && !own && (r.Operation == "PutObject" || r.Operation == "DeleteObject" ||
		r.Operation == "HeadObject" && strings.HasPrefix(r.Key, "plain/")):
		x.work = append(x.work, time.Now())
		x.all++
	case r.Bucket == rhythmFrom && r.Operation == "DeleteObjects" && r.N > 1 && x.held > 0:
		// The first removes what is not there.
		x.held--
		return storetest.Fault{ReplaceResponseBody: func(answer []byte) []byte {
			x.kills <- struct{}{}
			return answer
		}}
	}
	return storetest.Fault{}
}

// once runs the command until it ends, or is killed after a time (0: never), or
// while an answer is held. Lost is the work of its last second if it was killed.
func (x *rhythmRun) once(after time.Duration) (code, lost int) {
	x.t.Helper()
	x.mu.Lock()
	x.work = nil
	x.mu.Unlock()
	for len(x.leases) > 0 {
		<-x.leases
	}
	var output bytes.Buffer
	c := x.command(x.config, &output)
	c.Args = append(c.Args, "--workers", strconv.Itoa(rhythmWorkers))
	if err := c.Start(); err != nil {
		x.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // its exit code tells
	}()
	var due <-chan time.Time
	if after > 0 {
		// One that only waits for the lease of the run before is not worth a kill.
		if len(x.env) > 0 {
			select {
			case <-x.leases:
			case <-ended:
			}
		}
		timer := time.NewTimer(after)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ended:
	case <-due:
		_ = c.Process.Kill() // it may just have ended
	case <-x.kills:
		_ = c.Process.Kill()
	}
	<-ended
	at := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.output = output.String()
	for _, w := range x.work {
		if at.Sub(w) < rhythmLoss {
			lost++
		}
	}
	return c.ProcessState.ExitCode(), lost
}

// kill runs the migration in a rhythm of kills until it has ended.
func (x *rhythmRun) kill(r rhythm, random *rand.Rand) {
	x.fill()
	before := x.snapshot("us-east-1", rhythmFrom, "")
	entries := 0
	for _, history := range before {
		entries += len(history)
	}
	x.held = r.held
	kills, lost, failures, started := 0, 0, 0, time.Now()
	for tries := 0; ; tries++ {
		if tries > 200+20*r.kills {
			x.t.Fatalf("no end after %d runs, %d of them killed\n%s", tries, kills, x.output)
		}
		var after time.Duration
		if kills < r.kills {
			after = r.least + time.Duration(random.Int64N(int64(r.most-r.least)+1))
		} else {
			x.mu.Lock()
			x.held = 0
			x.mu.Unlock()
		}
		code, last := x.once(after)
		if code == 0 {
			break
		}
		switch code {
		case -1:
			kills++
			lost += last + rhythmWorkers
		case 7: // the lease of the run before
			select {
			case <-time.After(200 * time.Millisecond):
			case <-x.t.Context().Done():
			}
		default:
			if failures++; failures > 3 {
				x.t.Fatalf("exit code %d, after %d kills\n%s", code, kills, x.output)
			}
			x.t.Logf("exit code %d after %d kills; the same command is given again\n%s", code, kills, x.output)
		}
	}
	after := x.settledDestination()
	if d := storetest.Diff(before, storetest.WithoutAdded(before, after)); d != "" {
		x.t.Errorf("the destination differs from what the source held:\n%s", d)
	}
	if left := x.snapshot("us-east-1", rhythmFrom, ""); len(left) > 0 {
		x.t.Errorf("the source still has %d keys", len(left))
	}
	for region, bucket := range map[string]string{"us-east-1": rhythmFrom, "eu-west-1": rhythmTo} {
		if uploads, err := storetest.Uploads(x.t.Context(), x.box.Client(region), bucket, ""); err != nil ||
			len(uploads) > 0 {
			x.t.Errorf("unfinished uploads in %s: %q, %v", bucket, uploads, err)
		}
	}
	x.t.Logf("%d entries, %d kills, %d of them while a deletion's answer was held: %d pieces of work, %d more than "+
		"entries, of %d that the kills may cost; %s",
		entries, kills, r.held-x.held, x.all, x.all-entries, lost, time.Since(started).Round(time.Second/10))
	if x.all > entries+lost {
		x.t.Errorf("%d pieces of work for %d entries; %d kills may cost %d", x.all, entries, kills, lost)
	}
}

// settledDestination is what the destination holds in the end. A run that is killed
// behind its certificate leaves its lease there: the same command takes it away
// once that run's lease of the state has ended, and says so until then.
func (x *rhythmRun) settledDestination() storetest.Histories {
	for range 200 {
		after := x.snapshot("eu-west-1", rhythmTo, "")
		left := slices.ContainsFunc(slices.Collect(maps.Keys(after)),
			func(key string) bool { return strings.HasPrefix(key, ".residency-") })
		if !left {
			return after
		}
		if code, _ := x.once(0); code != 0 {
			x.t.Fatalf("exit code %d where nothing is left to do\n%s", code, x.output)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-x.t.Context().Done():
		}
	}
	x.t.Error("what the run reserved stays at the destination")
	return x.snapshot("eu-west-1", rhythmTo, "")
}
