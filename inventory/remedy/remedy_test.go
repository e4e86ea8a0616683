package remedy_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/residency/residency/inventory/remedy"
)

func TestFor(t *testing.T) {
	full := remedy.New("disk full", "free space")
	denied := remedy.New("access denied", "grant access")
	plain := errors.New("plain")
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"none", nil, ""},
		{"without a remedy", plain, ""},
		{"itself", full, "free space"},
		{"what it wraps", fmt.Errorf("write: %w", fmt.Errorf("file: %w", full)), "free space"},
		{"the first of two", fmt.Errorf("%w: %w", full, denied), "free space"},
		{"the first that has one", errors.Join(plain, fmt.Errorf("%w: %w", plain, denied), full), "grant access"},
		{"in place of what it wraps", remedy.Wrap(fmt.Errorf("a: %w", full), "buy a disk"), "buy a disk"},
		{"the outermost", fmt.Errorf("b: %w", remedy.Wrap(remedy.Wrap(full, "inner"), "outer")), "outer"},
		{"nothing in place of it", remedy.Wrap(full, ""), "free space"},
	} {
		if got := remedy.For(tt.err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if remedy.Wrap(nil, "x") != nil {
		t.Error("nil with a remedy is an error")
	}
	if err := remedy.Wrap(full, "x"); !errors.Is(err, full) || err.Error() != full.Error() {
		t.Errorf("%v is not the error that it wraps", err)
	}
	if errors.Is(remedy.New("a", "b"), remedy.New("a", "b")) {
		t.Error("two errors are one")
	}
}
