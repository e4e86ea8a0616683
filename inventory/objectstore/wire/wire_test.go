package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

const window = 30 * time.Second

var errFence = errors.New("the lease has ended")

// piped is a transport whose connections end in a pipe, of which a test has the other end. In a
// bubble its time is the bubble's.
func piped(t *testing.T, far func(net.Conn)) *http.Transport {
	c := Connections{Idle: 1, Window: window, Answer: 2 * time.Minute, Header: 1 << 20, Now: time.Now}
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, theirs := net.Pipe()
		t.Cleanup(func() { _ = theirs.Close() })
		go far(theirs)
		return near, nil
	}}
	c.Set(tr)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func send(ctx context.Context, w *Watch, tr http.RoundTripper, size int) (*http.Response, error) {
	r, err := http.NewRequestWithContext(w.Carried(ctx), http.MethodPut, "http://service.example/", bytes.NewReader(make([]byte, size)))
	if err != nil {
		return nil, err
	}
	return tr.RoundTrip(r)
}

// TestFence: of a body that is being sent nothing more goes out once the fence is down, and why
// is told. The next request on a connection has a fence of its own.
func TestFence(t *testing.T) {
	var arrived atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		arrived.Add(n)
	}))
	defer server.Close()
	tr := Connections{Idle: 1, Window: window, Now: time.Now}.Transport()
	defer tr.CloseIdleConnections()
	put := func(ctx context.Context, size int) (*Watch, error) {
		w := Watching(ctx)
		r, err := http.NewRequestWithContext(w.Carried(ctx), http.MethodPut, server.URL, bytes.NewReader(make([]byte, size)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tr.RoundTrip(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		return w, err
	}
	var asked atomic.Int32
	fenced := objectstore.WithFence(t.Context(), func() error {
		if asked.Add(1) > 3 {
			return errFence
		}
		return nil
	})
	if w, err := put(fenced, 1); err != nil || w.Refusal() != nil {
		t.Fatalf("under a fence that stands: %v, %v", err, w.Refusal())
	}
	if w, err := put(t.Context(), 1<<20); err != nil || w.Refusal() != nil || asked.Load() > 2 {
		t.Errorf("without a fence on the same connection: %v, %v, asked %d times", err, w.Refusal(), asked.Load())
	}
	before := arrived.Load()
	if w, err := put(fenced, 8<<20); err == nil || !errors.Is(w.Refusal(), errFence) {
		t.Errorf("a fence that goes down: %v, %v", err, w.Refusal())
	}
	if n := arrived.Load() - before; n > 1<<20 {
		t.Errorf("%d bytes arrived", n)
	}
	if w := Watching(fenced); !errors.Is(w.Ask(), errFence) || !errors.Is(w.Refusal(), errFence) {
		t.Error("a fence that is down is not asked")
	}
}

type over struct{ net.Conn }

func (o over) NetConn() net.Conn { return o.Conn }

// TestGuardThroughLayers: TLS may lie over a connection twice, where a proxy has its own.
func TestGuardThroughLayers(t *testing.T) {
	c := &conn{now: time.Now}
	w := Watching(objectstore.WithFence(t.Context(), func() error { return errFence }))
	guard(over{over{c}}, w)
	if _, err := c.Write([]byte("x")); !errors.Is(err, errFence) {
		t.Errorf("got %v", err)
	}
}

// TestOneRequestAtATime: where many requests share a connection, its fence is that of another.
func TestOneRequestAtATime(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	trusts := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: trusts}}
	Connections{Idle: 1, Window: window, Now: time.Now}.Set(tr)
	defer tr.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(r)
	if err != nil || resp.ProtoMajor != 1 {
		t.Fatalf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

// TestNothingTaken gives a service up that takes no more bytes.
func TestNothingTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := piped(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 100)) })
		began := time.Now()
		_, err := send(t.Context(), Watching(t.Context()), tr, 1<<20)
		if !errors.Is(err, objectstore.ErrStalled) || !strings.Contains(Cause(err).Error(), "were not taken in 30s") ||
			remedy.For(Cause(err)) == "" {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != window {
			t.Errorf("given up after %s", took)
		}
		synctest.Wait()
	})
}

// TestNoAnswer waits so long for an answer to begin.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := piped(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		began := time.Now()
		_, err := send(t.Context(), Watching(t.Context()), tr, 1)
		if took := time.Since(began); err == nil || took != 2*time.Minute {
			t.Errorf("%v after %s", err, took)
		}
		synctest.Wait()
	})
}

// dripping gives so many bytes after each pause, and then the end.
type dripping struct {
	pauses []time.Duration
	bytes  int
	ended  context.Context
}

func (d *dripping) Read(p []byte) (int, error) {
	if len(d.pauses) == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(d.pauses[0]):
	case <-d.ended.Done():
		return 0, context.Cause(d.ended)
	}
	d.pauses = d.pauses[1:]
	return min(d.bytes, len(p)), nil
}

func (*dripping) Close() error { return nil }

func each(n int, pause time.Duration) (all []time.Duration) {
	for range n {
		all = append(all, pause)
	}
	return all
}

