package certificate_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/residency/residency/migrate/certificate"
)

func encoded(t testing.TB, c certificate.Certificate) []byte {
	t.Helper()
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A certificate is read as it was written, and not when it was changed.
func TestDecode(t *testing.T) {
	data := encoded(t, certificate.Certificate{Schema: certificate.Schema, Plan: "p", Entries: 3,
		Evidence: certificate.Evidence{Root: "ab", Files: 2, IndexFiles: 1}})
	var c certificate.Certificate
	if err := certificate.Decode(data, &c); err != nil || c.Entries != 3 || c.Evidence.Root != "ab" {
		t.Fatal(err, c)
	}
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if err := certificate.Decode(changed, new(certificate.Certificate)); err == nil {
			t.Errorf("byte %d was changed from %q to %q: no error", i, data[i], changed[i])
		}
	}
	before := `{"schema": "residency/certificate/1", "evidence": [{"name": "gate.json", "sha256": "cd"}]}`
	if err := certificate.Decode([]byte(before), &c); !errors.Is(err, certificate.ErrAltered) ||
		len(c.Evidence.Listed) != 1 {
		t.Errorf("%v, %+v", err, c.Evidence)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, certificate.Certificate{Schema: certificate.Schema}))
	f.Add([]byte(`{"digest": "-"}`))
	f.Add([]byte(`{"evidence": [], "digest": "x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c certificate.Certificate
		if certificate.Decode(data, &c) != nil {
			return
		}
		// Whatever is taken has one digest, which a change to what it says must change.
		said := c.Digest
		c.Entries++
		if other := encoded(t, c); bytes.Contains(other, []byte(said)) {
			t.Errorf("another certificate has the digest %s", said)
		}
	})
}
