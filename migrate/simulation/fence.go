package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/plan"
)

// policy is one that a bucket may have had before the fence.
func (w *world) policy(bucket string) []byte {
	w.policies[bucket] = fmt.Appendf(nil,
		`{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Principal":{
			"AWS":"arn:aws:iam::123456789012:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}`, bucket)
	return w.policies[bucket]
}

// denied tells whether a fence kept people from what they were about to do.
func (w *world) denied(err error) bool {
	if w.options.fence && errors.Is(err, objectstore.ErrDenied) {
		w.say("    denied")
		return true
	}
	must(err)
	return false
}

// fenced tells whether the plan's durable record says that its fence holds.
func (w *operator) fenced() bool {
	var record struct{ Honoured bool }
	return w.plan != nil && json.Unmarshal(w.durable(w.plan.ID+"/fence.json"), &record) == nil && record.Honoured
}

// fencedElsewhere tells whether another state has begun to fence by a plan that is the same one.
func (w *operator) fencedElsewhere() bool {
	return slices.ContainsFunc(w.operators, func(o *operator) bool {
		return o.state != w.state && o.plan != nil && w.plan != nil && o.plan.Digest == w.plan.Digest &&
			len(o.durable(o.plan.ID+"/fence.json")) > 0
	})
}

// lifted: the plan's fence does not stand any more, and every bucket has the
// policy that it had. That of an earlier plan stands until that one is aborted.
func (w *operator) lifted(why string) {
	for _, p := range w.places {
		now, err := w.source.Region(us).Setting(context.Background(), p.bucket, objectstore.Policy)
		must(err)
		if bytes.Contains(now, []byte("ResidencyFence")) &&
			!bytes.Contains(now, []byte(w.plan.Digest[:plan.MinApproval])) {
			continue
		}
		var a, b any
		if len(now) > 0 {
			must(json.Unmarshal(now, &a))
		}
		if before := w.policies[p.bucket]; before != nil {
			must(json.Unmarshal(before, &b))
		}
		if !reflect.DeepEqual(a, b) {
			w.oracle.violate("fence", "%s, and the policy of %s is %s; it was %s", why, p.bucket, now,
				w.policies[p.bucket])
		}
	}
}
