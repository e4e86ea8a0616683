package azurestore

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"hash/crc64"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/residency/residency/inventory/objectstore"
)

// xmlPage is a page of a listing as the standard library reads it.
type xmlPage struct {
	XMLName xml.Name `xml:"EnumerationResults"`
	Blobs   []struct {
		Name struct {
			Encoded bool   `xml:"Encoded,attr"`
			Text    string `xml:",chardata"`
		}
		Snapshot   string
		VersionID  string `xml:"VersionId"`
		Current    bool   `xml:"IsCurrentVersion"`
		Deleted    bool
		Properties struct {
			ETag     string `xml:"Etag"`
			Modified string `xml:"Last-Modified"`
			Size     int64  `xml:"Content-Length"`
			Type     string `xml:"BlobType"`
			Tier     string `xml:"AccessTier"`
			MD5      string `xml:"Content-MD5"`
		}
	} `xml:"Blobs>Blob"`
	Next string `xml:"NextMarker"`
}

// sameAs holds a page against what the standard library reads, if it reads it. A carriage return is
// a line feed to that.
func (p *blobPage) sameAs(t *testing.T, data []byte) {
	var want xmlPage
	if bytes.ContainsRune(data, '\r') || xml.Unmarshal(data, &want) != nil {
		return
	}
	if p.next != want.Next || len(p.blobs) != len(want.Blobs) {
		t.Fatalf("%d blobs, next %q; want %d, %q", len(p.blobs), p.next, len(want.Blobs), want.Next)
	}
	for i, b := range p.blobs {
		w := want.Blobs[i]
		if text, err := url.PathUnescape(w.Name.Text); w.Name.Encoded && err == nil {
			w.Name.Text = text
		}
		got := []any{b.name, b.snapshot, b.versionID, b.current, b.deleted, b.etag, b.modified, b.size, b.kind, b.tier,
			b.contentMD5}
		read := []any{w.Name.Text, w.Snapshot, w.VersionID, w.Current, w.Deleted, strings.Trim(w.Properties.ETag, `"`),
			w.Properties.Modified, w.Properties.Size, w.Properties.Type, w.Properties.Tier, w.Properties.MD5}
		if !slices.Equal(got, read) {
			t.Fatalf("blob %d: %v, want %v", i, got, read)
		}
	}
}

// FuzzBlobs reads pages of listings: whatever comes, it is read as the standard library reads it, a name
// is never empty, and a history that is handed on is in order.
func FuzzBlobs(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://a/" ContainerName='c'>` +
		`<Prefix/><Blobs><Blob><Name>a &amp;&#xe9;</Name><VersionId>` +
		`2026-11-29T00:00:00.0000001Z</VersionId><IsCurrentVersion>true</IsCurrentVersion><Properties><Etag>0x8D</Etag>` +
		`<Content-Length>1</Content-Length><Last-Modified>Sun, 29 Nov 2026 00:00:00 GMT</Last-Modified><Content-MD5 />` +
		`<AccessTierInferred>true</AccessTierInferred><BlobType>BlockBlob</BlobType></Properties><OrMetadata />` +
		`</Blob>` +
		`<Blob><Name Encoded="true">b%EF%BF%BE</Name><Snapshot>2026-11-29T00:00:00.0000002Z</Snapshot></Blob></Blobs>` +
		`<NextMarker>m</NextMarker></EnumerationResults>`))
	f.Add([]byte("\xef\xbb\xbf<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>"))
	f.Add([]byte(`<EnumerationResults><Blobs><Blob><Name>a</Name><Properties><Content-Length>-1</Content-Length>` +
		`</Properties></Blob></Blobs></EnumerationResults>`))
	f.Add([]byte(`<EnumerationResults><Blobs><Blob><Name Encoded='maybe'>a</Name></Blob></Blobs></EnumerationResults>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		page, err := parseBlobs(data, pageBlobs)
		if err != nil {
			if page != nil {
				t.Error("a page beside an error")
			}
			return
		}
		page.sameAs(t, data)
		var history []objectstore.Version
		for i := range page.blobs {
			v := entry(&page.blobs[i])
			if v.Key == "" || v.VersionID == "" || v.Size < 0 || v.Content == nil {
				t.Fatalf("an entry without a name or an ID: %+v", v)
			}
			v.Key = "k"
			history = append(history, v)
		}
		ordered, err := newestFirst(history)
		for i, v := range ordered {
			if err == nil && v.Latest != (i == 0) {
				t.Fatalf("entry %d of %d: latest is %t", i, len(ordered), v.Latest)
			}
		}
	})
}

// FuzzContainers reads pages of containers.
func FuzzContainers(f *testing.F) {
	f.Add([]byte(`<EnumerationResults><Containers><Container><Name>records</Name></Container></Containers>` +
		`<NextMarker>m</NextMarker></EnumerationResults>`))
	f.Add([]byte(`<EnumerationResults></EnumerationResults>x`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if page, err := parseContainers(data); (page == nil) == (err == nil) {
			t.Error("neither a page nor an error, or both")
		}
	})
}

// FuzzBlocks reads lists of blocks, of which ours are told from others'.
func FuzzBlocks(f *testing.F) {
	f.Add([]byte(`<BlockList><UncommittedBlocks><Block><Name>` + blockID("0123456789abcdef", 7) +
		`</Name><Size>3</Size></Block><Block><Name>AAAA</Name><Size>0</Size></Block></UncommittedBlocks></BlockList>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseBlocks(data)
		if err != nil {
			return
		}
		for _, b := range list.Uncommitted {
			if id, n, ok := blockOf(b.Name); ok && (len(id) != uploadChars || n < 1) {
				t.Errorf("part %d of upload %q", n, id)
			}
		}
	})
}

