package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// echo is a server that answers with the body it got, and keeps the last
// request.
type echo struct {
	*httptest.Server
	requests chan *http.Request // with a body that has been read
	bodies   chan string
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	e := &echo{requests: make(chan *http.Request, 100), bodies: make(chan string, 100)}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			body = fmt.Appendf(body, "!%v", err)
		}
		e.requests <- r
		e.bodies <- string(body)
		w.Header().Set("X-Answer", "yes")
		w.Header()["Content-Type"] = nil
		if r.URL.Query().Has("gzip") {
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
	}))
	t.Cleanup(e.Close)
	return e
}

// client returns a client of its own connections.
func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true,
		ExpectContinueTimeout: 10 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func do(
	t *testing.T, c *http.Client, method, target string, body io.Reader, header ...string,
) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

func TestProxyAltersNothing(t *testing.T) {
	server := newEcho(t)
	proxy := StartProxy(t, server.URL)
	c := client(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	bodies := map[string]func() io.Reader{ // a new one for each request: the transport may still hold the last
		"none":    func() io.Reader { return nil },
		"length":  func() io.Reader { return strings.NewReader("some body") },
		"chunked": func() io.Reader { return struct{ io.Reader }{strings.NewReader("some body")} },
		"large":   func() io.Reader { return bytes.NewReader(large) },
	}
	targets := []string{"/b/a%2Fb//c%20d+e%2B?versionId=1;2&x", "//b/k?", "/b/%F0%9F%98%80/?gzip"}
	for name, newBody := range bodies {
		for _, target := range targets {
			body := newBody()
			method := http.MethodPut
			if body == nil {
				method = http.MethodGet
			}
			resp, got, err := do(t, c, method, proxy.URL()+target, body, "Expect", "100-continue", "X-Amz-Date", "now",
				"Accept-Encoding", "identity")
			if err != nil {
				t.Fatalf("%s %s: %v", name, target, err)
			}
			in, sent := <-server.requests, <-server.bodies
			if in.RequestURI != target {
				t.Errorf("%s: server got %q, want %q", name, in.RequestURI, target)
			}
			if want := strings.TrimPrefix(proxy.URL(), "http://"); in.Host != want {
				t.Errorf("%s: server got Host %q, want %q", name, in.Host, want)
			}
			if in.Header.Get("X-Amz-Date") != "now" || in.Header.Get("Accept-Encoding") != "identity" {
				t.Errorf("%s: server got headers %v", name, in.Header)
			}
			if (name == "chunked") != (len(in.TransferEncoding) > 0) {
				t.Errorf("%s: server got transfer encoding %v", name, in.TransferEncoding)
			}
			if got != sent {
				t.Errorf("%s: answer has %d bytes, want %d", name, len(got), len(sent))
			}
			if resp.Header.Get("X-Answer") != "yes" || resp.Header["Content-Type"] != nil {
				t.Errorf("%s: answer has headers %v", name, resp.Header)
			}
		}
	}
}

func TestProxyCounts(t *testing.T) {
	server := newEcho(t)
	var lines bytes.Buffer
	proxy := StartProxy(t, server.URL, WithLog(&lines))
	c := client(t)
	var numbers []int
	proxy.SetFault(func(r Request) Fault {
		if r.Operation == "PutObject" {
			numbers = append(numbers, r.N)
			if r.Bucket != "b" || r.Key != "a b" || r.Query.Get("versionId") != "7" || r.Header.Get("X-Test") != "yes" {
				t.Errorf("fault asked about %+v", r)
			}
		}
		return Fault{}
	})
	for range 2 {
		if _, _, err := do(t, c, "PUT", proxy.URL()+"/b/a%20b?versionId=7", strings.NewReader("12345"), "X-Test",
			"yes"); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := do(t, c, "HEAD", proxy.URL()+"/b", nil); err != nil {
		t.Fatal(err)
	}
	if got, want := proxy.Counts(), map[string]int{"PutObject": 2, "HeadBucket": 1}; !maps.Equal(got, want) {
		t.Errorf("Counts() = %v, want %v", got, want)
	}
	if received, sent := proxy.Bytes(); received != 10 || sent != 10 {
		t.Errorf("Bytes() = %d, %d, want 10, 10", received, sent)
	}
	if fmt.Sprint(numbers) != "[1 2]" {
		t.Errorf("requests were numbered %v, want [1 2]", numbers)
	}
	proxy.Reset()
	if received, sent := proxy.Bytes(); len(proxy.Counts()) != 0 || received+sent != 0 {
		t.Errorf("after Reset: %v, %d, %d", proxy.Counts(), received, sent)
	}
	if err := proxy.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(lines.String(), "PutObject"); got != 2 {
		t.Errorf("log names PutObject %d times, want 2:\n%s", got, lines.String())
	}
}

func TestProxyFreeze(t *testing.T) {
	server := newEcho(t)
	proxy := StartProxy(t, server.URL)
	c := client(t)
	proxy.Freeze()
	proxy.Freeze() // once more is no harm
	done := make(chan error, 1)
	go func() {
		_, _, err := do(t, c, "GET", proxy.URL()+"/b/k", nil)
		done <- err
	}()
	if err := proxy.Await(t.Context(), "GetObject", 1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-server.requests:
		t.Error("a frozen proxy forwarded")
	case err := <-done:
		t.Errorf("a frozen proxy answered: %v", err)
	default:
	}
	proxy.Thaw()
	proxy.Thaw()
	if err := <-done; err != nil {
		t.Errorf("after Thaw: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := proxy.Await(ctx, "GetObject", 2); !errors.Is(err, context.Canceled) {
		t.Errorf("Await() = %v, want canceled", err)
	}
}

func TestProxyCloseReleasesHeldRequests(t *testing.T) {
	for name, hold := range map[string]func(*Proxy){
		"frozen":  (*Proxy).Freeze,
		"delayed": func(p *Proxy) { p.SetFault(func(Request) Fault { return Fault{Delay: time.Hour} }) },
		"stalled": func(p *Proxy) { p.SetFault(func(Request) Fault { return Fault{Stall: true} }) },
	} {
		t.Run(name, func(t *testing.T) {
			proxy := StartProxy(t, newEcho(t).URL)
			hold(proxy)
			c, done := client(t), make(chan error, 1)
			go func() {
				_, _, err := do(t, c, "GET", proxy.URL()+"/b/k", nil)
				done <- err
			}()
			if err := proxy.Await(t.Context(), "GetObject", 1); err != nil {
				t.Fatal(err)
			}
			if err := proxy.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
			if err := <-done; err == nil {
				t.Error("the held request was answered, want an error")
			}
		})
	}
}

func TestNewProxyRefuses(t *testing.T) {
	for _, upstream := range []string{"", "127.0.0.1:9000", "ftp://h", "http://h/path", "http://%zz"} {
		if p, err := NewProxy(upstream); err == nil {
			t.Errorf("NewProxy(%q) = nil error", upstream)
			_ = p.Close()
		}
	}
	if _, err := url.Parse(StartProxy(t, "http://127.0.0.1:1/").URL()); err != nil {
		t.Error(err)
	}
}

func TestProxyWithoutServerBreaksConnection(t *testing.T) {
	server := newEcho(t)
	proxy := StartProxy(t, server.URL)
	server.Close()
	if resp, _, err := do(t, client(t), "GET", proxy.URL()+"/b/k", nil); err == nil {
		t.Errorf("answered %s, want a broken connection", resp.Status)
	}
}
