//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// counter is a proxy that counts requests and the bytes of bodies. The Host
// header stays as it came, so signatures stay valid.
type counter struct {
	address       string
	requests      atomic.Int64
	received      atomic.Int64 // by the client
	sent          atomic.Int64 // by the client
	mu            sync.Mutex
	methods       map[string]int64
	server        *http.Server
	closeUpstream func()
}

// startCounter starts one in front of a server. With a relay it is an endpoint
// of several regions.
func startCounter(upstream string, one *relay) (*counter, error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &counter{address: "http://" + l.Addr().String(), methods: map[string]int64{}}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 512}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = r.In.Host
			if r.Out.Body != nil && r.Out.Body != http.NoBody {
				r.Out.Body = counted{whole(r.Out), &c.sent}
			}
			if one != nil {
				one.forward(r)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if one != nil {
				one.answer(r)
			}
			r.Body = counted{r.Body, &c.received}
			return nil
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	c.server = &http.Server{ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.requests.Add(1)
			c.mu.Lock()
			c.methods[r.Method]++
			c.mu.Unlock()
			proxy.ServeHTTP(w, r)
		})}
	c.closeUpstream = transport.CloseIdleConnections
	go func() { _ = c.server.Serve(l) }() // ends with close
	return c, nil
}

// reset forgets what a run's preparations took.
func (c *counter) reset() {
	c.requests.Store(0)
	c.received.Store(0)
	c.sent.Store(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.methods)
}

func (c *counter) close() error {
	err := c.server.Close()
	c.closeUpstream()
	return err
}

// whole is a request's body that is known to have ended behind its last byte: a connection looks for more
// there, perhaps when the answer is passed on already, and the body is closed by that. Told of it, it would
// give up the answer.
func whole(r *http.Request) io.ReadCloser {
	if r.ContentLength < 0 {
		return r.Body
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r.Body, r.ContentLength), r.Body}
}

type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// delayer forwards connections and holds every byte for half a round trip in
// each direction; the first bytes of a connection wait one round trip more,
// which is what its handshake would have taken. It limits no bandwidth: what
// comes while bytes are held is held as long, not one after the other.
type delayer struct {
	address  string
	upstream string
	half     time.Duration
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

func startDelayer(upstream string, roundTrip time.Duration) (*delayer, error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &delayer{address: "http://" + l.Addr().String(), upstream: u.Host, half: roundTrip / 2, listener: l}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.running.Go(d.accept)
	return d, nil
}

func (d *delayer) close() error {
	d.cancel()
	err := d.listener.Close()
	d.running.Wait()
	return err
}

func (d *delayer) accept() {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		d.running.Go(func() { d.connection(c) })
	}
}

func (d *delayer) connection(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", d.upstream)
	if err != nil {
		return
	}
	defer s.Close()
	stop := context.AfterFunc(d.ctx, func() { _ = c.Close(); _ = s.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { d.forward(s, c, 2*d.half) })
	both.Go(func() { d.forward(c, s, 0) })
	both.Wait()
}

type held struct {
	data []byte
	due  time.Time
}

// inHand bounds what one direction of one connection holds: 256 pieces.
const inHand = 256

func (d *delayer) forward(to, from net.Conn, handshake time.Duration) {
	pieces := make(chan held, inHand)
	go func() { // ends when from does, which both ends see to
		defer close(pieces)
		first := handshake
		for {
			buf := make([]byte, 16<<10)
			n, err := from.Read(buf)
			if n > 0 {
				pieces <- held{buf[:n], time.Now().Add(d.half + first)}
				first = 0
			}
			if err != nil {
				return
			}
		}
	}()
	failed := false
	for p := range pieces {
		if failed {
			continue
		}
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			failed = true
			_ = from.Close()
		}
	}
	if tcp, ok := to.(*net.TCPConn); ok && !failed {
		_ = tcp.CloseWrite()
	}
}
