package state

import "os"

// scratch is the operating system's file system for files that nobody needs
// once this process has ended: they are not made durable.
type scratch struct{ disk }

// NewScratch returns a home at path whose files need not outlive a crash.
func NewScratch(path string) *Dir { return NewDirOn(scratch{}, path) }

func (scratch) SyncDir(string) error { return nil }

func (scratch) CreateTemp(dir, pattern string) (File, error) {
	f, err := os.CreateTemp(dir, pattern)
	return unsynced{f}, err
}

type unsynced struct{ *os.File }

func (unsynced) Sync() error { return nil }
