package cli

import (
	"io/fs"
	"testing"
)

func TestMemoryFlag(t *testing.T) {
	for text, want := range map[string]int64{"64M": 64 << 20, "512m": 512 << 20, "1GiB": 1 << 30, "2gb": 2 << 30,
		"134217728": 128 << 20, "63M": 0, "": 0, "M": 0, "-1G": 0, "1.5G": 0, "999999999T": 0, "64MM": 0} {
		var m memory
		if err := m.Set(text); (err == nil) != (want > 0) || int64(m) != want {
			t.Errorf("Set(%q): %d, %v; want %d", text, int64(m), err, want)
		}
	}
}

func TestMemoryDefault(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no control groups": {nil, 256 << 20},
		"version 2, no limit": {map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n"},
			256 << 20},
		"version 2": {map[string]string{"/proc/self/cgroup": "0::/a/b\n",
			"/sys/fs/cgroup/a/memory.max": "536870912\n", "/sys/fs/cgroup/a/b/memory.max": "max\n"}, 128 << 20},
		"a large limit": {map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "8589934592\n"},
			256 << 20},
		"a tiny limit": {map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "100000000\n"},
			64 << 20},
		"version 1": {map[string]string{"/proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/1\n",
			"/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "9223372036854771712\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes":          "419430400\n"}, 100 << 20},
	} {
		got := memoryDefault(func(file string) ([]byte, error) {
			text, ok := tt.files[file]
			if !ok {
				return nil, fs.ErrNotExist
			}
			return []byte(text), nil
		})
		if int64(got) != tt.want {
			t.Errorf("%s: %d, want %d", name, int64(got), tt.want)
		}
	}
}
