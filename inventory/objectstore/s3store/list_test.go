package s3store

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore"
)

const answer = `<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><MaxKeys>1000</MaxKeys>
<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>a+%26b</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>
<Version><Key>a+%26b</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;e&#34;</ETag><Size>7</Size><Owner><ID>me</ID></Owner><StorageClass>STANDARD</StorageClass></Version>
<DeleteMarker><Key>c</Key><IsLatest>true</IsLatest><LastModified>2026-01-02T03:04:06Z</LastModified></DeleteMarker>
</ListVersionsResult>`

func TestParsePage(t *testing.T) {
	p, err := parsePage([]byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	want := []objectstore.Version{
		{Key: "a &b", VersionID: "v2", Latest: true, Modified: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ETag: "e",
			Size: 7, StorageClass: "STANDARD"},
		{Key: "c", VersionID: "null", Marker: true, Latest: true,
			Modified: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)},
	}
	if d := cmp.Diff(want, p.versions); d != "" {
		t.Errorf("versions (-want +got):\n%s", d)
	}
	if !p.truncated || p.nextKey != "a &b" || p.nextID != "v1" {
		t.Errorf("truncated %t, next %q %q", p.truncated, p.nextKey, p.nextID)
	}
}

// What is cut off or not understood must never look like a shorter listing.
func TestParsePageFaults(t *testing.T) {
	for i := range len(answer) {
		if p, err := parsePage([]byte(answer[:i])); err == nil {
			t.Fatalf("cut off after %d bytes it is a listing of %d entries:\n%s", i, len(p.versions), answer[:i])
		}
	}
	for _, tt := range []struct{ name, old, new string }{
		{"no key", "<Key>c</Key>", ""},
		{"bad size", "<Size>7<", "<Size>many<"},
		{"bad date", "2026-01-02T03:04:05.000Z", "yesterday"},
		{"bad flag", "<IsTruncated>true", "<IsTruncated>maybe"},
		{"bad escape", "<Key>a+%26b", "<Key>a+%2"},
		{"bad entity", "&quot;", "&quotation;"},
		{"comment", "<Name>", "<!-- hidden --><Name>"},
		{"CDATA", "<Name>b", "<Name><![CDATA[b]]>"},
		{"error document", "ListVersionsResult", "Error"},
		{"second root", "</ListVersionsResult>", "</ListVersionsResult><ListVersionsResult></ListVersionsResult>"},
		{"crossed tags", "</Version>", "</DeleteMarker>"},
		{"nested key", "<Key>c", "<Key><b>c</b>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.ReplaceAll(answer, tt.old, tt.new)
			if text == answer {
				t.Fatal("the case changes nothing")
			}
			if _, err := parsePage([]byte(text)); err == nil {
				t.Errorf("accepted:\n%s", text)
			}
		})
	}
}

func TestSortPage(t *testing.T) {
	const older, newer, newest = "01J0000000000000000000000A", "01J0000000000000000000000B",
		"01J0000000000000000000000C"
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	version := func(id string, s int) objectstore.Version {
		return objectstore.Version{Key: "k", VersionID: id, Modified: at(s)}
	}
	marker := func(id string, s int) objectstore.Version {
		v := version(id, s)
		v.Marker = true
		return v
	}
	latest := func(v objectstore.Version) objectstore.Version {
		v.Latest = true
		return v
	}
	for _, tt := range []struct {
		name string
		in   []objectstore.Version
		want string
	}{
		{"interleaved stands, whatever the IDs", []objectstore.Version{latest(version("x", 3)), marker("m", 3),
			version("y", 3)}, "x m y"},
		{"grouped, ULIDs tell", []objectstore.Version{version(newest, 1), version(older, 1), latest(marker(newer, 1))},
			newer + " " + newest + " " + older},
		{"grouped, ULIDs tell between", []objectstore.Version{latest(version(newest, 1)), version(older, 1),
			marker(newer, 9)}, newest + " " + newer + " " + older},
		{"grouped, dates tell", []objectstore.Version{latest(version("c", 5)), version("a", 1), marker("b", 3)},
			"c b a"},
		{"grouped, the current one is the newest", []objectstore.Version{version("c", 1), version("a", 1),
			latest(marker("b", 1))}, "b c a"},
		{"markers first, dates that mislead", []objectstore.Version{marker(older, 9), latest(version(newest, 1)),
			version(newer, 1)}, newest + " " + newer + " " + older},
		{"markers first", []objectstore.Version{marker("b", 3), latest(version("c", 5)), version("a", 1)}, "c b a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sortPage(tt.in)
			var ids []string
			for _, v := range tt.in {
				ids = append(ids, v.VersionID)
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("order %s\nwant  %s", got, tt.want)
			}
		})
	}
}

func TestFollows(t *testing.T) {
	last := objectstore.Version{Key: "p/b", VersionID: "1"}
	for _, tt := range []struct {
		key, id string
		ok      bool
	}{
		{"p/b", "2", true},
		{"p/c", "1", true},
		{"p/b\x00", "1", true},
		{"p/b", "1", false},
		{"p/a", "1", false},
		{"q", "1", false},
	} {
		err := objectstore.Follows(last, objectstore.Version{Key: tt.key, VersionID: tt.id}, "p/")
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, objectstore.ErrOrder) {
			t.Errorf("%q %s after %q %s: %v", tt.key, tt.id, last.Key, last.VersionID, err)
		}
	}
}

// FuzzParsePage: never a panic, and where the standard library reads the
// document without complaint, the same entries.
func FuzzParsePage(f *testing.F) {
	f.Add([]byte(answer))
	f.Add([]byte(`<ListVersionsResult><Version><Key>&#x1F600;</Key><LastModified>2026-01-02T03:04:05Z</LastModified></Version></ListVersionsResult>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePage(data)
		if err != nil {
			return
		}
		var std struct {
			Encoding string                 `xml:"EncodingType"`
			Versions []struct{ Key string } `xml:"Version"`
			Markers  []struct{ Key string } `xml:"DeleteMarker"`
		}
		if xml.Unmarshal(data, &std) != nil || std.Encoding == "url" {
			return
		}
		if n := len(std.Versions) + len(std.Markers); n != len(p.versions) {
			t.Fatalf("%d entries, encoding/xml reads %d", len(p.versions), n)
		}
		var versions, markers int
		for _, v := range p.versions {
			want := ""
			if v.Marker {
				want = std.Markers[markers].Key
				markers++
			} else {
				want = std.Versions[versions].Key
				versions++
			}
			if strings.ReplaceAll(v.Key, "\r\n", "\n") != want && strings.ReplaceAll(v.Key, "\r", "\n") != want {
				t.Errorf("key %q, encoding/xml reads %q", v.Key, want)
			}
		}
	})
}

func BenchmarkParsePage(b *testing.B) {
	var text strings.Builder
	text.WriteString(`<ListVersionsResult><EncodingType>url</EncodingType>`)
	for i := range pageKeys {
		fmt.Fprintf(&text,
			`<Version><Key>logs/2025/%06d.bin</Key><VersionId>01J000000000000000000%05d</VersionId><IsLatest>true</IsLatest><LastModified>2026-01-02T03:04:05Z</LastModified><ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>2048</Size><StorageClass>STANDARD</StorageClass></Version>`, i, i)
	}
	text.WriteString(`</ListVersionsResult>`)
	raw := []byte(text.String())
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parsePage(raw); err != nil {
			b.Fatal(err)
		}
	}
}