// FuzzTags reads the tags of a blob.
func FuzzTags(f *testing.F) {
	f.Add([]byte(`<Tags><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tags>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if set, err := parseTags(data); (set == nil) == (err == nil) {
			t.Error("neither tags nor an error, or both")
		}
	})
}

// FuzzManager reads Resource Manager's answers about accounts: an account's requests go to Azure alone, and never out
// of the subscription.
func FuzzManager(f *testing.F) {
	f.Add([]byte(`{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acme",` +
		`"name":"acme",` +
		`"location":"West Europe","properties":{"primaryEndpoints":{"blob":"https://acme.blob.core.windows.net/"}}}`))
	f.Add([]byte(`{"id":"/subscriptions/s/resourceGroups/../x/Microsoft.Storage/storageAccounts/acme","name":"acme",` +
		`"properties":{"primaryEndpoints":{"blob":"https://acme.blob.core.windows.net@evil.example/"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a armAccount
		if json.Unmarshal(data, &a) != nil {
			return
		}
		p := &Provider{name: "blob", arm: &manager{subscription: "s"}}
		known := p.managed(&a)
		if known.odd != nil {
			if known.base != nil || !validAccount(a.Name) && known.id != "" {
				t.Errorf("%v, and it is asked all the same", known.odd)
			}
			return
		}
		if !strings.HasPrefix(strings.ToLower(known.id), "/subscriptions/s/") || strings.Contains(known.id, "/../") {
			t.Errorf("ID %q", known.id)
		}
		if known.base == nil {
			return
		}
		u, err := url.Parse(known.base.String())
		if err != nil || u.Scheme != "https" || !Owns(u.String()) || !strings.HasPrefix(u.Host, a.Name+".") {
			t.Errorf("requests go to %v", known.base)
		}
	})
}

// FuzzToken reads the answers of Microsoft Entra.
func FuzzToken(f *testing.F) {
	f.Add([]byte(`{"token_type":"Bearer","expires_in":3599,"access_token":"t"}`))
	f.Add([]byte(`{"token_type":"Bearer","expires_in":"-1","access_token":"t"}`))
	f.Add([]byte(`{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`))
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		token, err := parseToken(data, now)
		if (err == nil) != (token.Token != "") || err == nil && token.ExpiresOn.Before(now) {
			t.Errorf("%+v, %v", token, err)
		}
		if why := whyRefused(data); len(why) > 20 || strings.ContainsAny(why, " \n") && !strings.HasPrefix(why, " (AADSTS") {
			t.Errorf("refused for %q", why)
		}
	})
}

// FuzzRefusal reads the bodies of refusals, of which nothing but a code gets into a text.
func FuzzRefusal(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><Error><Code>BlobNotFound</Code><Message>secret</Message></Error>`))
	f.Add([]byte(`{"error":{"code":"AuthorizationFailed","message":"secret"}}`))
	f.Add([]byte(`<Error><Code>a key/of a customer</Code></Error>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if code := codeIn(data); strings.ContainsAny(code, "/ \n\x00\"'") || len(code) > 80 {
			t.Errorf("code %q", code)
		}
	})
}

// TestCombine holds sums of parts against that of the whole, as another implementation computes it.
func TestCombine(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	table := crc64.MakeTable(crc64Poly)
	for range 200 {
		var whole []byte
		var parts []objectstore.Part
		for range 1 + random.IntN(5) {
			data := make([]byte, random.IntN(5000))
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			whole = append(whole, data...)
			parts = append(parts, objectstore.Part{Size: int64(len(data)), Checksum: checksum(crc64nvme.Checksum(data))})
		}
		got, known := combined(parts)
		if want := crc64.Checksum(whole, table); !known || got != want || crc64nvme.Checksum(whole) != want {
			t.Fatalf("%d parts: %x, want %x", len(parts), got, want)
		}
	}
	const large = 4000 << 20 // the largest part: of zeros, whose sum a plain loop would take long to compute
	zeros := combineCRC(0, 0, large)
	if zeros != 0 {
		t.Errorf("zeros behind a sum of nothing: %x", zeros)
	}
	half := combineCRC(checkSum, 0, large/2)
	if combineCRC(half, 0, large/2) != combineCRC(checkSum, 0, large) {
		t.Error("two halves are not the whole")
	}
	if _, known := combined([]objectstore.Part{{Size: 1}}); known {
		t.Error("a part without a sum has one")
	}
	if sum := crc64nvme.Checksum([]byte("123456789")); sum != checkSum {
		t.Errorf("check value %x", sum)
	}
	got, ok := parseAzureCRC(azureCRC(checkSum))
	if !ok || got != checkSum || azureCRC(checkSum) == checksum(checkSum).Value {
		t.Errorf("the service's form of a sum: %s", azureCRC(checkSum))
	}
}

const checkSum = 0xae8b14860a799888 // of "123456789" (Catalogue of parametrised CRC algorithms, CRC-64/NVME)

// TestKeys is about names that a blob can have.
func TestKeys(t *testing.T) {
	s := new(Store)
	for key, ok := range map[string]bool{"a": true, "a/b": true, "/a": true, "a//b": true, ".a": true, "a.b/c": true,
		strings.Repeat("x", 1024): true, strings.Repeat("\u4eac", 1024): true, strings.Repeat("x", 1025): false,
		strings.Repeat("\U00010000", 513): false, "a/": false, "a.": false, "a./b": false, ".": false, "../a": false,
		`a\b`: false, "\xff": false, strings.Repeat("a/", 253) + "a": true, strings.Repeat("a/", 254) + "a": false} {
		if err := s.CheckKey(key); (err == nil) != ok {
			t.Errorf("%.20q: %v", key, err)
		}
	}
}

// TestNextPage follows a list to its own service alone, however that writes its port.
func TestNextPage(t *testing.T) {
	for next, ok := range map[string]bool{"https://management.azure.com:443/x": true, "https://management.azure.com/y": true,
		"https://management.azure.com.example/x": false, "http://management.azure.com/x": false,
		"https://a@management.azure.com/x": false} {
		u, err := url.Parse(resourceManager)
		if err != nil {
			t.Fatal(err)
		}
		m := &manager{at: u, name: "blob"}
		got, err := m.next(m.call(listAccounts, http.MethodGet, "/first", "subscription"), next)
		if (err == nil) != ok || ok && got.Host != u.Host {
			t.Errorf("%s: %v, %v", next, got, err)
		}
	}
}
