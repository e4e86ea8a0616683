package storetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy is an HTTP proxy on loopback in front of one S3 endpoint. It forwards
// what it gets with the Host header it got, so that signatures made for the
// proxy's address stay valid, and alters nothing that a Fault does not tell it
// to. Its methods may be called concurrently.
type Proxy struct {
	upstream  *url.URL
	address   string
	server    *http.Server
	transport *http.Transport
	signer    *signer // nil: cannot sign
	log       io.Writer
	ctx       context.Context // of all requests; ends with Close
	cancel    context.CancelFunc
	served    chan error     // what Serve returned
	running   sync.WaitGroup // requests in flight

	received, sent atomic.Int64

	mu      sync.Mutex // guards what follows, and writes to log
	closed  bool
	fault   func(Request) Fault
	counts  map[string]int
	arrived chan struct{} // closed and replaced whenever a request arrives
	gate    chan struct{} // nil, or while frozen: closed to let requests go
}

// ProxyOption changes a proxy before it starts.
type ProxyOption func(*Proxy)

// WithSigner lets the proxy sign altered requests with these credentials.
func WithSigner(accessKey, secretKey, region string) ProxyOption {
	return func(p *Proxy) { p.signer = newSigner(accessKey, secretKey, region) }
}

// withRoots lets the proxy trust what these certificates signed.
func withRoots(roots *x509.CertPool) ProxyOption {
	return func(p *Proxy) {
		if roots != nil {
			p.transport.TLSClientConfig = &tls.Config{RootCAs: roots}
		}
	}
}

// WithLog writes one line per finished request to w, whose calls are
// serialised.
func WithLog(w io.Writer) ProxyOption {
	return func(p *Proxy) { p.log = w }
}

// StartProxy is NewProxy for a test: it ends with it.
func StartProxy(t testing.TB, upstream string, opts ...ProxyOption) *Proxy {
	t.Helper()
	p, err := NewProxy(upstream, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// NewProxy starts a proxy in front of upstream, an address such as
// "http://127.0.0.1:9101". The caller closes it.
func NewProxy(upstream string, opts ...ProxyOption) (*Proxy, error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	if u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || (u.Path != "" && u.Path != "/") {
		return nil, fmt.Errorf("proxy: upstream %q, want http://HOST:PORT", upstream)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{
		upstream: u,
		address:  "http://" + listener.Addr().String(),
		transport: &http.Transport{
			DisableCompression: true, MaxIdleConnsPerHost: 256, ExpectContinueTimeout: 5 * time.Second,
		},
		served:  make(chan error, 1),
		counts:  map[string]int{},
		arrived: make(chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for _, opt := range opts {
		opt(p)
	}
	p.server = &http.Server{
		Handler:           http.HandlerFunc(p.serve),
		BaseContext:       func(net.Listener) context.Context { return p.ctx },
		ErrorLog:          log.New(io.Discard, "", 0), // broken connections are its business
		ReadHeaderTimeout: time.Minute,
	}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

// URL returns the proxy's own address, without a trailing slash.
func (p *Proxy) URL() string { return p.address }

// Close breaks all connections and returns when no request is left.
func (p *Proxy) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	err := p.server.Close()
	if serveErr := <-p.served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	p.running.Wait()
	p.transport.CloseIdleConnections()
	return err
}

// SetFault has f decide on every request from now on; nil passes all through.
// It is called by many requests at once, and holds the one it is asked about
// as long as it runs.
func (p *Proxy) SetFault(f func(Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Counts returns how many requests of each operation have arrived, forwarded or
// not.
func (p *Proxy) Counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// Bytes returns how many bytes of bodies came from clients and were sent to
// them.
func (p *Proxy) Bytes() (received, sent int64) {
	return p.received.Load(), p.sent.Load()
}

// Reset sets all counts to zero. Faults and a freeze stay.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.counts)
	p.received.Store(0)
	p.sent.Store(0)
}
