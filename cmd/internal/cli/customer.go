package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/regions/nearest"
)

// oneCustomer decides whose data a command is about.
func (a *app) oneCustomer(w *session) (string, error) {
	names := sortedKeys(w.config.Customers)
	switch {
	case a.customer != "":
		return a.customer, nil
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0:
		return "", &usageError{err: fmt.Errorf("the configuration names no customer"),
			remedy: "say whose data with --customer NAME; its buckets are found by the tag " +
				w.config.Discovery.BucketTag}
	}
	return "", &usageError{err: fmt.Errorf("more than one customer is in scope: %s", strings.Join(names, ", ")),
		remedy: "say which with --customer NAME"}
}

// unknown says why a customer of whom nothing was found has nothing, and who else may
// be meant.
func (w *session) unknown(customer string, inv *inventory.Inventory) error {
	var named []string
	for _, c := range w.config.Claims() {
		if c.Customer == customer {
			named = append(named, c.Location.String())
		}
	}
	why := "the configuration does not name them"
	if len(named) > 0 {
		slices.Sort(named)
		why = fmt.Sprintf("no configured region shows %s, which the configuration names", strings.Join(named, ", "))
	}
	seen := ""
	if n := inv.NotLooked(); n > 0 {
		seen = fmt.Sprintf(" that could be looked at (%s could not be looked at)", plural(n, "place"))
	}
	return &usageError{err: fmt.Errorf("no data of customer %q: %s, and no bucket%s is tagged %s=%s%s", customer, why,
		seen, w.config.Discovery.BucketTag, customer, meant(customer, inv.Names)),
		remedy: "residency inventory shows who has what"}
}

// meant suggests whom a mistyped name was to name.
func meant(name string, known []string) string {
	near := slices.DeleteFunc(nearest.Names(name, known), func(k string) bool { return k == name })
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}
