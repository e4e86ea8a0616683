package azurestore

import (
	"maps"
	"net/http"
	"strings"
	"testing"
)

// FuzzMetadata has every name and value come back as they were, or be refused.
func FuzzMetadata(f *testing.F) {
	for _, seed := range [][2]string{{"a", "b"}, {"with-hyphen", ""}, {"residency_x_me", "x"}, {"residency_y_me", " x "},
		{"Upper", "Z\u00fcrich"}, {"", "\x00"}, {"9", "~"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		h := make(http.Header)
		if putMetadata(h, map[string]string{name: value}) != nil {
			return
		}
		got, err := metadataOf(h)
		if err != nil || len(got) != 1 || got[name] != value {
			t.Errorf("%q: %q became %q, %v", name, value, got, err)
		}
		for sent, values := range h {
			if sent = strings.TrimPrefix(strings.ToLower(sent), metaHeader); len(values) != 1 || !plainValue(values[0]) ||
				strings.Trim(sent, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				t.Errorf("sent %q: %q", sent, values)
			}
		}
	})
}

// FuzzForeignMetadata reads what others have written under names like those that are encoded here: it is
// read as something that is written back in one form, and read the same.
func FuzzForeignMetadata(f *testing.F) {
	for _, seed := range [][2]string{{"residency_x_1", "x"}, {"residency_x_", "x"}, {"residency_x_me", "x"},
		{"residency_x_mf", "x"}, {"residency_y_1", "x"}, {"residency_y_mfrgg", "b!"}, {"residency_y_mfrgg", "bYQ=="},
		{"residency_y_mfrgg", "AAA="}, {"residency_x_mewwe", "x"}, {"residency_y_mfrgg", "b"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		name = strings.ToLower(name)
		read, err := metadataOf(http.Header{metaHeader + name: {value}})
		if err != nil || len(read) != 1 {
			t.Fatalf("%q: %q: %q, %v", name, value, read, err)
		}
		for own, text := range read {
			if n, v := encodeMetadata(own, text); plainValue(value) && own != name && (n != name || v != value) {
				t.Errorf("%q: %q became %q: %q, which is another's", name, value, own, text)
			}
		}
		h := make(http.Header)
		if putMetadata(h, read) != nil {
			return
		}
		if again, err := metadataOf(h); err != nil || !maps.Equal(read, again) {
			t.Errorf("%q: %q was read as %q and then as %q, %v", name, value, read, again, err)
		}
	})
}

// TestForeignMetadata tells names that are encoded here from those that only look so.
func TestForeignMetadata(t *testing.T) {
	for _, test := range []struct{ name, value, wantName, wantValue string }{
		{"residency_x_1", "x", "residency_x_1", "x"},
		{"residency_x_mewwe", "x", "a-b", "x"},
		{"residency_x_mewwf", "x", "residency_x_mewwf", "x"},           // of bits that nothing writes
		{"residency_x_mfra", "x", "residency_x_mfra", "x"},             // ab, which needs no encoding
		{"residency_x_mewwe", "\u00fc", "residency_x_mewwe", "\u00fc"}, // whose value would be encoded as well
		{"residency_y_mfra", "bw7w=", "ab", "\u00fc"},
		{"residency_y_mfra", "w7w=", "residency_y_mfra", "w7w="},
		{"residency_y_mfra", "beA==", "residency_y_mfra", "beA=="}, // x, which needs no encoding
		{"residency_y_mfra", "x", "residency_y_mfra", "x"},
	} {
		name, value := decodeMetadata(test.name, test.value)
		if name != test.wantName || value != test.wantValue {
			t.Errorf("%q: %q became %q: %q", test.name, test.value, name, value)
		}
	}
	h := http.Header{metaHeader + "residency_x_mewwe": {"x"}, metaHeader + "residency_y_mewwe": {"b"}}
	if m, err := metadataOf(h); err == nil {
		t.Errorf("two encodings of one name: %q", m)
	}
}
