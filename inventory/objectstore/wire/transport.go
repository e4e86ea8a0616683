package wire

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Connections is how a provider's connections are made and kept.
type Connections struct {
	Idle   int           // kept for each address
	Window time.Duration // the longest wait for a piece of a request to be taken
	Answer time.Duration // the longest wait for an answer to begin
	Header int64         // the most bytes of an answer's header
	Now    func() time.Time
}

// Transport returns one of its own, whose proxy is still to be set.
func (c Connections) Transport() *http.Transport {
	t := &http.Transport{IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		ExpectContinueTimeout: time.Second}
	c.Set(t)
	return t
}

// Set sets up a transport. A connection carries one request at a time, whose fence it can ask:
// HTTP/2, in which many share one, is not spoken.
func (c Connections) Set(t *http.Transport) {
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.ForceAttemptHTTP2 = false
	t.MaxIdleConnsPerHost, t.MaxIdleConns = c.Idle, 4*c.Idle
	t.DisableCompression = true // bodies come as stored
	t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = c.Answer, c.Header
	// A small object with its header goes in one piece; large ones pass by the buffers, of
	// which each connection has two.
	t.WriteBufferSize, t.ReadBufferSize = 32<<10, 16<<10
	t.DialContext = dialer(t.DialContext, c.Window, c.Now)
}

// Private tells whether nobody on the way can read what is sent to an address.
func Private(u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") // as names are compared (RFC 4343, RFC 1034)
	if u.Scheme == "https" || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
