package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/regions"
)

// printExposures lists which laws reach the data, and what is against that, in groups
// that are never merged. JSON has each with its detail, source and date.
func (a *app) printExposures(title string, exposures, safeguards []inventory.Exposure) {
	if len(exposures) == 0 {
		return
	}
	fmt.Fprintln(a.Out)
	a.paragraph("%s (no conclusion; -o json has sources, dates and details):", title)
	all := slices.Concat(exposures, safeguards)
	for _, group := range []string{regions.GroupLaw, regions.GroupAccess, regions.GroupSafeguard} {
		a.printGroup(group, slices.DeleteFunc(slices.Clone(all), func(e inventory.Exposure) bool {
			// A plan of an earlier version has no groups.
			return cmp.Or(e.Group, regions.GroupLaw) != group
		}))
	}
}

// printGroup has a line for each country of location and each operator.
func (a *app) printGroup(group string, list []inventory.Exposure) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(a.Out, "  %s:\n", group)
	for len(list) > 0 {
		first := list[0]
		same := func(e inventory.Exposure) bool { return e.Axis == first.Axis && e.Through == first.Through }
		head, places := "in "+orUnknown(first.Through), 0
		if first.Axis == regions.AxisOperator {
			head = "through the operator, " + orUnknown(first.Through)
		}
		var laws []string
		for _, confidence := range []string{regions.ReadInSource, regions.InPress, regions.FromMemory, ""} {
			var some []string
			for _, e := range list {
				if same(e) && (e.Confidence == confidence || confidence == "" && !known(e.Confidence)) {
					some = append(some, stated(e))
					places = max(places, len(e.Locations))
				}
			}
			if len(some) > 0 && confidence != "" && confidence != regions.ReadInSource {
				some[0] = confidence + ": " + some[0]
			}
			laws = append(laws, some...)
		}
		if places > 0 {
			head += ", " + plural(places, "place")
		}
		fmt.Fprintln(a.Out, render.Hang("    ", render.Text(head+": "+strings.Join(laws, "; ")), a.page.Width, "      "))
		list = slices.DeleteFunc(list, same)
	}
}

func known(confidence string) bool {
	return slices.Contains([]string{regions.ReadInSource, regions.InPress, regions.FromMemory}, confidence)
}

// stated is a law with its state, where that is not simply in force.
func stated(e inventory.Exposure) string {
	if e.State == "" || e.State == regions.InForce || e.Law == e.State {
		return e.Law
	}
	return fmt.Sprintf("%s (%s)", e.Law, strings.TrimSpace(e.State+" "+e.Since))
}
