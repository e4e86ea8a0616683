package amazon

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// eventHold begins the headers of one, which the servers behind do not know.
const eventHold = "X-Amz-Object-Lock-Event-Hold"

// heldBy are the headers of an event hold that a request puts a new object under; nil
// if it does not.
func heldBy(h http.Header) http.Header {
	if h.Get(eventHold) != "ON" {
		return nil
	}
	out := http.Header{}
	for name, values := range h {
		if strings.HasPrefix(name, eventHold) {
			out[name] = values
		}
	}
	return out
}

// retention answers GetObjectRetention, which tells of an event hold too.
func (c *call) retention() *refusal {
	o := c.bucket.object(c.key, c.query.Get("versionId"))
	if o.event == nil {
		return c.plain()
	}
	out := c.forward()
	out.body, out.stream = nil, nil
	resp, err := c.server.send(c.r.Context(), c.bucket.region, out)
	if err != nil {
		return broken(err)
	}
	tree := &node{name: "Retention"}
	if resp.status == http.StatusOK {
		if tree, err = parseTree(resp.body); err != nil {
			return broken(err)
		}
	}
	c.server.applied("event-hold")
	tree.set("EventHold", "ON")
	duration := &node{name: "EventHoldDuration"}
	for _, name := range slices.Sorted(maps.Keys(o.event)) {
		if unit, ok := strings.CutPrefix(name, eventHold+"-Duration-"); ok {
			duration.set(unit, o.event.Get(name))
		}
	}
	tree.children = append(tree.children, duration)
	return c.answer(http.StatusOK, tree.document())
}
