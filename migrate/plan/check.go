package plan

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// check refuses a plan that no planner makes. A digest tells that a plan is what
// was approved, not that it is sound: whoever writes one can compute its digest.
func (p *Plan) check() error {
	if want := p.Customer + "-" + p.Destination.Code + "-" + p.Digest[:MinApproval]; p.ID != want ||
		strings.Contains(p.ID, "/") {
		return fmt.Errorf("its ID is not %q", want)
	}
	if err := state.CheckName(p.ID); err != nil {
		return err
	}
	if p.Verify != "auto" && p.Verify != "readback" {
		return fmt.Errorf("verify %q", p.Verify)
	}
	var sum Totals
	for i := range p.Moves {
		if err := p.checkMove(i); err != nil {
			return fmt.Errorf("move %d: %w", i, err)
		}
		sum.Add(p.Moves[i].Totals)
	}
	if sum != p.Totals {
		return errors.New("its totals are not the sum of its moves'")
	}
	if p.Uploads != nil && (p.Uploads.Entries < 0 || !isDigest(p.Uploads.Digest)) {
		return errors.New("its list of unfinished uploads is described wrongly")
	}
	if err := CheckSegments(p, p.Segments); err != nil {
		return err
	}
	return CountSegments(p.Segments, func(move int) Totals { return p.Moves[move].Totals }, len(p.Moves))
}

func (p *Plan) checkMove(i int) error {
	m := p.Moves[i]
	for _, bucket := range []string{m.Bucket, m.Destination} {
		if err := objectstore.CheckAnyBucketName(bucket); err != nil {
			return err
		}
	}
	t := m.Totals
	switch {
	case m.Way != Streamed && m.Way != ServerSide && m.Way != Mixed:
		return fmt.Errorf("way %q", m.Way)
	case m.Way != Mixed && m.Through != (Through{}), min(m.Through.Versions, m.Through.Bytes) < 0,
		m.Through.Versions > t.Versions, m.Through.Bytes > t.Bytes:
		return errors.New("what passes through the machine cannot be so much")
	case m.Versioning != objectstore.Unversioned && m.Versioning != objectstore.Enabled &&
		m.Versioning != objectstore.Suspended:
		return fmt.Errorf("versioning %q", m.Versioning)
	case m.Source.Provider == p.Destination.Provider && m.Source.Code == p.Destination.Code && m.Bucket == m.Destination:
		return errors.New("its source is its destination")
	case min(t.Entries, t.Versions, t.Markers, t.Multipart, t.Uploads, t.Bytes, m.Held, m.Leases, m.Unlistable,
		m.LoneMarkers) < 0 ||
		t.Entries != t.Versions+t.Markers:
		return errors.New("its counts cannot be")
	}
	for j := range i {
		if p.blocks(ruleClash) {
			break
		}
		if p.Moves[j].From().Overlaps(m.From()) {
			return fmt.Errorf("it overlaps move %d", j)
		}
		if p.To(p.Moves[j]).Overlaps(p.To(m)) {
			return fmt.Errorf("its destination overlaps that of move %d", j)
		}
	}
	return nil
}

// ruleClash is the blocker of moves that would meet, which no plan that can be run
// may have.
const ruleClash = "destination-clash"

func (p *Plan) blocks(rule string) bool {
	return slices.ContainsFunc(p.Blockers, func(i Issue) bool { return i.Rule == rule })
}

// checkSegment holds a segment against the one before it, if that is of the same
// move: keys ascend, and all of a move's lie under its prefix.
func checkSegment(m Move, s manifest.Segment, before *manifest.Segment) error {
	switch {
	case s.Bytes < 0 || s.Entries < 1:
		return errors.New("its counts cannot be")
	case !isDigest(s.Digest):
		return errors.New("its digest is none")
	case s.FirstKey == "" || s.FirstKey > s.LastKey:
		return errors.New("its last key comes before its first")
	case !strings.HasPrefix(string(s.FirstKey), m.Prefix) || !strings.HasPrefix(string(s.LastKey), m.Prefix):
		return errors.New("it has keys outside of its move")
	case before != nil && before.LastKey >= s.FirstKey:
		return errors.New("it overlaps the segment before it")
	}
	return nil
}

// CountSegments holds what segments have against what their moves are said to.
func CountSegments(segments []manifest.Segment, totals func(move int) Totals, moves int) error {
	entries, bytes := make([]int64, moves), make([]int64, moves)
	for _, s := range segments {
		entries[s.Move] += int64(s.Entries)
		bytes[s.Move] += s.Bytes
	}
	for i := range moves {
		if t := totals(i); t.Entries != entries[i] || t.Bytes != bytes[i] {
			return fmt.Errorf("move %d has %d entries of %d bytes, its segments %d of %d", i, t.Entries, t.Bytes, entries[i],
				bytes[i])
		}
	}
	return nil
}

func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}

// CheckSegments refuses segments that are not numbered in order or name no move.
func CheckSegments(p *Plan, segments []manifest.Segment) error {
	var before *manifest.Segment
	for i, s := range segments {
		if s.Move < 0 || s.Move >= len(p.Moves) || s.Number != i+1 || before != nil && s.Move < before.Move {
			return fmt.Errorf("segment %d names no move, or is out of order", s.Number)
		}
		if before != nil && before.Move != s.Move {
			before = nil
		}
		if err := checkSegment(p.Moves[s.Move], s, before); err != nil {
			return fmt.Errorf("segment %d: %w", s.Number, err)
		}
		before = &segments[i]
	}
	return nil
}
