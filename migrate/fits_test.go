package migrate

import (
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

type limited struct{ objectstore.Store }

func (limited) Limits() objectstore.Limits { return objectstore.Limits{Object: 50, Key: 10} }

// What the destination says of itself decides, not a constant.
func TestFits(t *testing.T) {
	f := newFits(limited{}, "cloud:bucket")
	for _, v := range []objectstore.Version{
		{Key: "short", Size: 50}, {Key: "large", Size: 51}, {Key: strings.Repeat("k", 10), Size: 1}, {Key: strings.Repeat("k", 11), Size: 1},
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
