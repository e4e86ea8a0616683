package storetest

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// exchange is one request and what becomes of it.
type exchange struct {
	*Proxy
	w      http.ResponseWriter
	r      *http.Request
	req    Request
	fault  Fault
	status int // sent; 0: none
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	req, ok := p.arrive(r)
	if !ok {
		abort()
	}
	defer p.running.Done()
	r.Body = &countedReader{r.Body, &p.received}
	x := &exchange{Proxy: p, w: w, r: r, req: req, fault: p.decide(req)}
	defer func() {
		p.logf("%s %d: %s %s: status %d", req.Operation, req.N, r.Method, r.RequestURI, x.status)
	}()
	x.run()
}

// abort closes the client's connection as it stands.
func abort() { panic(http.ErrAbortHandler) }

func (x *exchange) run() {
	f := x.fault
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-x.r.Context().Done():
			abort()
		}
	}
	switch {
	case f.Reset:
		x.reset()
	case f.AckWithoutDoing:
		x.acknowledge()
	case f.Answer != "":
		x.drain()
		x.start(cmp.Or(f.Status, http.StatusOK), http.Header{"Content-Type": {"application/xml"},
			"Content-Length": {strconv.Itoa(len(f.Answer))}})
		x.send(strings.NewReader(f.Answer))
	case f.ErrorBody200:
		x.drain()
		x.sendError(http.StatusOK, f.Code)
	case f.Status > 200 && f.Status < 300:
		x.drain()
		x.start(f.Status, http.Header{"Content-Length": {"0"}})
	case f.Status != 0:
		x.drain()
		x.sendError(f.Status, f.Code)
	case f.Resign && x.signer == nil:
		x.sendError(http.StatusNotImplemented, "ProxyHasNoSigner")
	default:
		x.pass()
	}
}

// pass forwards the request and relays the answer.
func (x *exchange) pass() {
	out, err := x.outgoing()
	if err != nil {
		x.logf("%s %d: %v", x.req.Operation, x.req.N, err)
		x.sendError(http.StatusBadGateway, "ProxyCannotAlterRequest")
		return
	}
	// The transport may go on reading the body after it has answered; closing
	// the body ends that before the server takes the connection back.
	defer x.r.Body.Close()
	resp, err := x.transport.RoundTrip(out)
	if err != nil {
		x.logf("%s %d: %v", x.req.Operation, x.req.N, err)
		abort()
	}
	defer resp.Body.Close()
	if x.fault.LostResponse {
		_, _ = io.Copy(io.Discard, resp.Body) // until the server is done with it
		abort()
	}
	x.relay(resp)
}

// reset ends the connection with a TCP reset.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		abort()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it is an orderly close, which is as well
	}
	_ = conn.Close()
}

// drain takes in what the client is sending. A client that waits to be told to
// send is not.
func (x *exchange) drain() {
	if x.r.Header.Get("Expect") == "" {
		_, _ = io.Copy(io.Discard, x.r.Body) // a client gone meanwhile is found out on answering
	}
}
