package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dir is a Home in a local directory, created when first written to.
type Dir struct{ path string }

// NewDir returns the home at path.
func NewDir(path string) *Dir { return &Dir{path: path} }

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
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	return data, nil
}

// Put implements Home.
func (d *Dir) Put(_ context.Context, name string, data []byte) error {
	return d.write(name, data, os.Rename)
}

// PutIfAbsent implements Home.
func (d *Dir) PutIfAbsent(_ context.Context, name string, data []byte) error {
	// link, unlike rename, refuses to replace.
	return d.write(name, data, os.Link)
}

// write puts the bytes beside their place, syncs them, moves them there and
// syncs the directory: after a crash the file is whole or absent.
func (d *Dir) write(name string, data []byte, place func(from, to string) error) (err error) {
	path, err := d.file(name)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	defer func() {
		// After a rename there is nothing left to remove.
		if rmErr := os.Remove(tmp.Name()); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) && err == nil {
			err = fmt.Errorf("write state: %w", rmErr)
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
		return fmt.Errorf("write state: %w", err)
	}
	if err := place(tmp.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", name, ErrExists)
		}
		return fmt.Errorf("write state: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// List implements Home. Temporary files of a crashed run are not listed.
func (d *Dir) List(_ context.Context, prefix string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(d.path, func(path string, entry fs.DirEntry, err error) error {
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
		return nil, fmt.Errorf("list state: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// Lease implements Home by a lock that the operating system gives back when
// the process ends, however it ends.
func (d *Dir) Lease(ctx context.Context, plan string) (context.Context, func() error, error) {
	path, err := d.file(plan + "/.lease")
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, fmt.Errorf("take lease: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("take lease: %w", err)
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return nil, nil, fmt.Errorf("%w: %s", err, path)
	}
	leased, cancel := context.WithCancel(ctx)
	return leased, func() error {
		cancel()
		return f.Close()
	}, nil
}
