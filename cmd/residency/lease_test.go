//go:build unix

package main

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"sync"
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
	_, err := m.box.Client("eu-west-1").CreateBucket(m.t.Context(), &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
	if err != nil {
		m.t.Fatal(err)
	}
	m.state = "cloud:" + bucket + "/residency"
}

// holder lets data through to the destination up to a number of objects, then
// holds it. The state's own objects pass.
type holder struct {
	after int
	held  chan struct{} // closed when the first is held
	let   chan struct{} // close it to let all go
	once  sync.Once
}

func newHolder(after int) *holder {
	return &holder{after: after, held: make(chan struct{}), let: make(chan struct{})}
}

func (h *holder) fault(r storetest.Request) storetest.Fault {
	if r.Operation == "PutObject" && r.Bucket != "ci-state" && r.N > h.after {
		h.once.Do(func() { close(h.held) })
		<-h.let
	}
	return storetest.Fault{}
}

// writes counts the requests that change something.
func writes(proxies []*storetest.Proxy) (n int) {
	for _, p := range proxies {
		for operation, count := range p.Counts() {
			for _, verb := range []string{"Put", "Upload", "Create", "Complete", "Copy", "Delete", "Abort"} {
				if strings.HasPrefix(operation, verb) {
					n += count
				}
			}
		}
	}
	return n
}

// Two runs are started on one plan whose state is in a bucket: one works, the
// other goes. The first is frozen beyond its lease, another takes over, and
// the first, awake again in the middle of that, writes nothing any more.
func TestFrozen(t *testing.T) {
	m := newMortal(t, 2)
	m.bucketState()
	m.env = []string{"RESIDENCY_LEASE_TERM=6s"}
	before := m.sources()
	firstHold, secondHold := newHolder(200), newHolder(100)
	firstConfig, firstProxies := m.behind("first.yaml", firstHold.fault)
	secondConfig, secondProxies := m.behind("second.yaml", secondHold.fault)
	let := func(h *holder) func() {
		return sync.OnceFunc(func() { close(h.let) })
	}
	letFirst, letSecond := let(firstHold), let(secondHold)
	defer letFirst()
	defer letSecond()

	var firstOutput bytes.Buffer
	first := m.command(firstConfig, &firstOutput)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
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
	if code, output := m.finish(secondConfig); code != 7 || !strings.Contains(output, "another run holds the lease") {
		t.Errorf("a second run at once: exit code %d, want 7\n%s", code, output)
	}
	if n := writes(secondProxies); n > 0 {
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
			code, output := m.finish(secondConfig)
			if code != 7 || time.Now().After(deadline) {
				second <- ending{code, output}
				return
			}
		}
	}()
	select {
	case <-secondHold.held:
	case e := <-second:
		t.Fatalf("the second run ended too early: exit code %d\n%s", e.code, e.output)
	}

	// The second is in the middle of its work when the first wakes.
	sent := writes(firstProxies)
	if err := first.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	<-firstDone
	if code := first.ProcessState.ExitCode(); code != 7 || !strings.Contains(firstOutput.String(), "the lease was lost") {
		t.Errorf("the frozen run: exit code %d, want 7\n%s", code, &firstOutput)
	}
	if n := writes(firstProxies) - sent; n > 0 {
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
