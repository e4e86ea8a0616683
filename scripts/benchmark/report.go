//go:build linux

package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// kinds lists how many requests there were of each method.
func (c *counter) kinds() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, m := range []string{"GET", "HEAD", "PUT", "POST", "DELETE"} {
		if n := c.methods[m]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, m))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}

// phases picks the lines in which residency says how long each phase took.
func phases(out string) string {
	var found []string
	for _, m := range regexp.MustCompile(`(?m)^(\w+): done, (.*)$`).FindAllStringSubmatch(out, -1) {
		found = append(found, m[1]+" "+m[2])
	}
	return strings.Join(found, "; ")
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func (r *row) wall() float64 {
	return r.over(func(f figures) float64 { return f.wall.Seconds() })
}
func (r *row) cpu() float64 {
	return r.over(func(f figures) float64 { return f.cpu.Seconds() })
}

func (r *row) servers() float64 {
	return r.over(func(f figures) float64 { return f.servers.Seconds() })
}

func (r *row) over(of func(figures) float64) float64 {
	var v []float64
	for _, f := range r.runs {
		v = append(v, of(f))
	}
	return median(v)
}

func (r *row) peak() int64 {
	var most int64
	for _, f := range r.runs {
		most = max(most, f.peak)
	}
	return most
}

// report prints a workload's table: medians (the servers' CPU seconds too), the
// highest peak, and the first tool's ratio to each other.
func report(w workload, rows []row) {
	fmt.Printf("%-16s %9s %9s %9s %9s %10s %12s %8s %8s %6s\n", "tool", "wall s", "CPU s", "servers'", "peak MiB",
		"requests", "bytes/entry", "wall ×", "CPU ×", "rounds")
	for i := range rows {
		r := &rows[i]
		if len(r.runs) == 0 {
			continue
		}
		fmt.Printf("%-16s %9.2f %9.2f %9.2f %9d %10.3f %12.0f %8.2f %8.2f %6d\n", r.tool, r.wall(), r.cpu(), r.servers(),
			r.peak()>>20, r.requests, r.through,
			rows[0].wall()/r.wall(), rows[0].cpu()/r.cpu(), len(r.runs))
	}
	for i := range rows {
		if rows[i].skipped != "" {
			fmt.Printf("  %s not measured: %s\n", rows[i].tool, beginning(rows[i].skipped))
		}
		if rows[i].note != "" {
			fmt.Printf("  %s: %s\n", rows[i].tool, rows[i].note)
		}
		if rows[i].detail != "" {
			fmt.Printf("  %s, phases: %s\n", rows[i].tool, rows[i].detail)
		}
		if rows[i].kinds != "" {
			fmt.Printf("  %s, requests: %s\n", rows[i].tool, rows[i].kinds)
		}
	}
	for _, t := range w.targets {
		judge(t, rows)
	}
}

// beginning is what a program said first: one that failed may say it of each object.
func beginning(text string) string {
	const lines, most = 12, 2000
	all := strings.SplitAfterN(text, "\n", lines+1)
	if len(all) > lines {
		text = strings.Join(all[:lines], "") + "…"
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

func judge(t target, rows []row) {
	wall, cpu := math.Inf(1), math.Inf(1)
	for i := range rows {
		if slices.Contains(t.against, rows[i].tool) && len(rows[i].runs) > 0 {
			wall, cpu = min(wall, rows[i].wall()), min(cpu, rows[i].cpu())
		}
	}
	if math.IsInf(wall, 1) || len(rows[0].runs) == 0 {
		return
	}
	against := strings.Join(t.against, ", ")
	if len(t.against) > 1 {
		against = "the better of " + against
	}
	verdict := func(what string, got, want float64) {
		if want == 0 {
			return
		}
		text := "met"
		if got > want {
			text = fmt.Sprintf("MISSED by %.0f%%", 100*(got/want-1))
		}
		fmt.Printf("  target, %s against %s: at most %.2f, is %.2f: %s\n", what, against, want, got, text)
	}
	verdict("wall", rows[0].wall()/wall, t.wall)
	verdict("CPU", rows[0].cpu()/cpu, t.cpu)
}
