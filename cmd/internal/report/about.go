package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// about finds what is to be said of places, by their index, and what is about none of them.
func (r *Report) about() (places [][]Finding, rest []Finding) {
	places = make([][]Finding, len(r.Places))
	for i, at := range r.placesOf() {
		if at < 0 {
			rest = append(rest, r.Findings[i])
		} else {
			places[at] = append(places[at], r.Findings[i])
		}
	}
	return places, rest
}

// placesOf has the index of the place that each finding is about, or -1. Buckets of one name
// can be in several regions: what does not say which of them it is about is about none.
func (r *Report) placesOf() []int {
	type key struct{ location, region, customer string }
	by, regions := map[key]int{}, map[string][]string{}
	first := func(k key, i int) {
		if _, ok := by[k]; !ok {
			by[k] = i
		}
	}
	const anyone = "\x00" // no customer's name
	for i, p := range r.Places {
		first(key{p.Location, p.Region, p.Customer}, i)
		first(key{p.Location, p.Region, anyone}, i)
		if !slices.Contains(regions[p.Location], p.Region) {
			regions[p.Location] = append(regions[p.Location], p.Region)
		}
	}
	all := make([]int, len(r.Findings))
	for i, f := range r.Findings {
		all[i] = -1
		if f.Location == "" {
			continue
		}
		region := f.Region
		if there := regions[f.Location]; len(there) == 1 && (region == "" || there[0] == "") {
			region = there[0]
		}
		at, ok := by[key{f.Location, region, f.Customer}]
		if !ok {
			at, ok = by[key{f.Location, region, anyone}]
		}
		if ok {
			all[i] = at
		}
	}
	return all
}

// fingerprints are of the findings, the same as long as rule, customer, location and region
// are, whatever the numbers in their texts.
func (r *Report) fingerprints() []string {
	seen := map[string]int{}
	all := make([]string, len(r.Findings))
	for i, f := range r.Findings {
		text := fmt.Sprintf("%q %q %q %q", f.Rule, f.Customer, f.Location, f.Region)
		if f.class != "" {
			text += fmt.Sprintf(" %q", f.class)
		}
		seen[text]++
		if n := seen[text]; n > 1 {
			text += fmt.Sprintf(" %d", n)
		}
		sum := sha256.Sum256([]byte(text))
		all[i] = hex.EncodeToString(sum[:])
	}
	return all
}

// class is what a fault has in common with itself in another run: its text without the words
// that have numbers, such as counts, times and names of plans, and the exit code.
func (o Outcome) class() string {
	words := slices.DeleteFunc(strings.Fields(o.Text), func(s string) bool { return strings.ContainsAny(s, "0123456789") })
	return fmt.Sprintf("%d %s", o.Code, strings.Join(words, " "))
}

// place is a finding's location for people, with the region where nothing else says it.
func (f Finding) place() string {
	if f.Location == "" || f.Region == "" || strings.Contains(f.Location+" "+f.Text, f.Region) {
		return f.Location
	}
	return f.Location + " (" + f.Region + ")"
}

// identity is a location in its region, for programs that know resources by one name.
func identity(location, region string) string {
	if region == "" || strings.HasSuffix(location, " "+region) {
		return location
	}
	return location + "@" + region
}
