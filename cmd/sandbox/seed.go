package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// seedOnce seeds unless the directory holds the samples of an earlier run, which
// may have been changed since and are left as they are.
func seedOnce(ctx context.Context, b *box, scale int) error {
	done := b.path("seeded")
	if _, err := os.Stat(done); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := seed(ctx, b, scale); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o600)
}

// seed fills the sandbox with three customers and somebody else's logs.
func seed(ctx context.Context, b *box, scale int) error {
	s := &seeder{ctx: ctx, box: b}
	var wg sync.WaitGroup
	for _, f := range []func(){
		func() { s.acmeProd(scale) }, s.acmeArchive, s.acmeEU, s.shared, s.others,
	} {
		wg.Go(f)
	}
	wg.Wait()
	return s.err
}

func (s *seeder) acmeProd(scale int) {
	b := s.bucket("us-east-1", "acme-prod", true, map[string]string{"team": "platform", "customer": "acme"})
	b.putAll(numbered("logs/2025/", ".bin", 200*scale, 2048, nil))
	b.putAll(numbered("invoices/2025/inv-", ".pdf", 40, 20_000, func(in *s3.PutObjectInput) {
		in.ContentType = aws.String("application/pdf")
		in.ContentDisposition = aws.String(`attachment; filename="invoice.pdf"`)
		in.Metadata = map[string]string{"customer-id": "4711", "currency": "EUR"}
		in.Tagging = tags("class", "invoice", "retention", "10 years")
	}))
	b.putAll(numbered("avatars/", ".png", 40, 5_000, func(in *s3.PutObjectInput) {
		in.ContentType = aws.String("image/png")
		in.CacheControl = aws.String("public, max-age=86400")
		in.Expires = aws.Time(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC))
	}))
	b.putAll(numbered("exports/", ".csv.gz", 10, 200_000, func(in *s3.PutObjectInput) {
		in.ContentType = aws.String("text/csv")
		in.ContentEncoding = aws.String("gzip")
		in.ContentLanguage = aws.String("de")
		in.Metadata = map[string]string{"note": "quarterly export; do not edit"}
	}))
	b.histories()
	b.odd()
	b.large()
}

// histories has versions and delete markers in every arrangement but one: for a
// key that never was, this server makes no marker.
func (b *bucket) histories() {
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			key := fmt.Sprintf("contracts/%02d.docx", i+1)
			for v := range 2 + i%5 {
				b.put(object{key: key, body: random(fmt.Sprintf("%s %d", key, v), 3000+v*100),
					with: contentType("application/msword")})
				if i%3 == 1 && v == 0 {
					b.remove(key) // a marker in the middle
				}
			}
			if i%4 == 3 {
				b.remove(key) // deleted, the history stays
			}
			if i == 7 {
				b.remove(key) // and deleted again
			}
		})
	}
	wg.Wait()
	// The same content twice in a row, and back to it after a change.
	for _, content := range []string{"a", "a", "b", "a"} {
		b.put(object{key: "contracts/repeated.txt", body: []byte(content), with: contentType("text/plain")})
	}
}

