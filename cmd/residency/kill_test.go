//go:build unix

package main

import (
	"bytes"
	"io"
	"maps"
	"math/rand/v2"
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

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// TestKilled kills a migration with SIGKILL at ten random moments of its copy
// and twice while it erases, and runs the same command again each time. At the
// end the destination has exactly what the source had, and the source nothing.
func TestKilled(t *testing.T) {
	t.Parallel()
	m := newMortal(t, 5)
	before := m.sources()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	for kill := range 10 {
		// About 2,800 requests copy these 1,260 entries.
		if !m.run("", 1+random.Int64N(340)) {
			t.Fatalf("the migration ended before kill %d", kill+1)
		}
	}
	for range 2 {
		if !m.run(erasing, 2) {
			t.Fatal("the migration ended without a batch of deletions")
		}
	}
	// Nothing may be at neither end: the destination has all of it by now.
	m.arrived(before, ".residency-")
	if m.run("", 1<<40) {
		t.Fatal("killed by nobody")
	}
	m.moved(before)
}

// TestSignals interrupts a migration twice, also while no server answers, and
// lets it end, with its state in either home.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, home := range []string{"directory", "bucket"} {
		t.Run(home, func(t *testing.T) {
			t.Parallel()
			m := newMortal(t, 1)
			if home == "bucket" {
				m.bucketState()
				m.env = []string{"RESIDENCY_LEASE_TERM=8s"}
			}
			before := m.sources()
			for _, tt := range []struct {
				signal os.Signal
				code   int
				frozen bool
			}{{os.Interrupt, 130, false}, {syscall.SIGTERM, 143, true}} {
				m.signal, m.frozen = tt.signal, tt.frozen
				if !m.run(copies, 60) { // the lease of the run before has been given back
					t.Fatalf("the migration ended before the signal\n%s", m.output)
				}
				for _, p := range m.proxies {
					p.Thaw()
				}
				if m.code != tt.code {
					t.Errorf("%v: exit code %d, want %d\n%s", tt.signal, m.code, tt.code, m.output)
				}
				d := time.Since(m.fired)
				t.Logf("%v: stopped after %s", tt.signal, d.Round(time.Second/10))
				if d > time.Minute {
					t.Errorf("%v: it took %s to stop", tt.signal, d)
				}
				for _, want := range []string{"stopping; what is in flight is finished or left for the next run",
					"interrupted; run the same command again to resume"} {
					if !strings.Contains(m.output, want) {
						t.Errorf("%v: no %q in\n%s", tt.signal, want, m.output)
					}
				}
				if n := m.receipts(); n == 0 {
					t.Errorf("%v: no receipts were written of what was done", tt.signal)
				}
			}
			m.signal = os.Kill
			if m.runLeased("", 1<<40) {
				t.Fatal("killed by nobody")
			}
			m.moved(before)
		})
	}
}

// receipts counts the files of receipts in the state.
func (m *mortal) receipts() (n int) {
	m.t.Helper()
	if prefix, ok := strings.CutPrefix(m.state, "cloud:ci-state/"); ok {
		bucket := "ci-state"
		out, err := m.box.Client("eu-west-1").ListObjectsV2(m.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket,
			Prefix: &prefix})
		if err != nil {
			m.t.Fatal(err)
		}
		for _, o := range out.Contents {
			n += strings.Count(*o.Key, "/receipts/")
		}
		return n
	}
	files, err := filepath.Glob(filepath.Join(m.state, "*", "receipts", "*"))
	if err != nil {
		m.t.Fatal(err)
	}
	return len(files)
}

// TestSecondSignal stops a migration that cannot stop by itself yet, for no
// server answers it.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	m := newMortal(t, 1)
	m.bucketState()
	said := &watcher{want: "stopping; ", seen: make(chan struct{})}
	c := m.command(m.config, said)
	hold := newHolder(20)
	defer close(hold.let)
	for _, p := range m.proxies {
		p.SetFault(hold.fault)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Wait() // its exit code tells
	}()
	select {
	case <-hold.held:
	case <-done:
		t.Fatalf("the migration ended:\n%s", said.text())
	}
	for _, p := range m.proxies {
		p.Freeze()
		defer p.Thaw()
	}
	for i := range 2 {
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			<-said.seen
		}
	}
	<-done
	if code := c.ProcessState.ExitCode(); code != 130 || strings.Contains(said.text(), "interrupted; run") {
		t.Errorf("exit code %d, want 130, and no clean stop\n%s", code, said.text())
	}
}

// watcher closes seen once it has been written what is wanted.
type watcher struct {
	want string
	seen chan struct{}

	mu  sync.Mutex
	buf bytes.Buffer
	hit bool
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.buf.Write(p)
	if !w.hit && strings.Contains(w.buf.String(), w.want) {
		w.hit = true
		close(w.seen)
	}
	return n, err
}

func (w *watcher) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

type place struct{ region, bucket, prefix, destination string }

// places are where the sample customer's data is and goes.
func places() []place {
	return []place{
		{"us-east-1", "acme-prod", "", "acme-prod-eu-west-1"},
		{"us-west-2", "acme-archive", "", "acme-archive-eu-west-1"},
		{"us-east-1", "shared-uploads", "tenants/acme/", "shared-uploads-eu-west-1"},
	}
}

func (m *mortal) snapshot(region, bucket, prefix string) storetest.Histories {
	m.t.Helper()
	h, err := storetest.Snapshot(m.t.Context(), m.box.Client(region), bucket, prefix)
	if err != nil {
		m.t.Fatal(err)
	}
	return h
}

