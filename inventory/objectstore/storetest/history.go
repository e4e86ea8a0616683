package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Entry is one version of an object or one delete marker, with everything that
// can be read of it. Maps and slices are nil where there is nothing.
type Entry struct {
	Marker    bool // a delete marker: of what follows only VersionID and Modified are set
	VersionID string
	Modified  time.Time

	ETag      string  // without quotes
	Size      int64   // bytes of the body as read back
	SHA256    string  // hex, of the body as read back
	PartSizes []int64 // of a multipart object, where the server tells

	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	Expires            string // as the header stands
	WebsiteRedirect    string
	Metadata           map[string]string
	Tags               map[string]string
	StorageClass       string // STANDARD where the server says nothing

	Checksums    map[string]string // those the server keeps: algorithm, such as SHA256, to value
	ChecksumType string            // FULL_OBJECT or COMPOSITE, where the server tells

	Grants []string // to others than the owner, where the server has ACLs; sorted

	LockMode  string
	LockUntil time.Time // UTC
	LegalHold bool
}

// Histories is what a bucket holds: by key, its entries from the oldest to the
// newest.
type Histories map[string][]Entry

// Diff returns a listing of the differences between two snapshots, one per
// line, or the empty string if they hold the same. Version IDs and dates of
// modification are not compared: they are the server's to assign.
func Diff(want, got Histories) string {
	var b strings.Builder
	keys := slices.Sorted(maps.Keys(want))
	for key := range got {
		if _, ok := want[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		w, g := want[key], got[key]
		switch {
		case len(g) == 0 && len(w) > 0:
			fmt.Fprintf(&b, "%q: missing; want %s\n", key, kinds(w))
		case len(w) == 0 && len(g) > 0:
			fmt.Fprintf(&b, "%q: unexpected: %s\n", key, kinds(g))
		case len(w) != len(g):
			fmt.Fprintf(&b, "%q: %s; want %s\n", key, kinds(g), kinds(w))
		}
		for i := range min(len(w), len(g)) {
			for _, d := range differences(w[i], g[i]) {
				fmt.Fprintf(&b, "%q, entry %d of %d: %s\n", key, i+1, len(w), d)
			}
		}
	}
	return b.String()
}

// kinds counts entries by kind.
func kinds(entries []Entry) string {
	markers := 0
	for _, e := range entries {
		if e.Marker {
			markers++
		}
	}
	return fmt.Sprintf("%d versions and %d delete markers", len(entries)-markers, markers)
}

func differences(want, got Entry) []string {
	w, g := want.fields(), got.fields()
	names := slices.Collect(maps.Keys(w))
	for name := range g {
		if _, ok := w[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []string
	for _, name := range names {
		if w[name] != g[name] {
			out = append(out, fmt.Sprintf("%s %s, want %s", name, orNone(g[name]), orNone(w[name])))
		}
	}
	return out
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}

// fields returns what is compared of an entry, by name; what is not there is
// left out.
func (e Entry) fields() map[string]string {
	if e.Marker {
		return map[string]string{"kind": "delete marker"}
	}
	f := map[string]string{"kind": "version", "size": fmt.Sprint(e.Size), "sha256": e.SHA256}
	set := func(name, value string) {
		if value != "" {
			f[name] = fmt.Sprintf("%q", value)
		}
	}
	set("etag", e.ETag)
	set("content-type", e.ContentType)
	set("cache-control", e.CacheControl)
	set("content-disposition", e.ContentDisposition)
	set("content-encoding", e.ContentEncoding)
	set("content-language", e.ContentLanguage)
	set("expires", e.Expires)
	set("website redirect", e.WebsiteRedirect)
	set("storage class", e.StorageClass)
	set("checksum type", e.ChecksumType)
	set("lock mode", e.LockMode)
	for kind, values := range map[string]map[string]string{"metadata": e.Metadata, "tag": e.Tags,
		"checksum": e.Checksums} {
		for name, value := range values {
			f[fmt.Sprintf("%s %q", kind, name)] = fmt.Sprintf("%q", value)
		}
	}
	set("grants", strings.Join(e.Grants, ", "))
	if len(e.PartSizes) > 0 {
		f["part sizes"] = fmt.Sprint(e.PartSizes)
	}
	if !e.LockUntil.IsZero() {
		f["locked until"] = e.LockUntil.UTC().Format(time.RFC3339)
	}
	if e.LegalHold {
		f["legal hold"] = "on"
	}
	return f
}

// WithoutAdded returns got without the checksums of versions of which want has
// none: a copy may be better known than its original.
func WithoutAdded(want, got Histories) Histories {
	out := make(Histories, len(got))
	for key, history := range got {
		out[key] = slices.Clone(history)
		for i := range min(len(history), len(want[key])) {
			if want[key][i].Checksums == nil {
				out[key][i].Checksums, out[key][i].ChecksumType = nil, ""
			}
		}
	}
	return out
}
