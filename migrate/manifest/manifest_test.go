package manifest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

func FuzzKey(f *testing.F) {
	for _, s := range []string{"a", "a//b", "\xff\xfe", "caf\u00e9", "tab\t\x00", "\u2028</script>", `{"base64":"YQ=="}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return // no object has an empty key
		}
		data, err := json.Marshal(manifest.Key(s))
		if err != nil {
			t.Fatal(err)
		}
		var back manifest.Key
		if err := json.Unmarshal(data, &back); err != nil || string(back) != s {
			t.Errorf("%q became %q by way of %s: %v", s, back, data, err)
		}
	})
}

func TestKeyFaults(t *testing.T) {
	for _, text := range []string{`1`, `{}`, `{"base64":""}`, `{"base64":"?"}`, `[]`} {
		var k manifest.Key
		if err := json.Unmarshal([]byte(text), &k); err == nil {
			t.Errorf("%s is read as key %q", text, k)
		}
	}
}

// write cuts histories of the given lengths into segments.
func write(t *testing.T, histories [][]manifest.Entry) ([]manifest.Segment, map[string][]byte) {
	t.Helper()
	files := map[string][]byte{}
	w := manifest.NewWriter(func(_ context.Context, name string, data []byte) error {
		files[name] = data
		return nil
	})
	err := w.Begin(t.Context(), 0)
	for _, h := range histories {
		err = errors.Join(err, w.Add(t.Context(), h))
	}
	segments, endErr := w.Close(t.Context())
	if err := errors.Join(err, endErr); err != nil {
		t.Fatal(err)
	}
	return segments, files
}

func history(key string, versions int) []manifest.Entry {
	out := make([]manifest.Entry, versions)
	for i := range out {
		out[i] = manifest.Entry{Key: manifest.Key(key), VersionID: fmt.Sprint(i), Size: 1}
	}
	return out
}

func TestWriter(t *testing.T) {
	var in [][]manifest.Entry
	for i := range 700 {
		in = append(in, history(fmt.Sprintf("%04d", i), 3))
	}
	in = append(in, history("9999", 2500)) // longer than a segment, and not split
	segments, files := write(t, in)
	var all []manifest.Entry
	for _, s := range segments {
		entries, err := s.Decode(nil, files[s.File("manifest")])
		if err != nil {
			t.Fatal(err)
		}
		if len(all) > 0 && all[len(all)-1].Key == entries[0].Key {
			t.Errorf("the history of %s is split at segment %d", entries[0].Key, s.Number)
		}
		if s.FirstKey != entries[0].Key || s.LastKey != entries[len(entries)-1].Key || s.Bytes != int64(len(entries)) {
			t.Errorf("segment %d says of itself %+v", s.Number, s)
		}
		all = append(all, entries...)
	}
	if d := cmp.Diff(slices.Concat(in...), all); d != "" {
		t.Errorf("entries (-want +got):\n%s", d)
	}
	if len(segments) < 3 {
		t.Errorf("%d segments for %d entries", len(segments), len(all))
	}
}

// What a listing said of content comes back with its entry and no other; what only an ETag
// says is not written.
func TestContentIsKept(t *testing.T) {
	in := make([]manifest.Entry, 6)
	for i := range in {
		v := objectstore.Version{Key: fmt.Sprint(i), VersionID: "v", Size: 1, ETag: "0x8D"}
		if i%2 == 1 {
			v.Content = &objectstore.Content{Sum: objectstore.Checksum{Algorithm: "CRC32C", Value: "x"}, Parts: i}
		}
		in[i] = manifest.FromVersion(v)
	}
	segments, files := write(t, [][]manifest.Entry{in})
	out, err := segments[0].Decode(nil, files[segments[0].File("manifest")])
	if d := cmp.Diff(in, out); err != nil || d != "" {
		t.Errorf("%v, entries (-want +got):\n%s", err, d)
	}
	line, err := json.Marshal(in[0])
	if err != nil || strings.Contains(string(line), "content") {
		t.Errorf("%s, %v", line, err)
	}
}

func TestDecodeFaults(t *testing.T) {
	good := []manifest.Entry{{Key: "a", VersionID: "1"}, {Key: "b", VersionID: "1"}}
	encode := func(entries ...manifest.Entry) ([]byte, manifest.Segment) {
		data, err := state.Encode(state.Header{Schema: manifest.Schema, Segment: 1, Entries: len(entries)}, entries)
		if err != nil {
			t.Fatal(err)
		}
		return data, manifest.Segment{Number: 1, FirstKey: entries[0].Key, LastKey: entries[len(entries)-1].Key,
			Entries: len(entries), Digest: state.Digest(data)}
	}
	data, s := encode(good...)
	if _, err := s.Decode(nil, data); err != nil {
		t.Fatal(err)
	}
	tampered := slices.Clone(data)
	tampered[len(tampered)/2] ^= 1
	if _, err := s.Decode(nil, tampered); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("tampered with: %v", err)
	}
	s.Entries = 3
	if _, err := s.Decode(nil, data); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("fewer entries than the plan says: %v", err)
	}
	for name, bad := range map[string][]manifest.Entry{
		"out of order":  {good[1], good[0]},
		"no key":        {{VersionID: "1"}},
		"no version":    {{Key: "a"}},
		"twice":         {good[0], good[0], good[1]},
		"negative size": {{Key: "a", VersionID: "1", Size: -1}},
	} {
		data, s := encode(bad...)
		if _, err := s.Decode(nil, data); !errors.Is(err, state.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
