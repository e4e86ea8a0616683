package inventory

import (
	"fmt"
	"slices"
	"strings"
)

// view is a bucket as one provider's region shows it.
type view struct {
	provider, region, bucket string
	prefixes                 []string // of its places that hold something
	counts                   [5]int64
	whole                    bool // all its places could be read
}

func (v view) String() string { return v.provider + ":" + v.bucket }

// meets tells whether both have places for the same keys.
func (v view) meets(o view) bool {
	return slices.ContainsFunc(v.prefixes, func(a string) bool {
		return slices.ContainsFunc(o.prefixes, func(b string) bool {
			return strings.HasPrefix(a, b) ||
				strings.HasPrefix(b, a)
		})
	})
}

// views gathers places by who shows them.
func (s *scan) views() (views []view) {
	for _, p := range s.inventory.Places {
		if p.Empty {
			continue
		}
		i := slices.IndexFunc(views, func(v view) bool {
			return v.provider == p.Provider && v.region == p.Region && v.bucket == p.Bucket
		})
		if i < 0 {
			i = len(views)
			views = append(views, view{provider: p.Provider, region: p.Region, bucket: p.Bucket, whole: true})
		}
		v := &views[i]
		v.prefixes, v.whole = append(v.prefixes, p.Prefix), v.whole && p.Error == ""
		for i, n := range []int64{p.Objects, p.Versions, p.Markers, p.Uploads, p.Bytes} {
			v.counts[i] += n
		}
	}
	return views
}

// twice names what is counted more than once, or may be: a bucket that two
// providers, or two regions of one, show.
func (s *scan) twice() {
	byName := make(map[string][]view)
	for _, b := range s.views() {
		for _, a := range byName[b.bucket] {
			if !a.meets(b) {
				continue
			}
			f := Finding{Rule: "seen-twice", Severity: Warning, Location: b.String(), Region: b.region}
			other := fmt.Sprintf("%s in %s", a, a.region)
			switch origin := s.origin(b); {
			case origin != "" && origin == s.origin(a):
				f.Text = fmt.Sprintf("the same bucket as %s: both are at %s; what both show is counted twice", other, origin)
			case a.counts == b.counts && a.whole && b.whole:
				f.Text = fmt.Sprintf("%s holds the same amount; if the two are one bucket, all of it is counted twice", other)
			default:
				continue
			}
			s.add(f)
		}
		byName[b.bucket] = append(byName[b.bucket], b)
	}
}

func (s *scan) origin(v view) string {
	i := slices.IndexFunc(s.Providers, func(p Provider) bool { return p.Name == v.provider })
	if i < 0 || s.Providers[i].Origin == nil {
		return ""
	}
	return s.Providers[i].Origin(v.region)
}
