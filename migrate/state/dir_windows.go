//go:build windows

package state

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: Windows has no way to flush a directory, and its file system
// keeps a journal of names by itself.
func syncDir(string) error { return nil }

func lockFile(f *os.File) error {
	// Who may not lock a place may not read it either: the place is beyond all files.
	place := &windows.Overlapped{OffsetHigh: 1 << 30}
	const exclusive = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), exclusive, 0, 1, 0, place)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLeased
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
