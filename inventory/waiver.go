package inventory

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// WaiverRule is the rule of findings of waivers that waive nothing.
const WaiverRule = "waiver-unused"

// Waiver is somebody's word that a place may be outside of the policy until the end of a day
// (UTC).
type Waiver struct {
	Location      objectstore.Location
	Region        string // of the location; empty: the only one that has it
	Reason, Owner string
	Until         time.Time
}

// of tells whether a waiver is of a location in a region.
func (w Waiver) of(location, region string) bool {
	return location == w.Location.String() && (w.Region == "" || region == w.Region)
}

// Waived is a waiver as a place and a finding show it.
type Waived struct {
	Reason  string `json:"reason"`
	Owner   string `json:"owner"`
	Until   string `json:"until"` // the last day
	Expired bool   `json:"expired"`
}

// Waives tells whether a finding is waived, by a waiver that has not expired.
func (f Finding) Waives() bool { return f.Waiver != nil && !f.Waiver.Expired }

// Violated tells whether something is outside of the policy and not waived.
func (i *Inventory) Violated() bool { return i.Violations() > 0 }

// Violations counts those that are not waived.
func (i *Inventory) Violations() (n int) {
	for _, f := range i.Findings {
		if f.Severity == Violation && !f.Waives() {
			n++
		}
	}
	return n
}

// waive shows each waiver at the violations of its place, which stay violations. It says which
// waivers are about no place, or not needed. One whose place is in several regions is about none
// until it says which: it must not waive what nobody meant.
func (s *scan) waive() {
	for _, w := range s.Waivers {
		if regions := s.regionsOf(w); len(regions) > 1 {
			s.add(Finding{Rule: WaiverRule, Severity: Warning, Location: w.Location.String(), Text: fmt.Sprintf(
				"the waiver by %s waives nothing: buckets of this name are in %s; give it the region of one",
				w.Owner, strings.Join(regions, ", "))})
			continue
		}
		shown := &Waived{Reason: w.Reason, Owner: w.Owner, Until: w.Until.Format(time.DateOnly),
			Expired: !s.Now.UTC().Before(w.Until.AddDate(0, 0, 1))}
		text := fmt.Sprintf("; waived until %s by %s: %s", shown.Until, w.Owner, w.Reason)
		if shown.Expired {
			text = fmt.Sprintf("; its waiver by %s expired after %s: %s", w.Owner, shown.Until, w.Reason)
		}
		there, used := false, false
		for i := range s.inventory.Places {
			p := &s.inventory.Places[i]
			if !w.of(p.Location().String(), p.Region) {
				continue
			}
			if there = true; p.Verdict != Within && !p.Empty {
				p.Waiver = shown
			}
		}
		for i := range s.inventory.Findings {
			f := &s.inventory.Findings[i]
			if f.Severity != Violation || !w.of(f.Location, f.Region) {
				continue
			}
			f.Waiver, f.Text, used = shown, f.Text+text, true
			if !shown.Expired {
				s.inventory.Waived++
			}
		}
		if !used && s.asked(w) {
			s.unused(w, there)
		}
	}
}

// regionsOf are the regions that have a waiver's place.
func (s *scan) regionsOf(w Waiver) (regions []string) {
	for _, p := range s.inventory.Places {
		if w.of(p.Location().String(), p.Region) && !slices.Contains(regions, p.Region) {
			regions = append(regions, p.Region)
		}
	}
	slices.Sort(regions)
	return regions
}

// asked tells whether a waiver is about what was looked for and could be looked at.
func (s *scan) asked(w Waiver) bool {
	if s.unseen(w.Location) {
		return false
	}
	return s.Customer == "" || slices.ContainsFunc(s.Claims, func(c Claim) bool {
		return c.Customer == s.Customer && c.Location == w.Location
	})
}

func (s *scan) unused(w Waiver, there bool) {
	f := Finding{Rule: WaiverRule, Severity: Warning, Location: w.Location.String(), Region: w.Region, Text: fmt.Sprintf(
		"the waiver by %s is about no place: it names one as an inventory shows it, with its prefix; correct it, or take it "+
			"out", w.Owner)}
	if there {
		f.Severity = Note
		f.Text = fmt.Sprintf("nothing is outside of the policy here; the waiver by %s is not needed", w.Owner)
	}
	s.add(f)
}