func (m *mortal) sources() []storetest.Histories {
	m.t.Helper()
	var all []storetest.Histories
	for _, p := range places() {
		all = append(all, m.snapshot(p.region, p.bucket, p.prefix))
	}
	return all
}

// arrived checks that the destination has exactly what the source had, and, under
// way, what the migration keeps there for itself.
func (m *mortal) arrived(before []storetest.Histories, own ...string) {
	m.t.Helper()
	for i, p := range places() {
		there := m.snapshot("eu-west-1", p.destination, "")
		maps.DeleteFunc(there, func(key string, _ []storetest.Entry) bool {
			return slices.ContainsFunc(own, func(begin string) bool { return strings.HasPrefix(key, begin) })
		})
		if d := storetest.Diff(before[i], there); d != "" {
			m.t.Fatalf("%s differs from what the source held:\n%s", p.destination, d)
		}
	}
}

// moved checks that nothing but that is there, and that the source has nothing.
func (m *mortal) moved(before []storetest.Histories) {
	m.t.Helper()
	m.arrived(before)
	for _, p := range places() {
		if left := m.snapshot(p.region, p.bucket, p.prefix); len(left) > 0 {
			m.t.Errorf("%s still has %d keys under %q", p.bucket, len(left), p.prefix)
		}
		uploads, err := storetest.Uploads(m.t.Context(), m.box.Client(p.region), p.bucket, p.prefix)
		if err != nil || len(uploads) > 0 {
			m.t.Errorf("unfinished uploads at the source: %q, %v", uploads, err)
		}
		if uploads, err = storetest.Uploads(m.t.Context(), m.box.Client("eu-west-1"), p.destination, ""); err != nil ||
			len(uploads) > 0 {
			m.t.Errorf("unfinished uploads at the destination: %q, %v", uploads, err)
		}
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

	state string   // as --state takes it
	env   []string // besides the servers'

	fired  time.Time // when the last run was signalled that was stopped
	code   int       // of that
	output string
	leased bool // it ended because another run had the lease

	trigger atomic.Pointer[trigger]
}

// newMortal has the samples, and proxies before the servers that matter.
func newMortal(t *testing.T, scale int) *mortal {
	t.Helper()
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Samples: true, Scale: scale})
	m := &mortal{t: t, dir: t.TempDir(), binary: program.path(t), box: box, signal: os.Kill}
	m.state = filepath.Join(m.dir, "state")
	m.config, m.proxies = m.behind("residency.yaml", m.count, "us-east-1", "eu-west-1")
	return m
}

// behind writes a configuration whose servers of some regions are behind proxies
// of its own.
func (m *mortal) behind(
	name string, fault func(storetest.Request) storetest.Fault, regions ...string,
) (path string, proxies []*storetest.Proxy) {
	m.t.Helper()
	config, err := os.ReadFile(m.box.ConfigPath)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, region := range regions {
		proxy := m.box.Proxy(m.t, region)
		proxy.SetFault(fault)
		proxies = append(proxies, proxy)
		config = bytes.ReplaceAll(config, []byte(m.box.Endpoints[region]+"}"), []byte(proxy.URL()+"}"))
	}
	path = filepath.Join(m.dir, name)
	if err := os.WriteFile(path, config, 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path, proxies
}

// command is a migration that is yet to be started.
func (m *mortal) command(config string, output io.Writer) *exec.Cmd {
	c := exec.Command(m.binary, "migrate", "--config", config, "--state", m.state, "--to", "eu-west", "--customer", "acme",
		"--yes")
	c.Dir, c.Stdout, c.Stderr = m.dir, output, output
	c.Env = append(append(os.Environ(), m.box.Env()...), m.env...)
	return c
}

// erasing are the deletions at a source. The first of a run removes its probe, the
// second are entries.
const erasing = "DeleteObjects"

// copies are the objects that are sent to the destinations. Of so many, all but those in
// flight are proven.
const copies = "PutObject"

// trigger fires when so many requests of an operation, or of any, have come.
type trigger struct {
	operation string
	left      atomic.Int64
	fire      func()
}

func (m *mortal) count(r storetest.Request) storetest.Fault {
	t := m.trigger.Load()
	if t == nil || t.operation != "" && t.operation != r.Operation {
		return storetest.Fault{}
	}
	destination := strings.HasSuffix(r.Bucket, "-eu-west-1")
	switch t.operation {
	case erasing:
		if destination {
			return storetest.Fault{}
		}
	case copies:
		if !destination || strings.HasPrefix(r.Key, ".residency-") {
			return storetest.Fault{}
		}
	}
	if t.left.Add(-1) == 0 {
		t.fire()
	}
	return storetest.Fault{}
}

// run runs the migration and kills it at the n-th request. It returns whether
// it was killed; otherwise the migration has ended well.
func (m *mortal) run(operation string, n int64) (killed bool) {
	m.t.Helper()
	var output bytes.Buffer
	c := m.command(m.config, &output)
	t := &trigger{operation: operation}
	t.left.Store(n)
	var fired atomic.Bool
	started := make(chan struct{})
	t.fire = func() {
		<-started
		m.fired = time.Now()
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
	m.code, m.output = c.ProcessState.ExitCode(), output.String()
	if m.leased = m.code == 7 && !fired.Load(); m.leased {
		return false
	}
	if !fired.Load() || m.signal == os.Kill && !strings.Contains(err.Error(), "killed") {
		m.t.Fatalf("residency: %v\n%s", err, &output)
	}
	return true
}
