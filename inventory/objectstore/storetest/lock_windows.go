package storetest

import (
	"os"

	"golang.org/x/sys/windows"
)

const executable = ".exe" // what the names of programs end in

// lockFile waits for a lock that the file's end gives back.
func lockFile(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, new(windows.Overlapped))
}
