package phase

import (
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/receipt"
)

// What is said to be done next follows from what failed, and running again alone is
// advised only where it completes something.
func TestFailures(t *testing.T) {
	denied := receipt.CauseOf(&objectstore.Error{Op: "GetObject", Bucket: "us:acme", Kind: objectstore.ErrDenied,
		Needs: []string{"s3:GetObjectVersion"}})
	foreign, busy := receipt.CauseOf(receipt.ErrForeign), receipt.CauseOf(objectstore.ErrThrottled)
	const again, grant = "run the same command again", "grant s3:GetObjectVersion at us:acme"
	for _, tt := range []struct {
		name       string
		lasting    []*receipt.Cause
		passing    []*receipt.Cause
		is, isNot  error
		says, next []string
		never      string
	}{
		{"none of them lasts", nil, []*receipt.Cause{busy}, objectstore.ErrThrottled, ErrStuck,
			[]string{"asked to slow down"}, []string{again}, "grant"},
		{"all of them last", []*receipt.Cause{denied, denied, foreign}, nil, objectstore.ErrDenied, nil,
			[]string{"would not help", "GetObject us:acme: access denied; the destination holds something else"},
			[]string{grant, "move away what is in the way"}, again},
		{"some of them last", []*receipt.Cause{denied}, []*receipt.Cause{busy}, objectstore.ErrDenied, ErrStuck,
			[]string{"1 of them for reasons that will not change by running again"},
			[]string{again, "except 1 entry: " + grant}, ""},
		{"receipts of an earlier release", []*receipt.Cause{nil}, nil, ErrStuck, objectstore.ErrDenied,
			[]string{"would not help"}, []string{"resolve what the reasons name"}, again},
	} {
		var f receipt.Failures
		for _, c := range tt.lasting {
			f.Add(true, c)
		}
		var more receipt.Failures
		for _, c := range tt.passing {
			more.Add(false, c)
		}
		f.Merge(more)
		err := Failed(f, "%d entries failed", f.Entries)
		if !errors.Is(err, ErrPartial) || !errors.Is(err, tt.is) || tt.isNot != nil && errors.Is(err, tt.isNot) {
			t.Errorf("%s: %v is not of the right kinds", tt.name, err)
		}
		for _, text := range tt.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q does not say %q", tt.name, err, text)
			}
		}
		next := remedy.For(err)
		for _, text := range tt.next {
			if !strings.Contains(next, text) {
				t.Errorf("%s: next is %q, want %q in it", tt.name, next, text)
			}
		}
		if tt.never != "" && strings.Contains(next, tt.never) {
			t.Errorf("%s: next is %q", tt.name, next)
		}
	}
}
