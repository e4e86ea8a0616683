package s3store

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

func checkEndpoint(endpoint string, insecure bool) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.User != nil {
		// Not quoted: what is in front of the host may be a password.
		return errors.New("an endpoint is no URL, or has credentials in it: want http://host:port or https://host")
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("endpoint %q: want http://host:port or https://host", endpoint)
	}
	if insecure || wire.Private(u) {
		return nil
	}
	return fmt.Errorf("endpoint %q: %w; use https, or --insecure if you accept that", endpoint, objectstore.ErrInsecure)
}

// storageKey marks the requests that carry customers' data, as opposed to those
// of the credential chain.
type storageKey struct{}

type proxyFunc = func(*http.Request) (*url.URL, error)

// secure refuses what would go out in the clear, wherever its address comes
// from: the environment, a profile, a redirect. The transport asks for a proxy
// before each request that it sends, redirected ones included.
func secure(next proxyFunc, insecure bool) proxyFunc {
	return func(r *http.Request) (*url.URL, error) {
		if !insecure && r.Context().Value(storageKey{}) != nil && !wire.Private(r.URL) {
			return nil, fmt.Errorf("%w; use https, or --insecure if you accept that", objectstore.ErrInsecure)
		}
		if next == nil {
			return nil, nil
		}
		return next(r)
	}
}
