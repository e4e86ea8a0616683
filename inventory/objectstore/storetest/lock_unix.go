//go:build unix

package storetest

import (
	"os"
	"syscall"
)

const executable = "" // what the names of programs end in

// lockFile waits for a lock that the file's end gives back.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }
