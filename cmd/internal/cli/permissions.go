package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/manual"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/migrate/permission"
	"github.com/residency/residency/regions"
)

// permissionsName is the command whose output can be terraform.
const permissionsName = "permissions"

func (a *app) permissionsCommand() *cobra.Command {
	var stages []string
	var to, end string
	c := &cobra.Command{
		Use:   permissionsName + " --stage STAGE",
		Short: "Print the least policy that a stage needs, and why",
		Example: `  residency permissions --stage inventory
  residency permissions --stage copy --customer acme --to eu-west
  residency permissions --stage erase --customer acme --to eu-west -o terraform`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var list []permission.Stage
			for _, name := range stages {
				s, err := permission.Parse(name)
				if err != nil {
					return &usageError{err: fmt.Errorf("--stage: %w%s", err, meant(name, stageNames())),
						remedy: "residency help permissions says what each is"}
				}
				list = append(list, s)
			}
			if len(list) == 0 {
				return &usageError{err: errors.New("--stage is missing"),
					remedy: "name the stage: --stage " + permission.Names()}
			}
			ends, err := a.permissionEnds(c.Context(), list, to)
			if err != nil {
				return err
			}
			documents := permission.Documents(list, ends)
			if end != "" {
				if documents, err = ofEnd(documents, end); err != nil {
					return err
				}
			}
			return a.printPermissions(documents, end != "")
		},
	}
	c.Flags().StringSliceVar(&stages, "stage", nil, "`stage` to allow: "+permission.Names()+"; repeatable")
	c.Flags().StringVar(&to, "to", "", "destination `region`")
	c.Flags().StringVar(&end, "end", "",
		"print only the document of this `end`: source, destination, state or elsewhere")
	longHelp(c, permissionsHelp)
	return inFormats(c, "json", "csv", "terraform")
}

// permissionsHelp is the topic, with the table of this very program.
func permissionsHelp() string {
	topic := manual.Lookup(permissionsName)
	topic.Markdown, _, _ = strings.Cut(topic.Markdown, "<!-- permissions:")
	return topic.Text(helpWidth) + "\n" + permission.Help()
}

// ofEnd finds the one document of an end.
func ofEnd(documents []permission.Document, end string) ([]permission.Document, error) {
	end, provider, one := strings.Cut(end, ":")
	if !slices.Contains(permission.EndNames(), end) {
		return nil, choice("end", end, permission.EndNames())
	}
	found := slices.DeleteFunc(documents, func(d permission.Document) bool {
		return d.Where.Name() != end || one && d.Where.Provider != provider
	})
	switch len(found) {
	case 0:
		return nil, &usageError{err: fmt.Errorf("--end %s: the stage sends nothing there", end)}
	case 1:
		return found, nil
	}
	var providers []string
	for _, d := range found {
		providers = append(providers, d.Where.Provider)
	}
	names := strings.Join(providers, ", ")
	return nil, &usageError{err: fmt.Errorf("--end %s: there are several, with the providers %s", end, names),
		remedy: fmt.Sprintf("name one, as in --end %s:%s; or leave --end out", end, providers[0])}
}

// permissionEnds are the ends of the configuration, as far as it and the command
// line name them.
func (a *app) permissionEnds(ctx context.Context, stages []permission.Stage, to string) ([]permission.Where, error) {
	w, err := a.openConfig()
	if err != nil {
		return nil, err
	}
	for name, p := range w.config.Providers {
		w.providers[name] = w.provider(name, p)
	}
	if _, ok := w.config.Customers[a.customer]; !ok && a.customer != "" && len(w.config.Customers) > 0 {
		names := strings.Join(sortedKeys(w.config.Customers), ", ")
		return nil,
			&usageError{err: fmt.Errorf("customer %s is not in the configuration, which names %s%s", a.customer, names,
				meant(a.customer, sortedKeys(w.config.Customers))),
				remedy: "leave --customer out to have placeholders for buckets that are found by their tag"}
	}
	var destination *regions.Resolution
	if to != "" {
		d, err := a.destination(ctx, w, to)
		if err != nil {
			return nil, err
		}
		destination = &d
	}
	onlyInventory := !slices.ContainsFunc(stages, func(s permission.Stage) bool { return s != permission.Inventory })
	sources := a.sourceEnds(w, onlyInventory)
	ends := slices.Clone(sources)
	if d := a.destinationEnd(w, sources, destination); !onlyInventory || destination != nil {
		ends = append(ends, d)
	}
	for _, name := range sortedKeys(w.providers) {
		known := slices.ContainsFunc(ends, func(e permission.Where) bool { return e.Provider == name })
		if !known && sources[0].Provider != "" {
			ends = append(ends, w.providers[name].end(permission.Anywhere, ""))
		}
	}
	if at := w.stateAt; at != nil && !onlyInventory {
		e := w.providers[at.Provider].end(permission.State, "")
		if e.Places = []objectstore.Location{*at}; at.Prefix != "" && !strings.HasSuffix(at.Prefix, "/") {
			e.Places[0].Prefix += "/"
		}
		ends = append(ends, e)
	}
	return ends, nil
}

