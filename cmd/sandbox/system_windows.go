package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// errInUse is what a port answers that somebody has.
const errInUse = windows.WSAEADDRINUSE

// lockFile takes a lock that the file's end gives back, if nobody has it.
func lockFile(f *os.File) error {
	const exclusive = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), exclusive, 0, 1, 0, new(windows.Overlapped))
}

// ownGroup has a process of a group of its own.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}
