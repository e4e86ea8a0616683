package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// facts adds what the service says of a bucket to its shares. That some of it could not be
// read is their error: a copy in another country may be what was not told.
func (s *scan) facts(ctx context.Context, store Store, b bucket, shares []Place) error {
	factual, ok := store.(objectstore.Factual)
	if !ok {
		return nil
	}
	facts, err := factual.Facts(ctx, b.name)
	if err != nil {
		text := strings.ReplaceAll(err.Error(), "\n", "; ") // of several errors
		err = fmt.Errorf("what the service keeps of it besides could not be read: %w", &inOneLine{text, err})
	}
	for i := range shares {
		p := &shares[i]
		if p.Facts = facts; err != nil && p.Error != "" {
			p.Error += "; " + err.Error()
		} else if err != nil {
			p.Error = err.Error()
		}
		for _, f := range facts {
			if f.Unproven && p.Verdict == Within {
				p.Verdict = Unknown // until somebody proves where it is
			}
			for _, code := range f.Regions {
				p.also(Region{Code: code, Country: b.provider.Country(code)})
			}
		}
		for _, r := range p.Also {
			p.Verdict = worse(p.Verdict, s.verdict(p.Customer, r.Code, r.Country))
		}
	}
	return err
}

// inOneLine is an error with another text.
type inOneLine struct {
	text string
	err  error
}

func (e *inOneLine) Error() string { return e.text }
func (e *inOneLine) Unwrap() error { return e.err }

func (p *Place) also(r Region) {
	if r.Code != p.Region && !slices.Contains(p.Also, r) {
		p.Also = append(p.Also, r)
	}
}

// itself is the verdict on a place's own region.
func (s *scan) itself(p Place) Verdict {
	if len(p.Countries) == 0 {
		return s.verdict(p.Customer, p.Region, p.Country)
	}
	v := Within
	for _, may := range p.Countries {
		v = worse(v, s.verdict(p.Customer, p.Region, may))
	}
	return v
}

// Where is the country that a place is in, or all that it may be in; empty if that is not known.
func (p Place) Where() string {
	if len(p.Countries) == 0 {
		return p.Country
	}
	return "one of " + strings.Join(p.Countries, ", ")
}

// worse is the verdict on two regions of one place.
func worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Outside, Unknown} {
		if a == v || b == v {
			return v
		}
	}
	return Within
}

// judgeAlso finds what the service says of a place's bucket, and each region besides its own
// that the policy does not allow.
func (s *scan) judgeAlso(p Place) {
	for _, f := range p.Facts {
		if f.Rule == "versioning" {
			continue // which each place says by itself
		}
		finding := Finding{Rule: f.Rule, Severity: Note, Customer: p.Customer, Location: p.Location().String(),
			Region: p.Region, Text: f.Text}
		var outside []string
		for _, code := range f.Regions {
			r := Region{Code: code}
			if i := slices.IndexFunc(p.Also, func(r Region) bool { return r.Code == code }); i >= 0 {
				r = p.Also[i]
			} else if code == p.Region {
				continue
			}
			if v := s.verdict(p.Customer, r.Code, r.Country); v != Within {
				outside = append(outside, r.String())
			}
		}
		switch {
		case len(outside) > 0:
			finding.Severity = Violation
			finding.Text += fmt.Sprintf("; %s: the policy allows %s", strings.Join(outside, ", "), s.Policy(p.Customer))
		case f.Unproven && s.itself(p) == Within:
			finding.Severity = Violation
		case f.Keeps > 0 || f.Forever:
			finding.Severity = Warning
		}
		s.add(finding)
	}
}

func (r Region) String() string {
	if r.Country == "" {
		return r.Code + " (country unknown)"
	}
	return r.Code + " (" + r.Country + ")"
}

// regions are all that hold a place's bytes.
func (p Place) regions() []Region {
	return append([]Region{{Code: p.Region, Country: p.Country}}, p.Also...)
}

// keptOf counts what a service keeps of what was deleted, for each place that it is of.
func keptOf(
	ctx context.Context, store Store, bucket, prefix string, shares []Place, kept map[*Place]*objectstore.Kept,
) error {
	for d, err := range objectstore.KeptOf(ctx, store, bucket, prefix) {
		if err != nil {
			return fmt.Errorf("what is kept of deletions could not be listed: %w", err)
		}
		p := holder(shares, d.Key)
		k := kept[p]
		if k == nil {
			k = new(objectstore.Kept)
			kept[p] = k
		}
		k.Add(d)
		p.Kept, p.KeptBytes, p.KeptUntil = k.Entries, k.Bytes, k.Until()
	}
	return nil
}

func until(t *time.Time) string {
	if t == nil {
		return " until a time that it does not tell of all"
	}
	return ", the last until " + t.Format(time.RFC3339)
}
