//go:build !unix

package cli

// openFiles is how many files and connections the process may have open at once: without
// a bound of its own, as on Windows.
func openFiles() int { return 0 }
