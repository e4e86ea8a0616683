package simulation

import (
	"io/fs"
	"path"

	"github.com/residency/residency/migrate/state"
)

// files is the disk as one process sees it: each step waits for its turn, and
// none is possible once the process has ended.
type files struct {
	disk    *disk
	process *process
	enter   func(step string) error // nil: no one watches
}

var _ state.Files = files{}

func (f files) step(what, name string) error {
	if f.enter == nil {
		return nil
	}
	return f.enter(what + " " + name)
}

func (f files) ReadFile(name string) ([]byte, error) {
	if err := f.step("read", name); err != nil {
		return nil, err
	}
	return f.disk.read(name, false)
}

func (f files) Mkdir(name string) error {
	if err := f.step("mkdir", name); err != nil {
		return err
	}
	return f.disk.mkdir(name)
}

func (f files) CreateTemp(dir, pattern string) (state.File, error) {
	if err := f.step("create", path.Join(dir, pattern)); err != nil {
		return nil, err
	}
	name, made, err := f.disk.create(dir, pattern)
	return &handle{f, made, name}, err
}

func (f files) Rename(from, to string) error {
	if err := f.step("rename to", to); err != nil {
		return err
	}
	return f.disk.move(from, to, true)
}

func (f files) Link(from, to string) error {
	if err := f.step("link to", to); err != nil {
		return err
	}
	return f.disk.move(from, to, false)
}

func (f files) Remove(name string) error {
	if err := f.step("remove", name); err != nil {
		return err
	}
	return f.disk.remove(name)
}

func (f files) SyncDir(name string) error {
	if err := f.step("sync directory", name); err != nil {
		return err
	}
	return f.disk.syncDir(name)
}

func (f files) WalkDir(root string, visit fs.WalkDirFunc) error {
	if err := f.step("walk", root); err != nil {
		return err
	}
	var names []string
	if !f.disk.walk(root, false, func(name string) { names = append(names, name) }) {
		return visit(root, nil, missing("lstat", root))
	}
	for _, name := range names {
		if err := visit(name, entry(path.Base(name)), nil); err != nil {
			return err
		}
	}
	return nil
}

func (f files) Lock(name string) (func() error, error) {
	if err := f.step("lock", name); err != nil {
		return nil, err
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.locked[name] != nil {
		return nil, state.ErrLeased
	}
	f.disk.locked[name] = f.process
	return func() error {
		f.disk.unlock(f.process)
		return nil
	}, nil
}

// handle is an open file.
type handle struct {
	files
	file *file
	name string
}

func (h *handle) Name() string { return h.name }
func (h *handle) Close() error { return nil }

func (h *handle) Write(data []byte) (int, error) {
	if err := h.step("write", h.name); err != nil {
		return 0, err
	}
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	h.file.data = append(h.file.data, data...)
	return len(data), nil
}

func (h *handle) Sync() error {
	if err := h.step("sync", h.name); err != nil {
		return err
	}
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	h.file.synced = h.file.data
	return nil
}

// entry is a file in a directory.
type entry string

func (e entry) Name() string               { return string(e) }
func (e entry) IsDir() bool                { return false }
func (e entry) Type() fs.FileMode          { return 0 }
func (e entry) Info() (fs.FileInfo, error) { return nil, missing("lstat", string(e)) }
