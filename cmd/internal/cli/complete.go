package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/migrate/permission"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/regions"
)

// complete offers the shell what flags can be, as far as the catalog, the configuration
// and a state on this machine say: no service is asked.
func (a *app) complete(root *cobra.Command) {
	lists := map[string]func(*cobra.Command) []string{
		"output": formats, "log-format": func(*cobra.Command) []string { return logFormats() },
		"verify":  func(*cobra.Command) []string { return verifyWays() },
		"restore": func(*cobra.Command) []string { return plan.RestoreTiers() },
		"type":    func(*cobra.Command) []string { return kind.Names() },
		"fence":   func(*cobra.Command) []string { return []string{string(fenceRequired)} },
		"stage": func(*cobra.Command) (names []string) {
			for _, s := range permission.Stages() {
				names = append(names, string(s)+"\t"+s.Command())
			}
			return names
		},
		"end":      func(*cobra.Command) []string { return permission.EndNames() },
		"to":       func(*cobra.Command) []string { return a.destinations() },
		"customer": func(c *cobra.Command) []string { return a.customers(c.Context()) },
		"plan":     func(c *cobra.Command) []string { return a.plans(c.Context()) },
		"abort":    func(c *cobra.Command) []string { return a.plans(c.Context()) },
		"approve":  func(*cobra.Command) []string { return nil }, // is to be read, and not guessed
		"source":   func(*cobra.Command) []string { return a.locations() },
		"policy":   func(*cobra.Command) []string { return jurisdictions() },
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			list := lists[f.Name]
			if c.Name() == regionsName && f.Name == "provider" {
				list = func(*cobra.Command) []string { return withCatalog(catalogProviders) }
			}
			if _, own := f.Annotations[ownOutput]; list == nil || own {
				return
			}
			// It fails for a flag that does not exist, or twice: a persistent one is its
			// parent's as well.
			_ = c.RegisterFlagCompletionFunc(f.Name, a.offer(list))
		})
		if c.Parent() != nil && c.Parent().Name() == regionsName {
			c.ValidArgsFunction = a.offer(func(*cobra.Command) []string { return withCatalog(regionCodes) })
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// offer is a list for the shell, made when it asks. Flags that the environment sets count.
func (a *app) offer(list func(*cobra.Command) []string) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		if err := a.fromEnvironment(c); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		found := slices.Clone(list(c))
		slices.Sort(found)
		return slices.Compact(found), cobra.ShellCompDirectiveNoFileComp
	}
}

// regionCodes are those of what data can be in; shells take a colon for the end of a word.
func regionCodes(c *regions.Catalog) (codes []string) {
	for _, r := range c.All() {
		if r.Kind == regions.KindRegion {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

// withCatalog is a list that the catalog has; none if it cannot be read.
func withCatalog(list func(*regions.Catalog) []string) []string {
	catalog, err := regions.Load()
	if err != nil {
		return nil
	}
	return list(catalog)
}

func jurisdictions() []string {
	return withCatalog(func(c *regions.Catalog) (names []string) {
		for _, r := range c.All() {
			names = append(names, c.RegionSets(r)...)
			if r.Country != "" {
				names = append(names, r.Country)
			}
		}
		return names
	})
}

func stageNames() (names []string) {
	for _, s := range permission.Stages() {
		names = append(names, string(s))
	}
	return names
}

// destinations are the regions that data may be moved to, as far as the configuration
// tells: those that it names, or all of its kind's.
func (a *app) destinations() (codes []string) {
	w, err := a.openConfig()
	if err != nil {
		return nil
	}
	for name, p := range w.config.Providers {
		at := w.provider(name, p)
		places := sortedKeys(p.Regions)
		for _, r := range w.catalog.All() {
			if len(p.Regions) == 0 && r.Provider == p.Cloud() && r.Kind == regions.KindRegion &&
				r.Partition == at.kind.Partition {
				places = append(places, r.Code)
			}
		}
		for _, code := range places {
			if regions.Admissible(at.country(code)) != nil {
				continue
			}
			if codes = append(codes, code); len(w.config.Providers) > 1 {
				codes = append(codes, name+":"+code)
			}
		}
	}
	return codes
}

// customers are those that the configuration names, or a plan is about.
func (a *app) customers(ctx context.Context) []string {
	w, err := a.openConfig()
	if err != nil {
		return nil
	}
	names := sortedKeys(w.config.Customers)
	for _, id := range a.plans(ctx) {
		if p, err := plan.Load(ctx, w.home, id); err == nil {
			names = append(names, p.Customer)
		}
	}
	return names
}

// plans are those of a state on this machine.
func (a *app) plans(ctx context.Context) []string {
	w, err := a.openConfig()
	if err != nil || w.stateAt != nil {
		return nil
	}
	ids, err := plan.List(ctx, w.home)
	if err != nil {
		return nil
	}
	return ids
}

// locations are those that the configuration names.
func (a *app) locations() (list []string) {
	w, err := a.openConfig()
	if err != nil {
		return nil
	}
	for _, c := range w.config.Claims() {
		if a.customer == "" || a.customer == c.Customer {
			list = append(list, c.Location.String())
		}
	}
	return list
}
