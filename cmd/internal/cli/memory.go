package cli

import (
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/residency/residency/migrate/copier"
)

// Bounds of --memory, in bytes.
const (
	defaultMemory = 256 << 20
	leastMemory   = 64 << 20
	// ownMemory is what a run needs beside bodies: segments, connections, code.
	ownMemory = 96 << 20
)

// memory is what the process may take, as a flag: a number with K, M or G.
type memory int64

func (m *memory) String() string { return fmt.Sprintf("%dM", int64(*m)>>20) }
func (m *memory) Type() string   { return "size" }

func (m *memory) Set(text string) error {
	n, err := parseSize(text, "512M or 2G")
	if err != nil {
		return err
	}
	if n < leastMemory {
		return fmt.Errorf("%s is less than the %d MiB that a run needs", text, leastMemory>>20)
	}
	*m = memory(n)
	return nil
}

// parseSize reads a number of bytes with K, M, G or T.
func parseSize(text, such string) (int64, error) {
	upper := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text), "B"), "I")
	shift := 0
	if n := len(upper); n > 0 {
		if i := strings.IndexByte("KMGT", upper[n-1]); i >= 0 {
			upper, shift = upper[:n-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(upper, 10, 64)
	if err != nil || n < 0 || n > 1<<62>>shift {
		return 0, fmt.Errorf("%q is not a size such as %s", text, such)
	}
	return n << shift, nil
}

// memoryDefault is a quarter of what the container may take, at most 256 MiB.
func memoryDefault(readFile func(string) ([]byte, error)) memory {
	if limit := cgroupLimit(readFile); limit > 0 {
		return memory(max(min(limit/4, defaultMemory), leastMemory))
	}
	return defaultMemory
}

// cgroupLimit returns the least memory limit of the control groups that this
// process is in, in bytes; 0 if there is none.
func cgroupLimit(readFile func(string) ([]byte, error)) int64 {
	var least int64
	take := func(file string) {
		text, err := readFile(file)
		if err != nil {
			return
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil || n <= 0 || n >= 1<<60 { // "max", or version 1's way to say it
			return
		}
		if least == 0 || n < least {
			least = n
		}
	}
	own, _ := readFile("/proc/self/cgroup") // absent elsewhere than on Linux
	for line := range strings.Lines(string(own)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, dir, ok := strings.Cut(rest, ":")
		root, file := "/sys/fs/cgroup", "memory.max"
		switch {
		case !ok || controllers != "" && controllers != "memory":
			continue
		case controllers == "memory":
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for dir = path.Clean("/" + dir); ; dir = path.Dir(dir) {
			take(path.Join(root, dir, file))
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// budget shares out the memory: the larger part is for bodies, and the garbage
// collector works harder only when all of it is near its end.
func (m memory) budget() *copier.Budget {
	bodies := max(int64(m)-ownMemory, int64(m)/2)
	// What the runtime counts leaves out the program's own code.
	debug.SetMemoryLimit(int64(m) * 7 / 8)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	return copier.NewBudget(bodies)
}
