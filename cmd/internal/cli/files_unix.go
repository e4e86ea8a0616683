//go:build unix

package cli

import (
	"math"
	"syscall"
)

// openFiles is how many files and connections the process may have open at once; 0 if
// that is not bounded. Go has raised it to what the process may raise it to.
func openFiles() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || uint64(l.Cur) > math.MaxInt32 {
		return 0
	}
	return int(l.Cur)
}
