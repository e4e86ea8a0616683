package gcsstore

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// errPays reports a bucket that is read and written at the cost of whoever asks.
var errPays = remedy.Wrap(fmt.Errorf("%w: whoever asks pays for requests to the bucket (requester pays), and nobody "+
	"is named who does", objectstore.ErrRejected),
	"set requester_pays: project in the provider's configuration, and project to the one that pays; then run the same "+
		"command again")

// payer is who pays for requests to buckets whose requesters do (Cloud Storage documentation,
// "Requester Pays"). A project that is named pays for whatever it is named with, so it is named
// to no other buckets: that a bucket is of this kind is learned from its first refusal, with
// which nothing was done. A run looks at buckets before it writes, so that it is no body of a
// write that is lost to this. Its methods may be called concurrently.
type payer struct {
	project string // empty: nobody
	buckets sync.Map
}

// name names the project in a request to a bucket that is known to want it.
func (p *payer) name(r *request) {
	if _, wants := p.buckets.Load(r.bucket); wants && p.project != "" {
		r.paidBy(p.project)
	}
}

// learn tells whether a refusal is for want of a project that there is.
func (p *payer) learn(r *request, refused error) bool {
	if p.project == "" || r.bucket == "" || !errors.Is(refused, errPays) {
		return false
	}
	p.buckets.Store(r.bucket, true)
	return r.payer == ""
}

// paidBy names the project that pays (JSON API, "Query parameters", userProject; XML API,
// "x-goog-user-project").
func (r *request) paidBy(project string) {
	r.payer = project
	if strings.HasPrefix(r.op, "storage.multipartUploads.") {
		r.header.Set("X-Goog-User-Project", project)
		return
	}
	if r.query == nil {
		r.query = make(query)
	}
	r.query["userProject"] = project
}
