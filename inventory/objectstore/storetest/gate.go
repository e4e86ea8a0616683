package storetest

import (
	"context"
	"fmt"
	"net/http"
)

// Freeze holds all requests that arrive from now on, until Thaw or Close. They
// are counted, but no fault is asked for and nothing is forwarded.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate == nil {
		p.gate = make(chan struct{})
	}
}

// Thaw lets held requests go on.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate != nil {
		close(p.gate)
		p.gate = nil
	}
}

// Await returns when at least n requests of the operation have arrived.
func (p *Proxy) Await(ctx context.Context, operation string, n int) error {
	for {
		p.mu.Lock()
		count, arrived := p.counts[operation], p.arrived
		p.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return fmt.Errorf("proxy: %d of %d %s: %w", count, n, operation, ctx.Err())
		}
	}
}

// arrive counts a request and holds it while the proxy is frozen. It returns
// false if the request is to be dropped; otherwise the caller calls
// p.running.Done at its end.
func (p *Proxy) arrive(r *http.Request) (Request, bool) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return Request{}, false
	}
	p.running.Add(1)
	req := Request{Operation: Operation(r), Query: r.URL.Query(), Header: r.Header}
	req.Bucket, req.Key = split(r.URL)
	p.counts[req.Operation]++
	req.N = p.counts[req.Operation]
	close(p.arrived)
	p.arrived = make(chan struct{})
	gate := p.gate
	p.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			p.running.Done()
			return req, false
		}
	}
	return req, true
}

// decide asks what to do to a request.
func (p *Proxy) decide(req Request) Fault {
	p.mu.Lock()
	fault := p.fault
	p.mu.Unlock()
	if fault == nil {
		return Fault{}
	}
	return fault(req)
}

func (p *Proxy) logf(format string, args ...any) {
	if p.log == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.log, format+"\n", args...)
}
