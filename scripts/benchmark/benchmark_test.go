//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		of   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(tt.of); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.of, got, tt.want)
		}
	}
}

func echo(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s
}

func post(t *testing.T, c *http.Client, url, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != body {
		t.Errorf("came back as %q, %v", got, err)
	}
}

// The first request on a connection takes two round trips at least, the next
// one; every byte comes through.
func TestDelayer(t *testing.T) {
	const roundTrip = 20 * time.Millisecond
	d, err := startDelayer(echo(t).URL, roundTrip)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Transport: &http.Transport{}}
	for _, least := range []time.Duration{2 * roundTrip, roundTrip} {
		begun := time.Now()
		post(t, c, d.address, strings.Repeat("x", 100000))
		if took := time.Since(begun); took < least {
			t.Errorf("took %s, want %s at least", took, least)
		}
	}
	c.CloseIdleConnections()
	if err := d.close(); err != nil {
		t.Error(err)
	}
}

func TestCounter(t *testing.T) {
	c, err := startCounter(echo(t).URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	post(t, http.DefaultClient, c.address, "forgotten")
	c.reset()
	for range 3 {
		post(t, http.DefaultClient, c.address, "12345")
	}
	if c.requests.Load() != 3 || c.sent.Load() != 15 || c.received.Load() != 15 || c.kinds() != "3 POST" {
		t.Errorf("%d requests, %d bytes sent, %d received, %s", c.requests.Load(), c.sent.Load(), c.received.Load(),
			c.kinds())
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
}

func TestMeasure(t *testing.T) {
	f, out, err := measure(t.Context(), time.Minute, []string{"PATH=/usr/bin:/bin"}, t.TempDir(),
		[]string{"sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done"})
	if err != nil || out != "done\n" || f.cpu <= 0 || f.wall <= 0 || f.peak <= 0 {
		t.Errorf("%+v, %q, %v", f, out, err)
	}
	if _, _, err := measure(t.Context(), 10*time.Millisecond, nil, t.TempDir(),
		[]string{"/bin/sh", "-c", "sleep 60"}); err == nil || !strings.Contains(err.Error(), "not done after") {
		t.Errorf("a run beyond its time: %v", err)
	}
}

func TestParallel(t *testing.T) {
	var calls atomic.Int64
	if err := parallel(t.Context(), 100, 7, func(int) error { calls.Add(1); return nil }); err != nil ||
		calls.Load() != 100 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	broken := errors.New("broken")
	if err := parallel(t.Context(), 100, 7, func(i int) error {
		if i == 50 {
			return broken
		}
		return nil
	}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := parallel(ctx, 1<<30, 2, func(int) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

func TestWorkloads(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range workloads() {
		if seen[w.name] || w.about == "" || len(w.tools) == 0 || !strings.HasPrefix(w.tools[0].name, "residency") {
			t.Errorf("workload %q", w.name)
		}
		seen[w.name] = true
		for _, against := range w.targets {
			for _, name := range against.against {
				found := false
				for _, tool := range w.tools {
					found = found || tool.name == name
				}
				if !found {
					t.Errorf("%s: no tool %s to measure against", w.name, name)
				}
			}
		}
		if small := w.scaled(0.1); small.entries()*int(max(small.size, 1)) > w.entries()*int(max(w.size, 1)) {
			t.Errorf("%s grows when scaled down", w.name)
		}
	}
	if _, err := choose([]string{"nothing"}); err == nil {
		t.Error("chose what there is not")
	}
}

func TestMultiply(t *testing.T) {
	bucket := t.TempDir()
	first := filepath.Join(bucket, keyOf(0))
	if err := os.MkdirAll(filepath.Dir(first), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(first, []byte("body"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := multiply(t.Context(), bucket, 2); err == nil {
		t.Error("a file without attributes was taken for an object")
	}
	if err := syscall.Setxattr(first, "user.etag", []byte("an etag"), 0); errors.Is(err, syscall.ENOTSUP) {
		t.Skip("the temporary directory's filesystem has no extended attributes")
	} else if err != nil {
		t.Fatal(err)
	}
	if err := multiply(t.Context(), bucket, 1002); err != nil {
		t.Fatal(err)
	}
	last := filepath.Join(bucket, keyOf(1001))
	attributes, err := attributesOf(last)
	if err != nil || string(attributes["user.etag"]) != "an etag" {
		t.Errorf("%s has %q, %v", last, attributes, err)
	}
	if body, err := os.ReadFile(last); err != nil || string(body) != "body" {
		t.Errorf("%s holds %q, %v", last, body, err)
	}
}

func TestTimesOf(t *testing.T) {
	text, err := os.ReadFile("/proc/self/stat")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the system has no /proc")
	} else if err != nil {
		t.Fatal(err)
	}
	if parent, _ := timesOf(string(text)); parent != os.Getppid() {
		t.Errorf("parent %d, want %d, of %s", parent, os.Getppid(), text)
	}
	if (&servers{processes: []int{os.Getpid()}}).used() < 0 || (&servers{processes: []int{os.Getppid()}}).used() == 0 {
		t.Error("the test's own processes have used no time")
	}
	odd := "12 (a) name (b) S 1 34 5 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 1 0 9\n"
	if parent, used := timesOf(odd); parent != 1 || used != 3*time.Second {
		t.Errorf("parent %d used %s, want 1 and 3s", parent, used)
	}
	for _, bad := range []string{"", "1 (x)", "1 (x) S 1 a 3 4 5 6 7 8 9 10 b 12 13 14"} {
		if parent, used := timesOf(bad); parent != 0 || used != 0 {
			t.Errorf("%q: parent %d, %s", bad, parent, used)
		}
	}
}
