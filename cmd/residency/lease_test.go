//go:build unix

package main

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// bucketState keeps the state of a mortal in a bucket.
func (m *mortal) bucketState() {
	m.t.Helper()
	bucket := "ci-state"
	_, err := m.box.Client("eu-west-1").CreateBucket(m.t.Context(), &s3.CreateBucketInput{Bucket: &bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
	if err != nil {
		m.t.Fatal(err)
	}
	m.state = "cloud:" + bucket + "/residency"
}

// holder lets data through to the destination up to a number of objects, then
// holds it. The state's own objects pass.
type holder struct {
	after  int64
	puts   atomic.Int64
	writes atomic.Int64  // requests that change something
	held   chan struct{} // closed when the first is held
	let    chan struct{} // close it to let all go
	once   sync.Once
}

func newHolder(after int64) *holder {
	return &holder{after: after, held: make(chan struct{}), let: make(chan struct{})}
}

func (h *holder) fault(r storetest.Request) storetest.Fault {
	changes := func(verb string) bool { return strings.HasPrefix(r.Operation, verb) }
	if slices.ContainsFunc([]string{"Put", "Upload", "Create", "Complete", "Copy", "Delete", "Abort"}, changes) {
		h.writes.Add(1)
	}
	if r.Operation == "PutObject" && r.Bucket != "ci-state" && h.puts.Add(1) > h.after {
		h.once.Do(func() { close(h.held) })
		<-h.let
	}
	return storetest.Fault{}
}

// Two runs are started on one plan whose state is in a bucket: one works, the
// other goes. The first is frozen beyond its lease, another takes over, and
// the first, awake again in the middle of that, writes nothing any more.
func TestFrozen(t *testing.T) {
	t.Parallel()
	m := newMortal(t, 2)
	m.bucketState()
	m.env = []string{"RESIDENCY_LEASE_TERM=20s"}
	before := m.sources()
	firstHold, secondHold := newHolder(200), newHolder(100)
	// Both reach the servers by the same addresses, as the plan demands; the keys
	// that they sign with tell them apart.
	config, _ := m.behind("both.yaml", func(r storetest.Request) storetest.Fault {
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=SECOND/") {
			return firstHold.fault(r)
		}
		f := secondHold.fault(r)
		f.Resign = true
		return f
	}, slices.Sorted(maps.Keys(m.box.Endpoints))...)
	keys := filepath.Join(m.dir, "second")
	if err := os.WriteFile(keys, []byte("[sandbox]\naws_access_key_id=SECOND\naws_secret_access_key=second-secret\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	let := func(h *holder) func() {
		return sync.OnceFunc(func() { close(h.let) })
	}
	letFirst, letSecond := let(firstHold), let(secondHold)
	defer letFirst()
	defer letSecond()

	var firstOutput bytes.Buffer
	first := m.command(config, &firstOutput)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	// Nobody waits for the second's lease: however busy the machine is, it is renewed.
	m.env = []string{"AWS_SHARED_CREDENTIALS_FILE=" + keys}
	firstDone := make(chan struct{})
	go func() {
		defer close(firstDone)
		_ = first.Wait() // its exit code tells
	}()
	defer func() {
		_ = first.Process.Kill() // unless it has ended
		<-firstDone
	}()
	select {
	case <-firstHold.held:
	case <-firstDone:
		t.Fatalf("the first run ended:\n%s", &firstOutput)
	}

	// The first is at work, and held up; its lease is renewed all the while.
	if code, output := m.finish(config); code != 7 || !strings.Contains(output, "another run holds the lease") {
		t.Errorf("a second run at once: exit code %d, want 7\n%s", code, output)
	}
	if n := secondHold.writes.Load(); n > 0 {
		t.Errorf("the second run has sent %d writes", n)
	}

	// Frozen: what it had sent is done, what it was about to send is not.
	if err := first.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	letFirst()
	type ending struct {
		code   int
		output string
	}
	second := make(chan ending, 1)
	go func() {
		deadline := time.Now().Add(2 * time.Minute)
		for {
			code, output := m.finish(config)
			if code != 7 || time.Now().After(deadline) {
				second <- ending{code, output}
				return
			}
			m.pause()
		}
	}()
	select {
	case <-secondHold.held:
	case e := <-second:
		t.Fatalf("the second run ended too early: exit code %d\n%s", e.code, e.output)
	}

	// The second is in the middle of its work when the first wakes.
	sent := firstHold.writes.Load()
	if err := first.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	<-firstDone
	if code := first.ProcessState.ExitCode(); code != 7 || !strings.Contains(firstOutput.String(), "the lease was lost") {
		t.Errorf("the frozen run: exit code %d, want 7\n%s", code, &firstOutput)
	}
	if n := firstHold.writes.Load() - sent; n > 0 {
		t.Errorf("awake, the frozen run has sent %d writes", n)
	}
	letSecond()
	if e := <-second; e.code != 0 {
		t.Errorf("the second run: exit code %d\n%s", e.code, e.output)
	}
	m.moved(before)
}

// finish runs a migration to its end.
func (m *mortal) finish(config string) (code int, output string) {
	var out bytes.Buffer
	c := m.command(config, &out)
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return -1, err.Error()
	}
	return c.ProcessState.ExitCode(), out.String()
}
