package s3store

import (
	"cmp"
	"net/http"
	"net/url"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/residency/residency/inventory/objectstore/wire"
)

// Patience is when a connection counts as stalled. The zero value selects the
// defaults.
type Patience struct {
	Window time.Duration // default 30 s
	Rate   int64         // the least bytes per second of a body, over a window of waiting for it; default 1,024
	// the longest wait for an answer to begin, or for the next byte of one that is no object; default 2 min
	Answer time.Duration
}

func (p Patience) orDefault() Patience {
	return Patience{Window: cmp.Or(p.Window, 30*time.Second), Rate: cmp.Or(p.Rate, 1024),
		Answer: cmp.Or(p.Answer, 2*time.Minute)}
}

// connections is what lies beneath a transport. It stays the SDK's own type, which
// the credential chain and custom certificates are set up with.
func connections(o Options) *awshttp.BuildableClient {
	patience := o.Patience.orDefault()
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		wire.Connections{Idle: o.Connections, Window: patience.Window, Answer: patience.Answer, Header: maxError,
			Now: o.Now}.Set(t)
		if o.Proxy != nil {
			t.Proxy = o.Proxy
		}
		t.Proxy = secure(t.Proxy, o.Insecure)
	})
}

// follow lets a redirect stay where it is: what goes to an endpoint carries the
// customer's keys, and goes nowhere else because the endpoint says so. Of others
// the answer itself is the result, from which an error is made.
func follow(r *http.Request, via []*http.Request) error {
	from := via[0].URL
	if len(via) > maxRedirects || r.URL.Scheme != from.Scheme || r.URL.Hostname() != from.Hostname() ||
		port(r.URL) != port(from) {
		return http.ErrUseLastResponse
	}
	switch r.Response.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return nil
	}
	return http.ErrUseLastResponse // the others may turn a request into a GET
}

// maxRedirects is how many redirects of one request are followed.
const maxRedirects = 3

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
