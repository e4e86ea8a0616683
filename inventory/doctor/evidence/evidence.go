// Package evidence asks a service what it is believed to do, and writes down what it
// did. It writes to buckets of its own alone, which it removes at the end.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Schema is that of a report.
const Schema = "residency/evidence/1"

// Outcome is what became of one claim.
type Outcome string

// A claim that could not be asked says why in Observed.
const (
	AsExpected Outcome = "as expected"
	Otherwise  Outcome = "otherwise"
	NotAsked   Outcome = "not asked"
)

// Claim is one thing that a service is believed to do.
type Claim struct {
	ID       string  `json:"id"`
	Claim    string  `json:"claim"`
	Source   string  `json:"source"` // of what is expected
	Expected string  `json:"expected"`
	Observed string  `json:"observed"`
	Outcome  Outcome `json:"outcome"`
	// Exchanges are the requests by which it was asked, without credentials.
	Exchanges []objectstore.Exchange `json:"exchanges"`
}

// Report is what there is to send back.
type Report struct {
	Schema      string             `json:"schema"`
	Tool        string             `json:"tool"`
	At          time.Time          `json:"at"`
	Finished    time.Time          `json:"finished"`
	Place       string             `json:"place"`           // provider:region
	Other       string             `json:"other,omitempty"` // another region of the provider
	Endpoint    string             `json:"endpoint"`
	Caller      objectstore.Caller `json:"caller"`
	Buckets     []string           `json:"buckets"`
	Interrupted bool               `json:"interrupted"`
	Removed     bool               `json:"removed"` // nothing of what was written is left
	Left        []string           `json:"left"`    // what is, and why
	Claims      []Claim            `json:"claims"`
}

// Store is what is asked.
type Store interface {
	objectstore.Store
	objectstore.Addressed
	objectstore.Identifier
}

// Region is one region of a provider.
type Region struct {
	Name  string // provider:region
	Store Store
}

// Collector asks one provider. Now, Sleep and Name are required.
type Collector struct {
	Near  Region
	Far   *Region // another region of the provider; nil: what needs one is not asked
	Name  string  // begins the names of all buckets
	Tool  string
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error

	mu    sync.Mutex // guards what follows
	taken []objectstore.Exchange

	made []made
}

// made is a bucket that was asked for.
type made struct {
	at   Region
	name string
}

// Observe takes what was sent and answered.
func (c *Collector) Observe(x objectstore.Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = append(c.taken, x)
}

// take returns what was observed since the last time.
func (c *Collector) take() []objectstore.Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.taken
	c.taken = nil
	return append([]objectstore.Exchange{}, taken...)
}

// The buckets, by what they are for.
func (c *Collector) plain() string  { return c.Name + "-plain" }
func (c *Collector) kept() string   { return c.Name + "-versions" }
func (c *Collector) later() string  { return c.Name + "-later" }
func (c *Collector) locked() string { return c.Name + "-locked" }
func (c *Collector) away() string   { return c.Name + "-away" }

// Buckets names all that will be made.
func (c *Collector) Buckets() []string {
	names := []string{c.plain(), c.kept(), c.later(), c.locked()}
	if c.Far != nil {
		names = append(names, c.away())
	}
	return names
}

// Run asks everything, and removes what it wrote, also when the context ends. The
// report is never nil; the error is the context's, or that something is left.
func (c *Collector) Run(ctx context.Context) (*Report, error) {
	r := &Report{Schema: Schema, Tool: c.Tool, At: c.Now().UTC(), Place: c.Near.Name, Endpoint: c.Near.Store.URL(),
		Caller: c.Near.Store.Caller(ctx), Buckets: c.Buckets(), Left: []string{}, Claims: []Claim{}}
	if c.Far != nil {
		r.Other = c.Far.Name
	}
	c.take()
	for _, q := range c.questions() {
		claim := q.claim
		if ctx.Err() != nil {
			claim.Outcome, claim.Observed = NotAsked, "interrupted"
		} else {
			claim.Outcome, claim.Observed = judge(q.ask(ctx))
		}
		claim.Exchanges = c.take()
		r.Claims = append(r.Claims, claim)
	}
	r.Interrupted = ctx.Err() != nil
	err := c.remove(context.WithoutCancel(ctx), r)
	r.Finished = c.Now().UTC()
	return r, errors.Join(ctx.Err(), err)
}

