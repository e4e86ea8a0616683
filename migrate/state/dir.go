package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/residency/residency/inventory/remedy"
)

// Dir is a Home in a local directory, created when first written to.
type Dir struct {
	path  string
	files Files
	made  sync.Map // directories that are there for good
	// making holds one token while somebody makes directories. A simulation can
	// see who waits for a channel, and not who waits for a mutex.
	making chan struct{}
}

// NewDir returns the home at path.
func NewDir(path string) *Dir { return NewDirOn(disk{}, path) }

// NewDirOn returns the home at path of a file system.
func NewDirOn(files Files, path string) *Dir {
	return &Dir{path: path, files: files, making: make(chan struct{}, 1)}
}

func (d *Dir) String() string { return d.path }

func (d *Dir) file(name string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	if err := d.plain(name); err != nil {
		return "", err
	}
	return filepath.Join(d.path, filepath.FromSlash(name)), nil
}

// Get implements Home.
func (d *Dir) Get(_ context.Context, name string) ([]byte, error) {
	path, err := d.file(name)
	if err != nil {
		return nil, err
	}
	data, err := d.files.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, failed("read state", err)
	}
	return data, nil
}

// Put implements Home.
func (d *Dir) Put(_ context.Context, name string, data []byte) error {
	return d.write(name, data, d.files.Rename)
}

// PutIfAbsent implements Home.
func (d *Dir) PutIfAbsent(_ context.Context, name string, data []byte) error {
	// link, unlike rename, refuses to replace.
	return d.write(name, data, d.files.Link)
}

// write puts the bytes beside their place, syncs them, moves them there and
// syncs the directory: after a crash the file is whole or absent.
func (d *Dir) write(name string, data []byte, place func(from, to string) error) (err error) {
	path, err := d.file(name)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := d.makeDir(dir); err != nil {
		return failed("write state", err)
	}
	tmp, err := d.files.CreateTemp(dir, ".tmp-"+filepath.Base(path)+"-*")
	if err != nil {
		return failed("write state", err)
	}
	defer func() {
		// After a rename there is nothing left to remove.
		if rmErr := d.files.Remove(tmp.Name()); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) && err == nil {
			err = failed("write state", rmErr)
		}
	}()
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return failed("write state", err)
	}
	if err := place(tmp.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", name, ErrExists)
		}
		return failed("write state", err)
	}
	if err := d.files.SyncDir(dir); err != nil {
		return failed("write state", err)
	}
	return nil
}

// List implements Home. Temporary files of a crashed run are not listed.
func (d *Dir) List(_ context.Context, prefix string) ([]string, error) {
	var names []string
	err := d.files.WalkDir(d.path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return nil
		}
		rel, err := filepath.Rel(d.path, path)
		if err != nil {
			return err
		}
		if name := filepath.ToSlash(rel); strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, failed("list state", err)
	}
	slices.Sort(names)
	return names, nil
}

// Remove implements Home.
func (d *Dir) Remove(_ context.Context, names ...string) error {
	for _, name := range names {
		path, err := d.file(name)
		if err != nil {
			return err
		}
		if err := d.files.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failed("remove from state", err)
		}
	}
	return nil
}

// Lease implements Home by a lock that the operating system gives back when
// the process ends, however it ends.
func (d *Dir) Lease(ctx context.Context, plan string) (context.Context, func() error, error) {
	path, err := d.file(plan + "/.lease")
	if err != nil {
		return nil, nil, err
	}
	if err := d.makeDir(filepath.Dir(path)); err != nil {
		return nil, nil, failed("take lease", err)
	}
	unlock, err := d.files.Lock(path)
	if errors.Is(err, ErrLeased) {
		return nil, nil, fmt.Errorf("%w: %s", err, path)
	}
	if err != nil {
		return nil, nil, failed("take lease", err)
	}
	if err := d.settle(ctx, plan); err != nil {
		return nil, nil, failed("take lease", errors.Join(err, unlock()))
	}
	leased, cancel := context.WithCancel(ctx)
	return leased, func() error {
		cancel()
		return unlock()
	}, nil
}

// settle makes durable what earlier runs left: one that ended between placing a
// file and syncing its directory leaves a file that is seen, and that a loss of
// power would take away.
func (d *Dir) settle(ctx context.Context, plan string) error {
	names, err := d.List(ctx, plan+"/")
	if err != nil {
		return err
	}
	last := ""
	for _, name := range names {
		path, err := d.file(name)
		if err != nil {
			return err
		}
		if dir := filepath.Dir(path); dir != last {
			if err := d.files.SyncDir(dir); err != nil {
				return err
			}
			last = dir
		}
	}
	return nil
}

// makeDir makes a directory and those above it that are not there. Within the
// home each one's name is synced once, for a file that was synced is lost with
// the directory that it lies in; one that is there may be there only for now.
func (d *Dir) makeDir(path string) error {
	d.making <- struct{}{}
	defer func() { <-d.making }()
	return d.makeDirs(path)
}

func (d *Dir) makeDirs(path string) error {
	if _, ok := d.made.Load(path); ok {
		return nil
	}
	parent := filepath.Dir(path)
	if within := len(path) > len(d.path); within {
		if err := d.makeDirs(parent); err != nil {
			return err
		}
	}
	err := d.files.Mkdir(path)
	if errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := d.makeDirs(parent); err != nil {
			return err
		}
		err = d.files.Mkdir(path)
	}
	existed := errors.Is(err, fs.ErrExist)
	if err != nil && !existed {
		return err
	}
	if above := len(path) < len(d.path); above && existed {
		return nil
	}
	err = d.files.SyncDir(parent)
	if existed && errors.Is(err, fs.ErrPermission) {
		err = nil // it is somebody else's, and was there before
	}
	if err == nil {
		d.made.Store(path, true)
	}
	return err
}

// failed says which of the home's operations a file system refused, and what can
// be done about it.
func failed(op string, err error) error {
	err = fmt.Errorf("%s: %w", op, err)
	is := func(targets ...error) bool {
		return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
	}
	switch {
	case is(syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG):
		return remedy.Wrap(err, "free space where the state is kept, then run the same command again; it resumes")
	case is(syscall.EROFS, fs.ErrPermission):
		return remedy.Wrap(err,
			"make the state's directory writable or name another one with --state, then run the same "+
				"command again")
	}
	return err
}
