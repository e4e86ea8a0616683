package objectstore_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

func TestParseLocation(t *testing.T) {
	for in, want := range map[string]objectstore.Location{
		"cloud:acme-prod":            {Provider: "cloud", Bucket: "acme-prod"},
		"cloud:shared/tenants/acme/": {Provider: "cloud", Bucket: "shared", Prefix: "tenants/acme/"},
		"cloud:shared//a b":          {Provider: "cloud", Bucket: "shared", Prefix: "/a b"},
		"":                           {}, "cloud": {}, ":bucket": {}, "cloud:": {}, "cloud:UPPER": {}, "cloud:ab": {},
		"cloud:-ab": {}, "cloud:ab.": {}, "cloud:a..b": {},
		"cloud:" + strings.Repeat("a", 64): {},
		"cloud:a_b":                        {Provider: "cloud", Bucket: "a_b"},
		"blob:acme.$web/x":                 {Provider: "blob", Bucket: "acme.$web", Prefix: "x"},
	} {
		got, err := objectstore.ParseLocation(in)
		if (err == nil) != (want.Bucket != "") || err == nil && got != want {
			t.Errorf("ParseLocation(%q) = %+v, %v", in, got, err)
		}
	}
}

func FuzzParseLocation(f *testing.F) {
	f.Add("cloud:shared/tenants/acme/")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := objectstore.ParseLocation(s)
		if err == nil && l.String() != s && l.String()+"/" != s {
			t.Errorf("%q became %q", s, l)
		}
	})
}

func TestOverlaps(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"c:shared/t/acme/", "c:shared/t/acme2/", false},
		{"c:shared/t/acme", "c:shared/t/acme2/", true},
		{"c:shared", "c:shared/t/", true},
		{"c:shared/t/", "d:shared/t/", false},
		{"c:shared/t/", "c:share-d/t/", false},
	} {
		a, errA := objectstore.ParseLocation(tt.a)
		b, errB := objectstore.ParseLocation(tt.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if a.Overlaps(b) != tt.want || b.Overlaps(a) != tt.want {
			t.Errorf("%s overlaps %s: want %t", tt.a, tt.b, tt.want)
		}
	}
}

// listing is "key:id key:id …", newest first within a key; "!" is an error.
func listing(text string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		for word := range strings.FieldsSeq(text) {
			if word == "!" {
				yield(objectstore.Version{}, errBroken)
				return
			}
			key, id, _ := strings.Cut(word, ":")
			if !yield(objectstore.Version{Key: key, VersionID: id}, nil) {
				return
			}
		}
	}
}

var errBroken = errors.New("broken")

func TestHistories(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"a:1":                 "a:1;",
		"a:3 a:2 a:1 b:1 c:9": "a:1 a:2 a:3;b:1;c:9;",
		"a:1 b:2 !":           "a:1;broken", // what came before an error and may be cut short is not yielded
		"a:1 a:1":             "listing out of order",
		"a:2 a:1 a:2":         "listing out of order",
		"a:1 b:1 b:2 b:1":     "a:1;listing out of order",
	} {
		got := ""
		for h, err := range objectstore.Histories(listing(in)) {
			if err != nil {
				got += strings.SplitN(err.Error(), ":", 2)[0]
				break
			}
			words := make([]string, len(h))
			for i, v := range h {
				words[i] = v.Key + ":" + v.VersionID
			}
			got += strings.Join(words, " ") + ";"
		}
		if got != want {
			t.Errorf("Histories(%s) = %s\nwant %s", in, got, want)
		}
	}
}

// TestOnly has one error among several not stand for the others.
func TestOnly(t *testing.T) {
	missing := &objectstore.Error{Op: "one", Kind: objectstore.ErrNotFound, Err: errors.New("no such thing")}
	busy := &objectstore.Error{Op: "another", Kind: objectstore.ErrThrottled}
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{missing, true},
		{objectstore.ErrNotFound, true},
		{fmt.Errorf("in words: %w", missing), true},
		{errors.Join(missing, fmt.Errorf("in words: %w", missing)), true},
		{busy, false},
		{errors.Join(missing, busy), false},
		{fmt.Errorf("in words: %w", errors.Join(missing, busy)), false},
	} {
		if got := objectstore.Only(test.err, objectstore.ErrNotFound); got != test.want {
			t.Errorf("%v: %v, want %v", test.err, got, test.want)
		}
	}
}
