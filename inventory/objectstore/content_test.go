package objectstore_test

import (
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

func TestETagContent(t *testing.T) {
	hash := strings.Repeat("0a", 16)
	for etag, want := range map[string]struct {
		sum   bool
		parts int
	}{
		hash: {true, 0}, hash + "-1": {true, 1}, hash + "-10000": {true, 10000},
		"": {}, hash[1:]: {}, strings.ToUpper(hash): {}, `"` + hash + `"`: {}, "opaque00000001": {},
		// Sent in parts, but of no known number, or with an ETag that says nothing more.
		hash + "-": {false, 1}, hash + "-x": {false, 1}, hash + "-1-2": {false, 1}, hash + "-+2": {false, 1},
		"opaque00000001-3": {false, 3},
	} {
		got := objectstore.ETagContent(etag)
		if (got.Sum.Algorithm == objectstore.MD5) != want.sum || got.Parts != want.parts ||
			want.sum && (got.Sum.Value != etag || got.Sum.Composite != (want.parts > 0)) {
			t.Errorf("%q: %+v, want an MD5 %t, %d parts", etag, got, want.sum, want.parts)
		}
	}
	for _, encrypted := range []string{"aws:kms", "aws:kms:dsse", objectstore.CustomerKey} {
		if got := objectstore.ETagSum(hash, encrypted, ""); got != (objectstore.Checksum{}) {
			t.Errorf("under %s: %+v, want nothing", encrypted, got)
		}
	}
	if got := objectstore.ETagSum(hash, "", "key"); got != (objectstore.Checksum{}) {
		t.Errorf("under a named key: %+v, want nothing", got)
	}
}

// What a listing says of content counts before what its ETags look like.
func TestContentOfListings(t *testing.T) {
	v := objectstore.Version{ETag: strings.Repeat("0a", 16) + "-2"}
	if v.Sum().Algorithm != objectstore.MD5 || v.Parts() != 2 {
		t.Errorf("by its ETag: %+v, %d parts", v.Sum(), v.Parts())
	}
	crc := objectstore.Checksum{Algorithm: "CRC32C", Value: "x"}
	v.Content = &objectstore.Content{Sum: crc}
	if v.Sum() != crc || v.Parts() != 0 {
		t.Errorf("by the listing: %+v, %d parts", v.Sum(), v.Parts())
	}
	v.Content = &objectstore.Content{}
	if v.Sum() != (objectstore.Checksum{}) || v.Parts() != 0 {
		t.Errorf("of a listing that says nothing: %+v, %d parts", v.Sum(), v.Parts())
	}
}

func TestSame(t *testing.T) {
	with := func(value string) objectstore.Version {
		return objectstore.Version{Key: "k", Content: &objectstore.Content{Sum: objectstore.Checksum{Value: value}}}
	}
	plain := objectstore.Version{Key: "k"}
	for _, tt := range []struct {
		a, b objectstore.Version
		want bool
	}{
		{plain, plain, true}, {plain, objectstore.Version{Key: "l"}, false}, {with("x"), with("x"), true},
		{with("x"), with("y"), false}, {with("x"), plain, false},
	} {
		if got := tt.a.Same(tt.b); got != tt.want {
			t.Errorf("%+v and %+v: %t", tt.a, tt.b, got)
		}
	}
}
