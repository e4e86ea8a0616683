package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// choosy takes no key that ends in a dot.
type choosy struct{ objectstore.Store }

func (choosy) CheckKey(key string) error {
	if strings.HasSuffix(key, ".") {
		return errors.New("a key must not end in a dot")
	}
	return nil
}

// What a service does not take is said by the service, with the count and the keys.
func TestKeysThatAreRefused(t *testing.T) {
	f := newFits(choosy{}, "cloud:bucket")
	for _, key := range []string{"a", "b.", "c.d", "e.."} {
		f.see(objectstore.Version{Key: key})
	}
	if f.refused.Count != 2 || string(f.refused.Keys[0]) != "b." || string(f.refused.Keys[1]) != "e.." ||
		f.refused.Text != "keys that the destination does not take; of the first one: a key must not end in a dot" {
		t.Errorf("refused: %+v", f.refused)
	}
}

// plain is of a service without delete markers.
type plain struct{ objectstore.Store }

func (plain) Capabilities() objectstore.Capabilities {
	return objectstore.Capabilities{NoMarkers: true}
}

// Delete markers block a plan whose destination has none, and no other.
func TestDeleteMarkersNeedADestination(t *testing.T) {
	history := []manifest.Entry{{Key: "a"}, {Key: "a", Marker: true}}
	for _, tt := range []struct {
		destination objectstore.Store
		want        int64
	}{{plain{}, 1}, {limited{}, 0}} {
		f := newFits(tt.destination, "cloud:bucket")
		f.seeMarkers(history)
		if f.marked.Count != tt.want {
			t.Errorf("%T: %+v, want %d", tt.destination, f.marked, tt.want)
		}
	}
}

// trailing is of a service that shows which keys are deleted, and has no other markers.
type trailing struct{ objectstore.Store }

func (trailing) Capabilities() objectstore.Capabilities {
	return objectstore.Capabilities{NoMarkers: true, TrailingMarkers: true}
}

// byUTF16 lists as Azure does.
type byUTF16 struct{ objectstore.Store }

func (byUTF16) Capabilities() objectstore.Capabilities {
	return objectstore.Capabilities{OrdersByUTF16: true}
}

// Keys that the destination would list in another order block, and no others.
func TestKeyOrders(t *testing.T) {
	for _, tt := range []struct {
		keys []string
		want int64
	}{
		{[]string{"a", "é", "日本"}, 0}, {[]string{"😀", "日本"}, 0}, {[]string{"\uff21", "日本"}, 0},
		{[]string{"x/\uff21", "b", "x/😀", "y/😀"}, 2}, {[]string{"\uff21😀"}, 1},
	} {
		for destination, want := range map[objectstore.Store]int64{byUTF16{}: tt.want, plain{}: 0} {
			f := newFits(destination, "cloud:bucket")
			for _, key := range tt.keys {
				f.see(objectstore.Version{Key: key})
			}
			if f.unordered.Count != want {
				t.Errorf("%T, %q: %d keys, want %d", destination, tt.keys, f.unordered.Count, want)
			}
		}
	}
}

// A marker can be written only as the newest, with a version beneath it. Others are recorded alone.
func TestTrailingMarkers(t *testing.T) {
	f := newFits(trailing{}, "cloud:bucket")
	for _, history := range [][]manifest.Entry{
		{{Key: "deleted"}, {Key: "deleted", Marker: true}},
		{{Key: "inner"}, {Key: "inner", Marker: true}, {Key: "inner"}},
		{{Key: "lone", Marker: true}},
		{{Key: "two"}, {Key: "two", Marker: true}, {Key: "two", Marker: true}},
		{{Key: "z", Marker: true}, {Key: "z", Marker: true}},
	} {
		f.seeMarkers(history)
	}
	var keys []string
	for _, k := range f.recorded.Keys {
		keys = append(keys, string(k))
	}
	if got := strings.Join(keys, " "); got != "inner lone two z z" || f.marked.Count != 0 {
		t.Errorf("markers that cannot be written: %s, %+v, %+v", got, f.recorded, f.marked)
	}
}

type limited struct{ objectstore.Store }

func (limited) Limits() objectstore.Limits { return objectstore.Limits{Object: 50, Key: 10} }

// What the destination says of itself decides, not a constant.
func TestFits(t *testing.T) {
	f := newFits(limited{}, "cloud:bucket")
	for _, v := range []objectstore.Version{
		{Key: "short", Size: 50}, {Key: "large", Size: 51}, {Key: strings.Repeat("k", 10), Size: 1},
		{Key: strings.Repeat("k", 11), Size: 1},
	} {
		f.see(v)
	}
	if f.large.Count != 1 || string(f.large.Keys[0]) != "large" || f.long.Count != 1 || len(f.long.Keys[0]) != 11 {
		t.Errorf("too large %+v, too long %+v; want one each", f.large, f.long)
	}
	none := newFits(struct{ objectstore.Store }{}, "cloud:bucket")
	none.see(objectstore.Version{Key: strings.Repeat("k", 5000), Size: 1 << 60})
	if none.large.Count+none.long.Count > 0 {
		t.Errorf("a store that names no limits: %+v, %+v", none.large, none.long)
	}
}
