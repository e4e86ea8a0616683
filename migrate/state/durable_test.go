package state_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/residency/residency/migrate/state"
)

// watched is a disk that writes down which directories are synced, and can fail
// to.
type watched struct {
	state.Files
	synced []string
	fail   error
}

func (w *watched) SyncDir(path string) error {
	if w.fail != nil {
		return w.fail
	}
	w.synced = append(w.synced, path)
	return w.Files.SyncDir(path)
}

// A file is durable only with all directories above it.
func TestNewDirectoriesAreSynced(t *testing.T) {
	root := filepath.Join(t.TempDir(), "home")
	w := &watched{Files: state.Disk()}
	if err := state.NewDirOn(w, root).Put(t.Context(), "plan/receipts/1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(root), root, filepath.Join(root, "plan"),
		filepath.Join(root, "plan", "receipts")} {
		if !slices.Contains(w.synced, dir) {
			t.Errorf("%s is not synced, only %v", dir, w.synced)
		}
	}
}

// What a run left that ended before it synced a directory is made durable by
// the next one, before that builds on it.
func TestLeaseSyncsWhatIsThere(t *testing.T) {
	root := t.TempDir()
	w := &watched{Files: state.Disk()}
	d := state.NewDirOn(w, root)
	for _, name := range []string{"plan/plan.json", "plan/receipts/1", "other/plan.json"} {
		if err := d.Put(t.Context(), name, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	w.fail = errors.New("no sync")
	if err := d.Put(t.Context(), "plan/receipts/2", []byte("x")); !errors.Is(err, w.fail) {
		t.Errorf("Put: %v, want the sync's error", err)
	}
	if _, _, err := d.Lease(t.Context(), "plan"); !errors.Is(err, w.fail) {
		t.Errorf("Lease: %v, want the sync's error", err)
	}
	w.fail, w.synced = nil, nil
	_, release, err := d.Lease(t.Context(), "plan")
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if want := filepath.Join(root, "plan", "receipts"); !slices.Contains(w.synced, want) {
		t.Errorf("synced %v, want %s among them", w.synced, want)
	}
}

// A home whose parent belongs to somebody else works all the same.
func TestForeignParent(t *testing.T) {
	root := t.TempDir()
	files := &denied{state.Disk(), filepath.Dir(root)}
	if err := state.NewDirOn(files, root).Put(t.Context(), "plan/1", []byte("x")); err != nil {
		t.Error(err)
	}
}

// denied refuses to sync one directory.
type denied struct {
	state.Files
	path string
}

func (d *denied) SyncDir(path string) error {
	if path == d.path {
		return fs.ErrPermission
	}
	return d.Files.SyncDir(path)
}
