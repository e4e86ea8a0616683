//go:build unix

package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// A link in the state's directory leads nowhere, and what is no file is not
// read: neither is waited for a pipe.
func TestDirLinks(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	for _, err := range []error{
		os.WriteFile(secret, []byte("secret"), 0o600),
		os.Mkdir(filepath.Join(dir, "p"), 0o700),
		os.Symlink(secret, filepath.Join(dir, "p", "plan.json")),
		os.Symlink(outside, filepath.Join(dir, "p", "receipts")),
		os.Symlink(filepath.Join(outside, "new"), filepath.Join(dir, "p", "dangling")),
		syscall.Mkfifo(filepath.Join(dir, "p", "pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d := NewDir(dir)
	for _, name := range []string{"p/plan.json", "p/receipts/secret", "p/pipe", "p/dangling"} {
		if data, err := d.Get(t.Context(), name); !errors.Is(err, ErrDamaged) {
			t.Errorf("Get(%s) = %q, %v, want ErrDamaged", name, data, err)
		}
		if err := d.Put(t.Context(), name, []byte("x")); !errors.Is(err, ErrDamaged) {
			t.Errorf("Put(%s) = %v, want ErrDamaged", name, err)
		}
	}
	if _, _, err := d.Lease(t.Context(), "p/receipts"); !errors.Is(err, ErrDamaged) {
		t.Errorf("Lease = %v, want ErrDamaged", err)
	}
	names, err := os.ReadDir(outside)
	if text, readErr := os.ReadFile(secret); err != nil || readErr != nil || len(names) != 1 ||
		string(text) != "secret" {
		t.Errorf("outside of the state: %v, %q, %v, %v", names, text, err, readErr)
	}
}

// A file that is larger than any that is written is not read.
func TestDirHugeFile(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "plan.json"))
	if err == nil {
		err = errors.Join(f.Truncate(maxDecoded+1), f.Close()) // takes no room
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewDir(dir).Get(t.Context(), "plan.json"); !errors.Is(err, ErrDamaged) {
		t.Errorf("Get = %v, want ErrDamaged", err)
	}
}

func TestReadLease(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"schema":"residency/lease/1","holder":"h","token":1,"expires":"2026-01-01T00:00:00Z"}`:                               true,
		`{"schema":"residency/lease/1","holder":"h","nonce":"n","token":1,"expires":"0001-01-01T00:00:00Z","term_seconds":30}`: true,
		``:   false,
		`{}`: false,
		`{"schema":"residency/lease/2","token":1}`:                      false,
		`{"schema":"residency/lease/1","token":0}`:                      false,
		`{"schema":"residency/lease/1","token":-5}`:                     false,
		`{"schema":"residency/lease/1","token":1,"term_seconds":-1}`:    false,
		`{"schema":"residency/lease/1","token":1,"term_seconds":1e12}`:  false,
		`{"schema":"residency/lease/1","token":1,"expires":"tomorrow"}`: false,
		`{"schema":"residency/lease/1","token":1,"more":1}`:             false,
		`{"schema":"residency/lease/1","token":1} {}`:                   false,
		strings.Repeat(`{"schema":`, 100_000):                           false,
	} {
		if _, err := readLease("lease.json", []byte(text)); (err == nil) != ok || err != nil &&
			!errors.Is(err, ErrDamaged) {
			t.Errorf("readLease(%.80s) = %v", text, err)
		}
	}
}

// Whatever a lease says, it is free sooner or later, and not before its time.
func FuzzLease(f *testing.F) {
	f.Add([]byte(`{"schema":"residency/lease/1","holder":"h","token":1,"expires":"2026-01-01T00:00:00Z","term_seconds":30}`), int64(60))
	f.Fuzz(func(t *testing.T, data []byte, age int64) {
		r, err := readLease("lease.json", data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v, want ErrDamaged", err)
			}
			return
		}
		age %= 1 << 30
		written := time.Unix(1_800_000_000, 0)
		there := objectstore.Info{Modified: written, Answered: written.Add(time.Duration(age) * time.Second)}
		_, free := r.free(there, written)
		if r.Term > 0 && !r.Expires.IsZero() && free != (float64(age) > r.Term+r.Term/3) && age > 7200 {
			t.Errorf("a lease of %g s is free %t after %d s", r.Term, free, age)
		}
	})
}