// odd has the keys that tools stumble over. Not here is what the server
// (versitygw over a file system) does not keep as it is:
//   - refused: a segment of more than 255 bytes; a key that ends in "/" and has
//     a body; a key beside one that makes it a folder ("a" and "a/b"); a key
//     that begins with "../" or ends in "/." or "/..";
//   - taken, but as another key, whose object it replaces: a leading slash, a
//     double slash, and the segments "." and "..";
//   - taken, but listed as another key: bytes that are not UTF-8, and control
//     characters that XML cannot write.
func (b *bucket) odd() {
	for _, key := range []string{
		"odd/empty",
		"odd/with space", "odd/ leading space", "odd/plus+sign", "odd/percent%41", "odd/100%",
		"odd/question?mark", "odd/hash#tag", "odd/amp&ersand", "odd/quote\"double", "odd/quote'single",
		"odd/back\\slash", "odd/semi;colon", "odd/equals=sign", "odd/less<greater>", "odd/tilde~", "odd/star*",
		"odd/caf\u00e9-nfc", "odd/cafe\u0301-nfd", "odd/日本語", "odd/emoji-😀", "odd/tab\tinside", "odd/=1+1",
		"odd/newline\ninside", "odd/trailing space ", "odd/dots...", "odd/.hidden",
		"odd/long/" + strings.Repeat("0123456789abcdef/", 52) + "0900.md",
	} {
		body := random(key, 64)
		if key == "odd/empty" {
			body = nil
		}
		b.put(object{key: key, body: body})
	}
	b.put(object{key: "odd/folder/"})
	b.put(object{key: "odd/metadata", body: random("odd/metadata", 100), with: func(in *s3.PutObjectInput) {
		in.Metadata = map[string]string{"plain": "yes", "with-space": "two words", "empty": "", "city": "Z\u00fcrich",
			"kanji": "\u6771\u4eac"}
		in.Tagging = tags("key with space", "value=with+signs:/@", "empty", "")
	}})
}

const mib = 1 << 20

// large has objects in uneven parts, whose checksums depend on where the
// parts begin, and an upload that nobody finished.
func (b *bucket) large() {
	b.multipart("backups/db-1.dump", true, func(in *s3.CreateMultipartUploadInput) {
		in.Metadata = map[string]string{"database": "main"}
		in.Tagging = tags("class", "backup")
	}, random("p1", 5*mib), random("p2", 6*mib+1), random("p3", mib))
	b.put(object{key: "backups/db-2.dump", body: random("earlier", 10_000)})
	b.multipart("backups/db-2.dump", true, nil, random("p4", 5*mib+17), random("p5", 123))
	b.multipart("backups/unfinished.dump", false, nil, random("p6", 5*mib))
}

func (s *seeder) acmeArchive() {
	b := s.bucket("us-west-2", "acme-archive", false, nil)
	b.putAll(numbered("2019/", ".zip", 60, 8_000, func(in *s3.PutObjectInput) {
		in.ContentType = aws.String("application/zip")
		in.Metadata = map[string]string{"archived-by": "night job"}
		in.Tagging = tags("year", "2019")
	}))
}

// acmeEU is in no configuration; only its tag says whose it is.
func (s *seeder) acmeEU() {
	b := s.bucket("eu-west-1", "acme-eu", true, map[string]string{"customer": "acme"})
	b.putAll(numbered("sessions/", ".json", 10, 700, contentType("application/json")))
}

// shared is one bucket whose customers are prefixes that look alike.
func (s *seeder) shared() {
	b := s.bucket("us-east-1", "shared-uploads", true, nil)
	b.putAll(numbered("tenants/acme/upload-", ".jpg", 20, 4_000, contentType("image/jpeg")))
	b.putAll(numbered("tenants/acme2/upload-", ".jpg", 10, 4_000, contentType("image/jpeg")))
	b.putAll(numbered("tenants/globex/upload-", ".jpg", 10, 4_000, contentType("image/jpeg")))
	// The key "tenants/acme" itself cannot stand beside "tenants/acme/…" on this
	// server; these come as near as it allows.
	b.put(object{key: "tenants/acme-readme.txt", body: []byte("not acme's\n"), with: contentType("text/plain")})
	b.put(object{key: "tenants/acm", body: []byte("not acme's\n"), with: contentType("text/plain")})
	b.multipart("tenants/acme2/unfinished.mov", false, nil, random("p7", 5*mib))
	b.remove("tenants/acme2/upload-0001.jpg")
}

func (s *seeder) others() {
	b := s.bucket("us-west-2", "globex-data", true, nil)
	b.putAll(numbered("orders/", ".json", 40, 1_000, contentType("application/json")))
	b = s.bucket("eu-central-1", "initech-eu", false, nil)
	b.putAll(numbered("reports/", ".txt", 20, 1_000, contentType("text/plain")))
	b = s.bucket("ap-northeast-1", "misc-logs", false, nil)
	b.putAll(numbered("app-", ".log", 15, 2_000, contentType("text/plain")))
}
