package plan

import (
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// tellApart gives issues the region of their location where two regions of its provider
// have a bucket of that name, and takes it from the others, whose location says enough.
// Makers of issues about destinations have given it; others are about sources.
func (p *draft) tellApart() {
	type bucket struct{ provider, name string }
	regions := make(map[bucket][]string)
	add := func(provider, name, region string) {
		b := bucket{provider, name}
		if !slices.Contains(regions[b], region) {
			regions[b] = append(regions[b], region)
		}
	}
	for _, place := range p.Inventory.Places {
		add(place.Provider, place.Bucket, place.Region)
	}
	for _, m := range p.plan.Moves {
		add(m.Source.Provider, m.Bucket, m.Source.Code)
		add(p.plan.Destination.Provider, m.Destination, p.plan.Destination.Code)
	}
	for _, issues := range [][]Issue{p.plan.Blockers, p.plan.EraseBlockers, p.plan.Warnings} {
		for i := range issues {
			issue := &issues[i]
			at, err := objectstore.ParseLocation(issue.Location)
			if err != nil || len(regions[bucket{at.Provider, at.Bucket}]) < 2 {
				issue.Region = ""
			} else if issue.Region == "" {
				issue.Region = p.plan.sourceOf(at)
			}
		}
	}
}

// sourceOf is the region of a location that is a source, or the bucket of one; empty if
// several could be meant.
func (p *Plan) sourceOf(at objectstore.Location) string {
	var codes []string
	for _, m := range p.Moves {
		switch {
		case m.From() == at:
			return m.Source.Code
		case m.Source.Provider == at.Provider && m.Bucket == at.Bucket && !slices.Contains(codes, m.Source.Code):
			codes = append(codes, m.Source.Code)
		}
	}
	if len(codes) != 1 {
		return ""
	}
	return codes[0]
}

// Place is the location for people, with its region where two have a bucket of that name and
// nothing else says it.
func (i Issue) Place() string {
	if i.Region == "" || strings.Contains(i.Text, i.Region) {
		return i.Location
	}
	return i.Location + " (" + i.Region + ")"
}
