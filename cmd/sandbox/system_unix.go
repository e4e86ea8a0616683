//go:build unix

package main

import (
	"os"
	"syscall"
)

// errInUse is what a port answers that somebody has.
const errInUse = syscall.EADDRINUSE

// lockFile takes a lock that the file's end gives back, if nobody has it.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// ownGroup has a process of a group of its own.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
