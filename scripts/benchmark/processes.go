//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which /proc counts CPU time (proc_pid_stat(5); USER_HZ is
// 100 on all that Linux offers to programs).
const tick = 10 * time.Millisecond

// used is the CPU time that the servers' processes have used so far, with those
// that they started; 0 where the system has no /proc.
func (s *servers) used() (total time.Duration) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	parents, times := make(map[int]int), make(map[int]time.Duration)
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if text, err := os.ReadFile(path); err == nil {
			parents[pid], times[pid] = timesOf(string(text))
		}
	}
	for pid, used := range times {
		for at := pid; at > 1; at = parents[at] {
			if slices.Contains(s.processes, at) {
				total += used
				break
			}
		}
	}
	return total
}

// timesOf reads a process's parent and CPU time from its stat: fields 4, 14 and
// 15, counted from behind the program's name, which may contain anything.
func timesOf(stat string) (parent int, used time.Duration) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, 0
	}
	var n [3]int
	for i, field := range []string{fields[1], fields[11], fields[12]} {
		var err error
		if n[i], err = strconv.Atoi(field); err != nil {
			return 0, 0
		}
	}
	return n[0], time.Duration(n[1]+n[2]) * tick
}
