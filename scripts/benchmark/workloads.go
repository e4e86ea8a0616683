//go:build linux

package main

import (
	"cmp"
	"time"
)

// workload is a set of objects and what is done with it.
type workload struct {
	name, about string
	objects     int   // keys
	size        int64 // bytes of each
	part        int64 // of a multipart upload; 0: one PUT
	versions    int   // per key; 0: a bucket without versioning
	roundTrip   time.Duration
	tools       []tool
	targets     []target
	// source and destination are what answers at both ends.
	source, destination service
}

// target is a figure that the project promises, as a ratio to the best of
// others (names of tools).
type target struct {
	against   []string
	wall, cpu float64 // 0: nothing promised
}

func (w workload) entries() int { return w.objects * max(w.versions, 1) }

// scaled makes a workload larger or smaller: fewer objects or, where there are
// few, smaller ones.
func (w workload) scaled(by float64) workload {
	if w.objects < 10 {
		w.size = max(int64(float64(w.size)*by), 1)
		return w
	}
	w.objects = max(int(float64(w.objects)*by), 1)
	return w
}

// fewer is a workload with so many times fewer objects.
func (w workload) fewer(by int) workload {
	w.objects = max(w.objects/by, 1)
	return w
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// between are two workloads for each pair of services of which one is no S3: many small objects, and
// fewer large ones.
func between() []workload {
	// Two servers are not one service: rclone would have one copy from the other, for their accounts
	// have one name.
	const streamed = "--disable=copy"
	small := []tool{residencyMigrate(), floorCopy(32), rcloneCopy("rclone", 32, streamed)}
	large := []tool{residencyMigrate(), floorCopy(16), rcloneCopy("rclone", 16, streamed),
		rcloneCopy("rclone-chunks", 16, streamed, "--azureblob-chunk-size=16Mi")} // in one piece, as residency sends it
	var all []workload
	for _, pair := range []struct {
		name                string
		source, destination service
	}{
		{"azurite", "", azurite}, {"gcs", "", fakeGCS}, {"azurite2", azurite, azurite}, {"gcs2", fakeGCS, fakeGCS},
		{"strict-azure", "", strictAz}, {"strict-gcs", "", strictGo},
	} {
		from := cmp.Or(string(pair.source), "S3")
		all = append(all,
			workload{name: pair.name + "-small", about: "2,000 objects of 4 KiB, " + from + " to " + string(pair.destination),
				objects: 2000, size: 4 * kib, tools: small, targets: []target{{against: []string{"rclone"}, wall: 0.6}},
				source: pair.source, destination: pair.destination},
			workload{name: pair.name + "-large", about: "40 objects of 8 MiB, " + from + " to " + string(pair.destination),
				objects: 40, size: 8 * mib, tools: large,
				targets: []target{{against: []string{"rclone", "rclone-chunks"}, wall: 0.9}},
				source:  pair.source, destination: pair.destination})
	}
	return all
}

func workloads() []workload {
	others := []tool{rcloneCopy("rclone", 32), mcMirror()}
	streamed := func(floorWorkers int) []tool {
		return append([]tool{residencyMigrate(), floorCopy(floorWorkers)}, others...)
	}
	best := []string{"rclone", "mc"}
	large := []target{{against: best, wall: 0.85, cpu: 0.8}}
	return append([]workload{
		{name: "small", about: "20,000 objects of 4 KiB", objects: 20000, size: 4 * kib, tools: streamed(32),
			targets: []target{{against: best, wall: 0.5, cpu: 0.5}, {against: []string{"floor"}, wall: 1.15, cpu: 1.25}}},
		{name: "medium", about: "2,000 objects of 256 KiB", objects: 2000, size: 256 * kib, tools: streamed(16)},
		{name: "mib", about: "400 objects of 1 MiB", objects: 400, size: mib, tools: streamed(16), targets: large},
		{name: "gib", about: "4 objects of 1 GiB, uploaded in parts of 8 MiB", objects: 4, size: gib, part: 8 * mib,
			tools: streamed(4), targets: large},
		{name: "versions", about: "4,000 keys with 5 versions of 4 KiB each", objects: 4000, size: 4 * kib, versions: 5,
			tools: []tool{residencyMigrate()}},
		{name: "delay", about: "small, with 80 ms per round trip at both ends", objects: 20000, size: 4 * kib,
			roundTrip: 80 * time.Millisecond,
			tools: []tool{residencyMigrate(), slow(rcloneCopy("rclone-defaults", 0)), rcloneCopy("rclone-64", 64),
				mcMirror()},
			targets: []target{{against: []string{"rclone-defaults"}, wall: 0.25}, {against: []string{"rclone-64"},
				wall: 0.8}}},
		{name: "server-side", about: "20,000 objects of 4 KiB within one endpoint, which a relay makes of one server",
			objects: 20000, size: 4 * kib, tools: []tool{residencyWithin(), rcloneWithin()}},
		{name: "deletes", about: "20,000 objects deleted, by version where the tool can", objects: 20000, size: 1 * kib,
			versions: 1,
			tools:    []tool{residencyErase(), rclonePurge(), mcRemove()},
			targets:  []target{{against: []string{"rclone", "mc"}, wall: 0.8}}},
		{name: "list", about: "1,000,000 keys listed and planned", objects: 1000000, size: 0, tools: []tool{residencyPlan(),
			rcloneList(), mcList()},
			targets: []target{{against: []string{"rclone", "mc"}, wall: 0.7}}},
	}, between()...)
}