// end is a provider as one end.
func (p *provider) end(e permission.End, region string) permission.Where {
	codes := sortedKeys(p.Regions)
	if region != "" {
		codes = []string{region}
	}
	at := permission.Where{End: e, Provider: p.name, Account: cmp.Or(p.Account, p.Subscription, p.Project),
		Partition: p.kind.Partition, KMS: p.kind.KeyService}
	if p.kind.Name == permission.Azure || p.kind.Name == permission.Google {
		at.Service = p.kind.Name
	}
	if len(codes) > 0 {
		if r, ok := p.catalog.Lookup(p.Cloud(), codes[0]); ok && p.kind.Global {
			at.Partition = cmp.Or(r.Partition, at.Partition)
		}
	}
	if len(codes) == 1 {
		at.Region = codes[0]
	}
	return at
}

// anywhere is an end of which nothing is known yet.
func anywhere(e permission.End) permission.Where {
	is := kind.Default()
	return permission.Where{End: e, Partition: is.Partition, KMS: is.KeyService}
}

// sourceEnds are the providers that have the customer's data.
func (a *app) sourceEnds(w *session, everything bool) []permission.Where {
	places := make(map[string][]objectstore.Location)
	for _, c := range w.config.Claims() {
		if a.customer != "" && c.Customer == a.customer {
			places[c.Location.Provider] = append(places[c.Location.Provider], c.Location)
		}
	}
	if everything && a.customer == "" { // every bucket is counted
		for name := range w.providers {
			places[name] = []objectstore.Location{{Provider: name, Bucket: "*"}}
		}
	}
	var ends []permission.Where
	for _, name := range sortedKeys(places) {
		e := w.providers[name].end(permission.Source, "")
		e.Places = places[name]
		ends = append(ends, e)
	}
	if len(ends) > 0 {
		return ends
	}
	e := anywhere(permission.Source)
	if names := sortedKeys(w.providers); len(names) == 1 {
		e = w.providers[names[0]].end(permission.Source, "")
	}
	e.Places, e.Assumed = []objectstore.Location{{Provider: e.Provider, Bucket: permission.SourceBucket}}, true
	return []permission.Where{e}
}

// destinationEnd is where the customer's data goes.
func (a *app) destinationEnd(w *session, sources []permission.Where, to *regions.Resolution) permission.Where {
	e := anywhere(permission.Destination)
	if to != nil {
		e = w.providers[to.Place.Provider].end(permission.Destination, to.Place.Code)
	}
	e.Key = w.config.Destination.KMSKey
	for _, s := range sources {
		if s.Assumed || to == nil {
			continue
		}
		for _, l := range s.Places {
			from := sortedKeys(w.providers[l.Provider].Regions)
			if len(from) == 0 {
				from = []string{"*"} // wherever it is
			}
			for _, code := range from {
				name := w.config.BucketName(l, to.Place.Code, a.customer, code)
				at := objectstore.Location{Provider: to.Place.Provider, Bucket: name, Prefix: l.Prefix}
				e.Places = append(e.Places, at)
			}
		}
	}
	if len(e.Places) == 0 {
		e.Places, e.Assumed = []objectstore.Location{{Provider: e.Provider, Bucket: permission.DestinationBucket}}, true
	}
	return e
}
