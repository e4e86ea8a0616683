package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// TestKilled kills a migration with SIGKILL at ten random moments of its copy
// and twice while it erases, and runs the same command again each time. At the
// end the destination has exactly what the source had, and the source nothing.
func TestKilled(t *testing.T) {
	m := newMortal(t, 10)
	box := m.box
	type place struct{ region, bucket, prefix, destination string }
	places := []place{
		{"us-east-1", "acme-prod", "", "acme-prod-eu-west-1"},
		{"us-west-2", "acme-archive", "", "acme-archive-eu-west-1"},
		{"us-east-1", "shared-uploads", "tenants/acme/", "shared-uploads-eu-west-1"},
	}
	snapshot := func(region, bucket, prefix string) storetest.Histories {
		t.Helper()
		h, err := storetest.Snapshot(t.Context(), box.Client(region), bucket, prefix)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	before := make([]storetest.Histories, len(places))
	for i, p := range places {
		before[i] = snapshot(p.region, p.bucket, p.prefix)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	for kill := range 10 {
		// About 5,000 requests copy these 2,260 entries.
		if !m.run("", 1+random.Int64N(600)) {
			t.Fatalf("the migration ended before kill %d", kill+1)
		}
	}
	for range 2 {
		if !m.run("DeleteObjects", 1) {
			t.Fatal("the migration ended without a batch of deletions")
		}
		// Nothing may be at neither end: the destination has all of it by now.
		for i, p := range places {
			if d := storetest.Diff(before[i], snapshot("eu-west-1", p.destination, p.prefix)); d != "" {
				t.Fatalf("killed while erasing, %s lacks:\n%s", p.destination, d)
			}
		}
	}
	if m.run("", 1<<40) {
		t.Fatal("killed by nobody")
	}
	for i, p := range places {
		if d := storetest.Diff(before[i], snapshot("eu-west-1", p.destination, "")); d != "" {
			t.Errorf("%s differs from what the source held:\n%s", p.destination, d)
		}
		if left := snapshot(p.region, p.bucket, p.prefix); len(left) > 0 {
			t.Errorf("%s still has %d keys under %q", p.bucket, len(left), p.prefix)
		}
		uploads, err := storetest.Uploads(t.Context(), box.Client(p.region), p.bucket, p.prefix)
		if err != nil || len(uploads) > 0 {
			t.Errorf("unfinished uploads at the source: %q, %v", uploads, err)
		}
		if uploads, err = storetest.Uploads(t.Context(), box.Client("eu-west-1"), p.destination, ""); err != nil || len(uploads) > 0 {
			t.Errorf("unfinished uploads at the destination: %q, %v", uploads, err)
		}
	}
}

// TestSignals interrupts a migration twice, also while no server answers, and
// lets it end.
func TestSignals(t *testing.T) {
	m := newMortal(t, 4)
	for _, tt := range []struct {
		signal os.Signal
		code   int
		frozen bool
	}{{os.Interrupt, 130, false}, {syscall.SIGTERM, 143, true}} {
		m.signal, m.frozen = tt.signal, tt.frozen
		started := time.Now()
		if !m.run("PutObject", 100) {
			t.Fatal("the migration ended before the signal")
		}
		for _, p := range m.proxies {
			p.Thaw()
		}
		if m.code != tt.code {
			t.Errorf("%v: exit code %d, want %d\n%s", tt.signal, m.code, tt.code, m.stderr)
		}
		if d := time.Since(started); d > 15*time.Second {
			t.Errorf("%v: it took %s to stop", tt.signal, d)
		}
		for _, want := range []string{"stopping; entries in flight are finished or left for the next run", "interrupted; run the same command again to go on"} {
			if !strings.Contains(m.stderr, want) {
				t.Errorf("%v: no %q in\n%s", tt.signal, want, m.stderr)
			}
		}
	}
	m.signal = os.Kill
	if m.run("", 1<<40) {
		t.Fatal("killed by nobody")
	}
}

// mortal runs a migration that can be killed.
type mortal struct {
	t                   *testing.T
	dir, config, binary string
	box                 *storetest.Sandbox
	proxies             []*storetest.Proxy
	signal              os.Signal // default: SIGKILL
	frozen              bool      // no server answers from the signal on

	code   int // of the last run that was stopped
	stderr string

	trigger atomic.Pointer[trigger]
}

// newMortal has the samples, and proxies before the servers that matter.
func newMortal(t *testing.T, scale int) *mortal {
	t.Helper()
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Samples: true, Scale: scale})
	m := &mortal{t: t, dir: t.TempDir(), box: box, signal: os.Kill}
	m.binary = filepath.Join(m.dir, "residency")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", m.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build residency: %v\n%s", err, out)
	}
	config, err := os.ReadFile(box.ConfigPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		proxy := box.Proxy(t, region)
		proxy.SetFault(m.count)
		m.proxies = append(m.proxies, proxy)
		config = bytes.ReplaceAll(config, []byte(box.Endpoints[region]+"}"), []byte(proxy.URL()+"}"))
	}
	m.config = filepath.Join(m.dir, "residency.yaml")
	if err := os.WriteFile(m.config, config, 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// trigger fires when so many requests of an operation, or of any, have come.
type trigger struct {
	operation string
	left      atomic.Int64
	fire      func()
}

func (m *mortal) count(r storetest.Request) storetest.Fault {
	if t := m.trigger.Load(); t != nil && (t.operation == "" || t.operation == r.Operation) && t.left.Add(-1) == 0 {
		t.fire()
	}
	return storetest.Fault{}
}

// run runs the migration and kills it at the n-th request. It returns whether
// it was killed; otherwise the migration has ended well.
func (m *mortal) run(operation string, n int64) (killed bool) {
	m.t.Helper()
	var stdout, stderr bytes.Buffer
	c := exec.Command(m.binary, "migrate", "--config", m.config, "--state", filepath.Join(m.dir, "state"), "--to", "eu-west", "--customer", "acme", "--yes")
	c.Dir, c.Stdout, c.Stderr = m.dir, &stdout, &stderr
	c.Env = append(os.Environ(), m.box.Env()...)
	t := &trigger{operation: operation}
	t.left.Store(n)
	var fired atomic.Bool
	started := make(chan struct{})
	t.fire = func() {
		<-started
		fired.Store(true)
		if m.frozen {
			for _, p := range m.proxies {
				p.Freeze()
			}
		}
		_ = c.Process.Signal(m.signal) // it may just have ended
	}
	m.trigger.Store(t)
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	close(started)
	err := c.Wait()
	if err == nil {
		return false
	}
	m.code, m.stderr = c.ProcessState.ExitCode(), stderr.String()
	if !fired.Load() || m.signal == os.Kill && !strings.Contains(err.Error(), "killed") {
		m.t.Fatalf("residency: %v\n%s%s", err, &stdout, &stderr)
	}
	return true
}
