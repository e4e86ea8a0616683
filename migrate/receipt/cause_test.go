package receipt_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// An error's type and remedy come back out of a file.
func TestCause(t *testing.T) {
	refused := &objectstore.Error{Op: "GetObject", Bucket: "us:acme", Code: "AccessDenied", Status: 403,
		Kind: objectstore.ErrDenied, Needs: []string{"s3:GetObjectVersion", "kms:Decrypt"}}
	for _, tt := range []struct {
		err    error
		is     error
		remedy string
	}{
		{fmt.Errorf("copy: %w", refused), objectstore.ErrDenied, "grant s3:GetObjectVersion, kms:Decrypt at us:acme "},
		{&objectstore.Error{Op: "PutObject", Bucket: "eu:acme", Kind: objectstore.ErrDenied}, objectstore.ErrDenied,
			"grant the missing permission at eu:acme "},
		{fmt.Errorf("%w: two entries", receipt.ErrForeign), receipt.ErrForeign, "move away what is in the way"},
		{receipt.ErrNoKey, receipt.ErrNoKey, "set destination.kms_key"},
		{&objectstore.Error{Op: "GetObject", Kind: objectstore.ErrArchived}, objectstore.ErrArchived, ""},
		{errors.New("no class"), nil, ""},
	} {
		r := receipt.Receipt{Key: "a", VersionID: "1", Size: 5, Verdict: receipt.Failed, Reason: tt.err.Error(),
			Cause: receipt.CauseOf(tt.err), At: time.Unix(0, 0).UTC()}
		last := sound()[1]
		data, err := receipt.Encode(nil, segment, []receipt.Receipt{r, last})
		if err != nil {
			t.Fatal(err)
		}
		got, err := receipt.Decode(nil, segment, entries, data)
		if d := cmp.Diff([]receipt.Receipt{r, last}, got); d != "" || err != nil {
			t.Fatalf("%v (-want +got):\n%s", err, d)
		}
		back := got[0].Cause.Err()
		if !errors.Is(back, tt.is) || (back == nil) != (tt.is == nil) || !strings.HasPrefix(remedy.For(back), tt.remedy) {
			t.Errorf("%v comes back as %v with the remedy %q, want %q", tt.err, back, remedy.For(back), tt.remedy)
		}
	}
}

// What the destination added stands in the file, and so do receipts of earlier releases,
// which give no cause.
func TestAddedAndEarlier(t *testing.T) {
	added := sound()
	added[0].Added = []string{"encryption AES256"}
	data, err := receipt.Encode(nil, segment, added)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := receipt.Decode(nil, segment, entries, data); err != nil || !cmp.Equal(added, got) {
		t.Errorf("read as %+v: %v", got, err)
	}
	packed, err := state.Pack(nil, []byte(`{"key":"a","version_id":"1","size":5,"verdict":"failed",`+
		`"reason":"GetObject us:acme: access denied","lasting":true,"at":"2026-01-02T03:04:05Z"}`+"\n"+
		`{"key":"a","version_id":"2","delete_marker":true,"size":0,"verdict":"verified","method":"marker",`+
		`"destination_version_id":"y","at":"2026-01-02T03:04:05Z"}`+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	data, err = state.Bind(nil, state.Header{Schema: receipt.Schema, Segment: segment.Number, Move: segment.Move,
		Of: segment.Digest, Entries: 2, Counts: map[string]int{"failed": 1, "verified": 1}}, packed)
	if err != nil {
		t.Fatal(err)
	}
	got, err := receipt.Decode(nil, segment, entries, data)
	if err != nil || !got[0].Lasting || got[0].Cause.Err() != nil {
		t.Errorf("read as %+v: %v", got, err)
	}
}
