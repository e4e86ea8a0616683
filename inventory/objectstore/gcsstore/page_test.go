package gcsstore

import (
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

func TestPagesThatCannotBeRight(t *testing.T) {
	entry := func(name, generation string) string {
		return `{"name":` + name + `,"generation":"` + generation + `","metageneration":"1","size":"1"}`
	}
	for _, c := range []struct {
		name, page string
		want       error
	}{
		{"no JSON", `{`, errJSON},
		{"no generation", `{"items":[{"name":"a"}]}`, errItem},
		{"no name", `{"items":[` + entry(`""`, "1") + `]}`, errItem},
		{"a negative size", `{"items":[{"name":"a","generation":"1","metageneration":"1","size":"-1"}]}`, errItem},
		{"invalid UTF-8", "{\"items\":[" + entry("\"\xff\"", "1") + "]}", errEncode},
		{"half a surrogate", `{"items":[` + entry(`"\ud800"`, "1") + `]}`, errEncode},
		{"a replacement character", `{"items":[` + entry("\"\ufffd\"", "1") + `]}`, nil},
		{"a pair of surrogates", `{"items":[` + entry(`"\ud83d\ude00"`, "1") + `]}`, nil},
		{"nothing but a token", `{"nextPageToken":"x"}`, nil},
	} {
		if _, err := parsePage([]byte(c.page)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestHistoriesThatCannotBeRight: what an erasure rests on is whole, or it is an error.
func TestHistoriesThatCannotBeRight(t *testing.T) {
	for _, c := range []struct {
		name string
		page string // name, generation and live or not
		want error
	}{
		{"names out of order", "b 1 live, a 2 live", objectstore.ErrKeyOrder},
		{"one generation twice", "a 1 old, a 1 live", errTwice},
		{"an older one is live", "a 1 live, a 2 old", errLive},
		{"two are live", "a 1 live, a 2 live", errLive},
		{"outside of the prefix", "x 1 live", objectstore.ErrOrder},
		{"a key again", "a 1 old, b 2 live, a 3 live", objectstore.ErrKeyOrder},
		{"newest first", "a 2 live, a 1 old", nil},
	} {
		l := &lister{store: &Store{provider: "cloud"}, bucket: "bucket", yield: func(objectstore.Version, error) bool {
			return true
		}}
		if c.name == "outside of the prefix" {
			l.prefix = "a"
		}
		var err error
		for text := range strings.SplitSeq(c.page, ", ") {
			f := strings.Fields(text)
			o := &resource{Name: f[0], Generation: int64(f[1][0] - '0'), Metageneration: 1}
			if f[2] == "old" {
				o.TimeDeleted = o.TimeDeleted.AddDate(1, 0, 0)
			}
			for _, v := range o.entries(nil) {
				if err == nil {
					err = l.take(v)
				}
			}
		}
		if err = errors.Join(err, l.flush()); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"items":[{"name":"a","generation":"1","metageneration":"1","size":"1"}],"nextPageToken":"x"}`))
	f.Add([]byte(`{"items":[{"name":"\ud800","generation":"1","metageneration":"1"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePage(data)
		if err != nil {
			return
		}
		for i := range p.Items {
			o := &p.Items[i]
			if v := o.version(); v.Key == "" || v.VersionID == "" || v.Content == nil {
				t.Errorf("entry %+v", v)
			}
			if g, m := parseETag(o.etag()); g != o.Generation || m != o.Metageneration {
				t.Errorf("ETag %s reads %d, %d", o.etag(), g, m)
			}
			o.info()
		}
	})
}

func FuzzParts(f *testing.F) {
	f.Add([]byte(`<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>2</NextPartNumberMarker>`+
		`<Part><PartNumber>2</PartNumber><ETag>"x"</ETag><Size>5</Size></Part></ListPartsResult>`), 1)
	f.Fuzz(func(t *testing.T, data []byte, after int) {
		parts, more, err := parseParts(data, max(after, 0))
		if err != nil {
			return
		}
		last := max(after, 0)
		for _, p := range parts {
			if p.Number <= last || p.Size < 0 {
				t.Errorf("part %d behind %d", p.Number, last)
			}
			last = p.Number
		}
		if more && len(parts) == 0 {
			t.Error("more is to come behind nothing")
		}
	})
}

func FuzzUploads(f *testing.F) {
	f.Add([]byte(`<ListMultipartUploadsResult><EncodingType>url</EncodingType><Upload><Key>a%20b</Key>` +
		`<UploadId>x</UploadId></Upload></ListMultipartUploadsResult>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parseUploads(data)
		if err != nil {
			return
		}
		for _, u := range p.Uploads {
			if u.Key == "" || u.UploadID == "" {
				continue // an escaped nothing
			}
			key, id := unstaged(u.Key, u.UploadID)
			if at := stageOf(key, id); at.staged && (at.name != u.Key || at.id != u.UploadID) {
				t.Errorf("%q, %q read %+v", u.Key, u.UploadID, at)
			}
		}
	})
}

func FuzzRefusal(f *testing.F) {
	f.Add([]byte(`{"error":{"code":404,"message":"No such object: b/secret","errors":[{"reason":"notFound"}]}}`), 404)
	f.Add([]byte(`<Error><Code>NoSuchUpload</Code><Message>secret</Message></Error>`), 404)
	f.Add([]byte(`No such object: b/secret`), 404)
	f.Fuzz(func(t *testing.T, data []byte, status int) {
		r := &request{op: "storage.objects.get", where: "cloud:bucket"}
		if text := r.refused(&answer{status: status, data: data, header: map[string][]string{}}).Error(); strings.Contains(
			text, "/secret") {
			t.Errorf("the text holds the key: %s", text)
		}
	})
}
