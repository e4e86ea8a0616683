package state

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Files is what a Dir needs of a file system. Errors are as package os makes
// them.
type Files interface {
	ReadFile(path string) ([]byte, error)
	// Mkdir makes one directory, readable by its owner only.
	Mkdir(path string) error
	CreateTemp(dir, pattern string) (File, error)
	// Rename replaces what has the new name; Link refuses to.
	Rename(from, to string) error
	Link(from, to string) error
	Remove(path string) error
	// SyncDir makes durable which names a directory has.
	SyncDir(path string) error
	WalkDir(root string, f fs.WalkDirFunc) error
	// Lock takes a file, created if need be, for this process alone until it
	// ends or unlocks; ErrLeased if another has it.
	Lock(path string) (unlock func() error, err error)
}

// File is a file that is being written.
type File interface {
	Name() string
	Write(data []byte) (int, error)
	Sync() error
	Close() error
}

// Disk is the operating system's file system.
func Disk() Files { return disk{} }

type disk struct{}

func (disk) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }
func (disk) Mkdir(path string) error              { return os.Mkdir(path, 0o700) }
func (disk) Rename(from, to string) error         { return os.Rename(from, to) }
func (disk) Link(from, to string) error           { return os.Link(from, to) }
func (disk) Remove(path string) error             { return os.Remove(path) }
func (disk) SyncDir(path string) error            { return syncDir(path) }

func (disk) CreateTemp(dir, pattern string) (File, error) { return os.CreateTemp(dir, pattern) }

func (disk) WalkDir(root string, f fs.WalkDirFunc) error { return filepath.WalkDir(root, f) }

func (disk) Lock(path string) (func() error, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f.Close, nil
}
