package s3store

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
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
	if insecure || private(u) {
		return nil
	}
	return fmt.Errorf("endpoint %q: %w; use https, or --insecure if you accept that", endpoint, objectstore.ErrInsecure)
}

// private tells whether nobody on the way can read what is sent to an address.
func private(u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") // as names are compared (RFC 4343, RFC 1034)
	if u.Scheme == "https" || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
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
		if !insecure && r.Context().Value(storageKey{}) != nil && !private(r.URL) {
			return nil, fmt.Errorf("%w; use https, or --insecure if you accept that", objectstore.ErrInsecure)
		}
		if next == nil {
			return nil, nil
		}
		return next(r)
	}
}
