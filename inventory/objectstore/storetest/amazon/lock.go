package amazon

import (
	"encoding/xml"
	"net/http"
	"time"
)

const lockEnabled = `<ObjectLockConfiguration ` + namespace +
	`><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>`

// lockConfiguration answers whether a bucket has object lock, and turns it on. The
// servers behind know that it is on, and not what it gives by default.
func (c *call) lockConfiguration() *refusal {
	b := c.bucket
	if c.operation == "GetObjectLockConfiguration" {
		text := b.setting("ObjectLockConfiguration")
		switch {
		case text != "":
			return c.answer(http.StatusOK, []byte(text))
		case b.lock:
			return c.answer(http.StatusOK, []byte(lockEnabled))
		}
		return notFound("ObjectLockConfigurationNotFoundError",
			"Object Lock configuration does not exist for this bucket")
	}
	if _, err := retention(string(c.body)); err != nil {
		return malformedXML()
	}
	resp, err := c.server.send(c.r.Context(), b.region, behind{
		method: http.MethodPut, bucket: c.name, query: map[string][]string{"object-lock": {""}},
		body: []byte(lockEnabled),
	})
	if err != nil {
		return broken(err)
	}
	if resp.status != http.StatusOK {
		return resp.refusal()
	}
	b.set("ObjectLockConfiguration", string(c.body))
	b.mu.Lock()
	b.lock = true
	b.mu.Unlock()
	return c.answer(http.StatusOK, nil)
}

// defaultRetention is what a bucket gives objects that say nothing themselves.
type defaultRetention struct {
	Mode        string
	Days, Years int
}

func retention(text string) (defaultRetention, error) {
	var configuration struct {
		Rule struct{ DefaultRetention defaultRetention }
	}
	if text == "" {
		return defaultRetention{}, nil
	}
	err := xml.Unmarshal([]byte(text), &configuration)
	return configuration.Rule.DefaultRetention, err
}

// retain gives a new object the bucket's default retention, which from then on is the
// object's own (Amazon S3 User Guide, "Locking objects with Object Lock", Default
// retention).
func (c *call) retain(h http.Header) {
	if h.Get("X-Amz-Object-Lock-Mode") != "" {
		return
	}
	r, err := retention(c.bucket.setting("ObjectLockConfiguration"))
	if err != nil || r.Mode == "" {
		return // was checked when it was given
	}
	c.server.applied("lock-default")
	h.Set("X-Amz-Object-Lock-Mode", r.Mode)
	h.Set("X-Amz-Object-Lock-Retain-Until-Date", c.server.now().AddDate(r.Years, 0, r.Days).UTC().Format(time.RFC3339))
}
