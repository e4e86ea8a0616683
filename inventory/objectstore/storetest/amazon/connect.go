package amazon

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
)

// tunnels takes in the connections of an HTTP proxy, and hands those to Amazon's
// hosts to whoever listens.
type tunnels struct {
	address net.Addr
	accept  chan net.Conn
	done    chan struct{}
	close   func()
	refused func() // is told of each host that does not exist

	mu  sync.Mutex
	log []string // host:port of each CONNECT
}

func newTunnels(address net.Addr, refused func()) *tunnels {
	t := &tunnels{address: address, refused: refused, accept: make(chan net.Conn), done: make(chan struct{})}
	t.close = sync.OnceFunc(func() { close(t.done) })
	return t
}

// ServeHTTP is the proxy: it knows CONNECT alone, and Amazon's hosts alone.
func (t *tunnels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "this proxy knows CONNECT alone", http.StatusMethodNotAllowed)
		return
	}
	t.mu.Lock()
	t.log = append(t.log, r.Host)
	t.mu.Unlock()
	name, port, err := net.SplitHostPort(r.Host)
	if err == nil && port != "443" {
		err = errors.New("nothing listens at port " + port)
	}
	if err == nil {
		_, err = parseHost(name)
	}
	if err != nil {
		t.refused()
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); err != nil {
		_ = conn.Close()
		return
	}
	select {
	case t.accept <- conn:
	case <-t.done:
		_ = conn.Close()
	}
}

// hosts returns what was asked for, sorted, each once.
func (t *tunnels) hosts() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(t.log)))
}

// Accept implements net.Listener.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.accept:
		return c, nil
	case <-t.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (t *tunnels) Close() error { t.close(); return nil }

// Addr implements net.Listener.
func (t *tunnels) Addr() net.Addr { return t.address }

func (t *tunnels) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log = nil
}
