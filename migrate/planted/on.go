//go:build planted

package planted

import "os"

// On tells whether a bug is switched on.
func On(b Bug) bool { return os.Getenv("RESIDENCY_PLANTED") == string(b) }
