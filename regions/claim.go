package regions

import (
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Groups of claims, which are never merged.
const (
	GroupLaw       = "law that applies"             // where the data is
	GroupAccess    = "compelled access from abroad" // through the place or the operator
	GroupSafeguard = "safeguard"                    // against that
)

// States of a claim.
const (
	InForce    = "in force"
	Lapsed     = "lapsed"
	Negotiated = "negotiated" // and not concluded
	Adopted    = "adopted"    // and not in force, or not known to be
	Contested  = "contested"  // whether it applies, or how far
	unknown    = "unknown"
)

// Confidence says how a claim is known.
const (
	ReadInSource = "read in a source"
	InPress      = "reported in the press"
	FromMemory   = "from memory, not checked"
)

// Date is a year, a month or a day, as precise as what it dates is known:
// 2026, 2026-11, 2026-11-28.
type Date string

func (d Date) check() error {
	for _, layout := range []string{"2006", "2006-01", time.DateOnly} {
		if _, err := time.Parse(layout, string(d)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%q is not YYYY, YYYY-MM or YYYY-MM-DD", string(d))
}

// Claim is one thing that the catalog says of the law: that it reaches places in, or
// operators from, a country or set. Each has its own state, source, date and confidence.
type Claim struct {
	Axis       string
	Applies    string // country or set
	Group      string
	Law        string
	Country    string // whose law it is: a country, or a set such as EU
	State      string
	Since      Date // of the state; empty: not known
	Detail     string
	Confidence string
	Source     string
	AsOf       Date   // of what the source says
	Checked    string // when somebody last looked, or, of what is from memory, wrote it down
}

// effective tells whether a claim is of what reaches data today: not what is only
// negotiated or adopted. What has lapsed is, with that word: its effects outlast it.
func (c Claim) effective() bool { return c.State != Negotiated && c.State != Adopted }

func (c *Catalog) readClaims(fsys fs.FS) error {
	records, err := readTable(fsys, "data/claims.csv", 6, "axis", "applies", "group", "law", "country", "state", "since",
		"detail", "confidence", "dated")
	if err != nil {
		return err
	}
	groups := map[string]string{"law": GroupLaw, "access": GroupAccess, "safeguard": GroupSafeguard}
	for _, r := range records {
		claim := Claim{
			Axis: r.get("axis"), Applies: r.get("applies"), Group: groups[r.get("group")], Law: r.get("law"),
			Country: r.get("country"), State: r.get("state"), Since: Date(r.get("since")), Detail: r.get("detail"),
			Confidence: r.get("confidence"), Source: r.get("source"), AsOf: Date(r.get("dated")), Checked: r.get("as_of"),
		}
		if err := c.checkClaim(r, claim); err != nil {
			return err
		}
		c.used(r)
		c.claims = append(c.claims, claim)
	}
	return nil
}

// checkClaim refuses a claim that lacks what makes it one.
func (c *Catalog) checkClaim(r record, claim Claim) error {
	switch {
	case claim.Axis != AxisLocation && claim.Axis != AxisOperator:
		return r.errorf("axis %q: want %s or %s", claim.Axis, AxisLocation, AxisOperator)
	case !c.isCountryOrSet(claim.Applies):
		return r.errorf("applies to %q, which is neither a country nor a set", claim.Applies)
	case !c.isCountryOrSet(claim.Country):
		return r.errorf("law of %q, which is neither a country nor a set", claim.Country)
	case claim.Group == "":
		return r.errorf("group %q: want law, access or safeguard", r.get("group"))
	case !slices.Contains([]string{InForce, Lapsed, Negotiated, Adopted, Contested}, claim.State):
		return r.errorf("state %q: want one of %s, %s, %s, %s, %s", claim.State, InForce, Lapsed, Negotiated, Adopted,
			Contested)
	case !slices.Contains([]string{ReadInSource, InPress, FromMemory}, claim.Confidence):
		return r.errorf("confidence %q: want one of %q, %q, %q", claim.Confidence, ReadInSource, InPress, FromMemory)
	case claim.Detail == "":
		return r.errorf("detail is empty")
	}
	if claim.Since != "" {
		if err := claim.Since.check(); err != nil {
			return r.errorf("since: %w", err)
		}
	}
	if err := claim.AsOf.check(); err != nil {
		return r.errorf("dated: %w", err)
	}
	return nil
}

func (c *Catalog) isCountryOrSet(s string) bool {
	_, isCountry := c.countries[s]
	_, isSet := c.sets[fold(s)]
	return isCountry || isSet
}

// Claims lists all that the catalog says of places in a country, or of operators from
// it, whatever its state.
func (c *Catalog) Claims(axis, country string) []Claim {
	var out []Claim
	for _, claim := range c.claims {
		if claim.Axis == axis && (claim.Applies == country || c.inSet(claim.Applies, country)) {
			out = append(out, claim)
		}
	}
	return slices.Clip(out)
}