// TestPatient: a body is given up once a window of waiting has brought too little, and never
// where it goes on well enough, however long it takes.
func TestPatient(t *testing.T) {
	for name, c := range map[string]struct {
		pauses []time.Duration
		bytes  int
		least  int64
		idle   time.Duration // between two reads
		after  time.Duration // given up; zero: not
	}{
		"silence":                      {each(1, time.Hour), 1, 1, 0, window},
		"a trickle":                    {each(1000, time.Second), 1, 1 << 20, 0, window},
		"a trickle that is enough":     {each(1000, time.Second), 1, 1, 0, 0},
		"long, and fast enough":        {each(1000, 700*time.Millisecond), 1 << 10, 1 << 10, 0, 0},
		"pauses that end windows":      {each(20, 29*time.Second), 1 << 10, 1 << 10, 0, 0},
		"silence after enough":         {append(each(1, 20*time.Second), time.Hour), 1 << 10, 1, 0, 2 * window},
		"nobody reads for a long time": {each(100, time.Millisecond), 1, 100, time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				body := Patient(&dripping{c.pauses, c.bytes, ctx}, Patience{window, c.least}, time.Now, cancel)
				began, n, buf := time.Now(), 0, make([]byte, 2<<10)
				var err error
				for err == nil {
					var got int
					got, err = body.Read(buf)
					n += got
					time.Sleep(c.idle)
				}
				switch took := time.Since(began); {
				case c.after == 0 && (!errors.Is(err, io.EOF) || n != len(c.pauses)*c.bytes):
					t.Errorf("%d bytes and %v after %s", n, err, took)
				case c.after != 0 && (!errors.Is(err, objectstore.ErrStalled) || took != c.after):
					t.Errorf("%v after %s", err, took)
				}
				if ctx.Err() == nil {
					t.Error("the request goes on")
				}
				_ = body.Close()
			})
		})
	}
}

// TestWait: whoever says how long to be left alone is, within bounds.
func TestWait(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "3": 3 * time.Second, "3600": time.Hour, "-3": 0, "soon": 0, "1.5": 0, "99999999999": 0,
		"Sat, 28 Nov 2026 12:00:04 GMT": 4 * time.Second, "Sat, 28 Nov 2026 11:00:00 GMT": 0,
		"Sunday, 29-Nov-26 12:00:00 GMT": 24 * time.Hour,
	} {
		h := http.Header{"Retry-After": {value}, "Date": {"Sat, 28 Nov 2026 12:00:00 GMT"}}
		if got := Asked(h); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	if got := Asked(http.Header{"Retry-After": {"Sat, 28 Nov 2126 12:00:04 GMT"}}); got != 0 {
		t.Errorf("a date, by no clock: %s", got)
	}
	const delay, most = time.Second, 5 * time.Second
	for asked, want := range map[time.Duration]time.Duration{0: delay, delay / 2: delay, 3 * time.Second: 3 * time.Second,
		time.Hour: 6 * time.Second} {
		if got := Wait(delay, asked, most); got != want {
			t.Errorf("asked for %s: %s, want %s", asked, got, want)
		}
	}
	seen := make(map[time.Duration]bool)
	for n := 1; n < 100; n++ {
		got := Backoff(n)
		if least := min(250*time.Millisecond<<min(n-1, 20), 15*time.Second); got < least || got > 2*least {
			t.Errorf("after %d attempts: %s", n, got)
		}
		seen[Backoff(3)] = true
	}
	if len(seen) < 2 {
		t.Error("nothing is left to chance")
	}
}

func TestKind(t *testing.T) {
	for status, want := range map[int]error{200: nil, 304: objectstore.ErrPrecondition, 307: objectstore.ErrElsewhere,
		400: objectstore.ErrRejected, 401: nil, 403: objectstore.ErrDenied, 404: objectstore.ErrNotFound,
		405: objectstore.ErrNotOffered, 408: objectstore.ErrPassing, 409: nil, 412: objectstore.ErrPrecondition,
		416: objectstore.ErrRange, 429: objectstore.ErrThrottled, 500: objectstore.ErrPassing, 501: objectstore.ErrNotOffered,
		503: objectstore.ErrThrottled, 507: nil, 520: objectstore.ErrPassing} {
		if got := Kind(status); !errors.Is(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%d: %v, want %v", status, got, want)
		}
	}
}

func TestPrivate(t *testing.T) {
	for address, want := range map[string]bool{"https://a.example": true, "http://a.example": false,
		"http://localhost:1": true, "http://LOCALHOST.": true, "http://127.0.0.2": true, "http://[::1]:1": true,
		"http://[::ffff:127.0.0.1]": true, "http://10.0.0.1": false, "http://a.localhost": false} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := Private(u); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// TestReadAll reads no more than so much, and keeps what came before an error.
func TestReadAll(t *testing.T) {
	for name, c := range map[string]struct {
		body io.Reader
		want string
		err  error
	}{
		"as long as it may be": {strings.NewReader("1234"), "1234", nil},
		"longer":               {strings.NewReader("12345"), "1234", ErrEndless},
		"cut":                  {io.MultiReader(strings.NewReader("12"), failing{}), "12", io.ErrUnexpectedEOF},
	} {
		got, err := ReadAll(new(bytes.Buffer), c.body, 4)
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if !Rewind(nil) || !Rewind(strings.NewReader("x")) || Rewind(failing{}) {
		t.Error("what can be sent again is not told from what cannot")
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestPatientIsReadByOne holds what the timer and a reader share against the race detector.
func TestPatientIsReadByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		body := Patient(&dripping{each(100, window), 1, ctx}, Patience{window, 1}, time.Now, cancel)
		var g sync.WaitGroup
		g.Go(func() { _, _ = io.Copy(io.Discard, body) })
		g.Wait()
		_ = body.Close()
	})
}
