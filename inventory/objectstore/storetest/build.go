package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

const modulePath = "github.com/residency/residency"

// sandboxBinary returns the path of the sandbox program. Its only state is
// that the program is built once per process.
var sandboxBinary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("RESIDENCY_SANDBOX"); path != "" {
		return path, nil
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	return build(root)
})

// SandboxProgram is the path of the sandbox program, which Launch runs.
func SandboxProgram() (string, error) { return sandboxBinary() }

// moduleRoot walks up from the working directory to the module's own go.mod;
// those of modules inside it are passed by.
func moduleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" && fields[1] == modulePath {
				return dir, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of %s at or above %s; set RESIDENCY_SANDBOX to the sandbox program", modulePath,
				start)
		}
	}
}

// build builds the sandbox into the user's cache, where the next process finds
// it up to date. A lock keeps processes that test at the same time apart.
func build(root string) (path string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "residency-storetest", fmt.Sprintf("%x", sha256.Sum256([]byte(root)))[:12])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("build sandbox: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("build sandbox: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // which unlocks
	if err := lockFile(lock); err != nil {
		return "", fmt.Errorf("build sandbox: lock %s: %w", lock.Name(), err)
	}
	path = filepath.Join(dir, "sandbox"+executable)
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", path, ".")
	cmd.Dir = filepath.Join(root, "cmd", "sandbox")
	// A temporary directory on the same file system lets go rename the program
	// into place, so that a running one is never written to.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOTMPDIR="+dir)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build sandbox: %w\n%s", err, output.Bytes())
	}
	return path, nil
}
