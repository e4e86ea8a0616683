package objectstore

import (
	"context"
	"errors"
	"time"

	"github.com/residency/residency/inventory/remedy"
)

// Provider is one account's view of one service, which hands out a store per region. Its
// methods may be called concurrently.
type Provider interface {
	// Regions lists the configured regions in order; empty means all that the
	// account's buckets are in.
	Regions() []string
	// Home is the region that is asked for what is of no region.
	Home() string
	// Global tells that a bucket's name means the same in all regions: each of them
	// lists the buckets of all, and knows where one is.
	Global() bool
	// Region returns the store of one region; without a name, of the home region.
	Region(region string) Store
}

// What keeps a provider from being opened.
var (
	// ErrInsecure reports an endpoint that would carry data in the clear.
	ErrInsecure = errors.New("plain http to another machine: data and keys could be read on the way")
	// ErrAmbient reports that the environment, or a profile, puts another service in
	// the place of the one that the provider's type means. Of who that is, and in which
	// country, nothing is known; the regions' names would say that it is the one meant.
	ErrAmbient = remedy.New("which is not Amazon's",
		"if you mean that service, configure it as a provider of type s3, with its endpoint, its operator and the country "+
			"of each region; otherwise unset the address, or set AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true")
)

// Timed stores tell their service's clock, to the second.
type Timed interface {
	Time(ctx context.Context) (time.Time, error)
}

// KeyEncoder tells whether listings of a bucket escape what their format cannot hold. Of
// others keys come as they are.
type KeyEncoder interface {
	EncodesKeys(ctx context.Context, bucket string) (bool, error)
}