// Plan is what Run would ask, unasked.
func (c *Collector) Plan() []Claim {
	var claims []Claim
	for _, q := range c.questions() {
		claims = append(claims, q.claim)
	}
	return claims
}

// errUnasked reports that a claim could not be asked.
var errUnasked = errors.New("not asked")

func judge(observed string, as bool, err error) (Outcome, string) {
	switch {
	case err != nil:
		return NotAsked, err.Error()
	case as:
		return AsExpected, observed
	}
	return Otherwise, observed
}

// removeTime bounds the removal.
const removeTime = 5 * time.Minute

// ErrLeft reports that something could not be removed.
var ErrLeft = errors.New("not everything that was written could be removed")

// remove takes away all buckets that were asked for.
func (c *Collector) remove(ctx context.Context, r *Report) error {
	ctx, stop := context.WithTimeout(ctx, removeTime)
	defer stop()
	for _, m := range slices.Backward(c.made) {
		if err := empty(ctx, m.at.Store, m.name); err != nil {
			r.Left = append(r.Left, fmt.Sprintf("bucket %s in %s: %v", m.name, m.at.Name, err))
		}
	}
	if r.Removed = len(r.Left) == 0; !r.Removed {
		return fmt.Errorf("%w: %s", ErrLeft, strings.Join(r.Left, "; "))
	}
	return nil
}

// empty removes a bucket with all that is in it. One that is not there is no error.
func empty(ctx context.Context, store Store, bucket string) error {
	if _, err := store.BucketRegion(ctx, bucket); errors.Is(err, objectstore.ErrNotFound) {
		return nil
	}
	if err := store.SetSetting(ctx, bucket, objectstore.Policy, nil); err != nil &&
		!errors.Is(err, objectstore.ErrNotOffered) && !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	for u, err := range store.Uploads(ctx, bucket, "") {
		if err == nil {
			err = store.AbortUpload(ctx, bucket, u.Key, u.UploadID)
		}
		if err != nil {
			return err
		}
	}
	for v, err := range store.Versions(ctx, bucket, "", "") {
		if err != nil {
			return err
		}
		results, err := store.Delete(ctx, bucket, []objectstore.Deletion{{Key: v.Key, VersionID: v.VersionID}})
		if err == nil {
			err = results[0]
		}
		if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return err
		}
	}
	if err := store.DeleteBucket(ctx, bucket); err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	return nil
}

// Redact takes out of a report what is nobody else's business: credentials and
// customers' keys always, account numbers but for their last four digits, and the
// names of users, unless they are to stay.
func (r *Report) Redact(withAccounts bool) {
	number := regexp.MustCompile(`\b[0-9]{12}\b`)
	name := regexp.MustCompile(`(arn:[a-z-]+:(?:iam|sts)::[0-9]{12}:[a-z-]+)/[^\s"]+`)
	text := func(s string) string {
		if withAccounts {
			return s
		}
		s = name.ReplaceAllString(s, "$1/…") // which may be a person's
		return number.ReplaceAllStringFunc(s, func(n string) string { return "********" + n[8:] })
	}
	r.Caller.ARN, r.Caller.Reason, r.Endpoint = text(r.Caller.ARN), text(r.Caller.Reason), text(r.Endpoint)
	for i := range r.Left {
		r.Left[i] = text(r.Left[i])
	}
	for i := range r.Claims {
		c := &r.Claims[i]
		c.Observed = text(c.Observed)
		for j := range c.Exchanges {
			x := &c.Exchanges[j]
			x.URL, x.Request, x.Answer = text(x.URL), clean(x.Request, text), clean(x.Answer, text)
		}
	}
}

// clean leaves out the headers that hold secrets.
func clean(h http.Header, text func(string) string) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		switch name = http.CanonicalHeaderKey(name); {
		case name == "Authorization", name == "X-Amz-Security-Token", name == "Cookie", name == "Set-Cookie",
			strings.Contains(name, "Customer-Key"):
			continue
		}
		for _, v := range values {
			out[name] = append(out[name], text(v))
		}
	}
	return out
}
