package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/regions"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "Read the configuration and say what is in force",
		Long: `check reads the configuration as every command does, and says which file is in
force, by path and SHA-256, and what it says. It asks no service anything: residency
doctor does. A fault has its line and column, and exit code 2.`,
		Example: `  residency config check
  residency config check --config other.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.checkConfig() },
	})
	c.AddCommand(&cobra.Command{
		Use:   "schema",
		Short: "Show the JSON Schema of a configuration, for editors",
		Long: `schema shows the JSON Schema of residency.yaml: what keys there are, what each is
for, and what it can be. Editors that speak the YAML language server find the published
one by the first line of what residency init writes; a line of this shape names a file:

  # yaml-language-server: $schema=residency.schema.json`,
		Example: `  residency config schema > residency.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = a.Out.Write(text)
			return err
		},
	})
	return c
}

// configView is a configuration as JSON shows it.
type configView struct {
	Schema        string                  `json:"schema"`
	Configuration inventory.Configuration `json:"configuration"`
	State         string                  `json:"state"`
	Prices        string                  `json:"prices,omitempty"` // the file of the user's own
	Policy        []string                `json:"policy"`           // empty: anywhere but the US
	Waivers       []waiverView            `json:"waivers"`
	Providers     []providerView          `json:"providers"`
	Customers     []customerView          `json:"customers"`
}

type waiverView struct {
	Place  string `json:"place"`
	Region string `json:"region,omitempty"`
	Reason string `json:"reason"`
	Until  string `json:"until"`
	Owner  string `json:"owner"`
}

type providerView struct {
	Name    string   `json:"provider"`
	Type    string   `json:"type"`
	Profile string   `json:"profile"`
	Regions []string `json:"regions"` // empty: all that the account has
}

type customerView struct {
	Name   string   `json:"customer"`
	Data   []string `json:"data"`
	Policy []string `json:"policy"` // empty: the one above
}

func (a *app) checkConfig() error {
	w, err := a.openConfig()
	if err != nil {
		return err
	}
	c := w.config
	v := configView{Schema: "residency/config/1", State: c.State, Prices: c.PricesPath(),
		Policy:        notNil(c.Policy.Allowed),
		Configuration: inventory.Configuration{Path: c.Path, SHA256: c.SHA256},
		Waivers:       []waiverView{}, Providers: []providerView{}, Customers: []customerView{}}
	for _, one := range c.Policy.Waivers {
		v.Waivers = append(v.Waivers, waiverView(one))
	}
	if a.state != "" {
		v.State = a.state
	}
	for _, name := range sortedKeys(c.Providers) {
		p := c.Providers[name]
		v.Providers = append(v.Providers, providerView{name, p.Type, p.Profile, notNil(sortedKeys(p.Regions))})
	}
	for _, name := range sortedKeys(c.Customers) {
		one := c.Customers[name]
		v.Customers = append(v.Customers, customerView{name, notNil(one.Data), notNil(one.Allowed)})
	}
	if a.output == "json" {
		return a.json(v)
	}
	rows := [][]string{{"configuration", configured(v.Configuration)}, {"state", v.State},
		{"policy", listOr(v.Policy, "anywhere but the US; inventory --check needs --policy")}}
	if v.Prices != "" {
		rows = append(rows, []string{"prices", fmt.Sprintf("%s, %s over those that are built in", v.Prices,
			plural(w.ownPrices, "price"))})
	}
	for _, one := range v.Waivers {
		place := one.Place
		if one.Region != "" {
			place += " in " + one.Region
		}
		rows = append(rows, []string{"waiver", fmt.Sprintf("%s until %s, by %s: %s", place, one.Until, one.Owner,
			one.Reason)})
	}
	for _, p := range v.Providers {
		rows = append(rows, []string{"provider " + p.Name, p.Type + ", " + listOr(p.Regions,
			"all regions of the account")})
	}
	for _, one := range v.Customers {
		rows = append(rows, []string{"customer " + one.Name, listOr(one.Data, "by bucket tag") +
			"; policy: " + listOr(one.Policy, "as above")})
	}
	fmt.Fprint(a.Out, "The configuration has no fault.\n\n")
	a.printRows(rows)
	return nil
}

// listOr is texts with commas between, or what it means that there are none.
func listOr(texts []string, none string) string {
	if len(texts) == 0 {
		return none
	}
	return strings.Join(texts, ", ")
}

// notNil is a list as JSON has it.
func notNil(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

func (a *app) initCommand() *cobra.Command {
	d := config.Draft{Endpoints: map[string]string{}, Countries: map[string]string{}}
	var endpoints, countries []string
	c := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented configuration, and check it",
		Long: `init writes residency.yaml, or the file named. At a terminal it asks for what no flag
says; elsewhere it asks nothing. What it writes has been checked as residency config check
does. A file that is there is not written over.`,
		Example: `  residency init
  residency init --regions eu-west-1,us-east-1 --customer acme --data aws:acme-prod --policy EU
  residency init --type s3 --endpoint gra=https://s3.gra.example.net --country gra=FR`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file := config.DefaultFile
			if a.configPath != "" {
				file = a.configPath
			}
			if len(args) == 1 {
				file = args[0]
			}
			if file == "-" {
				return &usageError{err: errors.New("init writes a file, and - is none"), remedy: "name a file"}
			}
			d.Customer, d.State = a.customer, a.state
			if _, err := os.Lstat(file); err == nil {
				return &usageError{err: fmt.Errorf("%s is there, and is not written over", file),
					remedy: "name another file, or move it away"}
			}
			if a.interactive {
				if err := a.interview(c, &d, &endpoints); err != nil {
					return err
				}
			}
			if err := pairs("--endpoint", endpoints, d.Endpoints); err != nil {
				return err
			}
			if err := pairs("--country", countries, d.Countries); err != nil {
				return err
			}
			return a.writeConfig(file, d)
		},
	}
	f := c.Flags()
	f.StringVar(&d.Type, "type", "aws", "what the provider is: aws, azure, gcs or s3")
	f.StringVar(&d.Subscription, "subscription", "", "for azure: the `ID` of the subscription")
	f.StringVar(&d.Project, "project", "", "for gcs: the `ID` of the project (default: that of the credentials)")
	f.StringVar(&d.Provider, "provider", "", "the provider's `name` in locations (default: its type)")
	f.StringVar(&d.Profile, "profile", "", "profile of the AWS configuration that has its credentials (`name`)")
	f.StringSliceVar(&d.Regions, "regions", nil, "its regions (`LIST`; default: all that the account has; not for s3)")
	f.StringArrayVar(&endpoints, "endpoint", nil, "for s3: a region and its endpoint (`REGION=URL`; repeatable)")
	f.StringArrayVar(&countries, "country", nil,
		"for s3: where a region is that no catalog knows (`REGION=FR`; repeatable)")
	f.StringArrayVar(&d.Data, "data", nil,
		"a `location` of the customer's, such as aws:acme-prod (repeatable; with --customer)")
	f.StringSliceVar(&d.Allowed, "policy", nil,
		"where data may be: sets, countries or region codes (`LIST`, such as EU,CH)")
	return c
}

// interview asks for what flags do not say.
func (a *app) interview(c *cobra.Command, d *config.Draft, endpoints *[]string) error {
	for _, q := range []struct {
		flag, question string
		take           func(string)
	}{
		{"type", "What is the storage: Amazon S3 (aws), Azure Blob Storage (azure), Google Cloud Storage (gcs) or another " +
			"service with Amazon's API (s3)? [aws] ", func(s string) { d.Type = s }},
		{"subscription", "The ID of the subscription: ", func(s string) { d.Subscription = s }},
		{"project", "The ID of the project, or nothing for that of the credentials: ", func(s string) { d.Project = s }},
		{"profile", "Profile of ~/.aws/config with the credentials, or nothing for the environment's: ",
			func(s string) { d.Profile = s }},
		{"regions", "Regions, with commas, or nothing for all of the account (aws): ",
			func(s string) { d.Regions = words(s) }},
		{"endpoint", "Endpoints as region=URL, with commas (s3): ", func(s string) { *endpoints = words(s) }},
		{"policy", "Where may data be? Sets, countries or region codes, with commas, or nothing for anywhere but the US: ",
			func(s string) { d.Allowed = words(s) }},
		{"customer", "A customer's name, or nothing: ", func(s string) { d.Customer = s }},
		{"data", "Where is that customer's data, with commas, such as aws:acme-prod: ",
			func(s string) { d.Data = words(s) }},
	} {
		is, _ := kind.Of(d.Type) // one that is not known is refused with all else
		if c.Flags().Changed(q.flag) || q.flag == "endpoint" && is.Global || q.flag == "regions" && !is.Global ||
			q.flag == "data" && d.Customer == "" || beside(q.flag, is) {
			continue
		}
		a.log.Ask(q.question)
		said, err := a.answer(c.Context())
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if said != "" {
			q.take(said)
		}
	}
	return nil
}

// beside tells whether a flag is for providers of other kinds.
func beside(flag string, is kind.Kind) bool {
	switch s := kind.Setting(flag); s {
	case kind.Profile, kind.Subscription, kind.Project:
		return !slices.Contains(is.Takes, s)
	}
	return false
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// pairs reads flags of the shape REGION=VALUE.
func pairs(flag string, texts []string, into map[string]string) error {
	for _, text := range texts {
		region, value, ok := strings.Cut(text, "=")
		if !ok || region == "" || value == "" {
			return &usageError{err: fmt.Errorf("%s %q: want REGION=VALUE", flag, text)}
		}
		if into[region] != "" {
			return &usageError{err: fmt.Errorf("%s names %s twice", flag, region)}
		}
		into[region] = value
	}
	return nil
}

// unused refuses what was given and would not be written.
func unused(d config.Draft, is kind.Kind) error {
	why := ""
	switch {
	case d.Customer != "" && len(d.Data) == 0:
		why = "--customer needs --data, where the customer's data is"
	case d.Subscription != "" && beside("subscription", is), d.Project != "" && beside("project", is),
		d.Profile != "" && beside("profile", is):
		why = "--subscription is for --type azure, --project for --type gcs, and --profile for --type aws or s3"
	case is.Global && len(d.Endpoints)+len(d.Countries) > 0:
		why = "--endpoint and --country are for --type s3"
	case !is.Global && len(d.Regions) > 0:
		why = "--regions is for --type aws; --endpoint REGION=URL names a region of another service"
	}
	for region := range d.Countries {
		if d.Endpoints[region] == "" && why == "" {
			why = "--country " + region + ": no --endpoint names that region"
		}
	}
	if why != "" {
		return &usageError{err: errors.New(why), remedy: "residency init --help"}
	}
	return nil
}

func (a *app) writeConfig(file string, d config.Draft) error {
	if d.Provider == "" {
		d.Provider = d.Type
	}
	if len(d.Data) > 0 && d.Customer == "" {
		return &usageError{err: errors.New("--data needs --customer, whose it is")}
	}
	is, ok := kind.Of(d.Type)
	if !ok {
		return choice("type", d.Type, kind.Names())
	}
	if err := unused(d, is); err != nil {
		return err
	}
	if !is.Global {
		d.Regions = sortedKeys(d.Endpoints)
	}
	slices.Sort(d.Regions)
	catalog, err := regions.Load()
	if err != nil {
		return err
	}
	text, err := d.Write(catalog)
	if err != nil {
		return &usageError{err: fmt.Errorf("nothing was written, for this would be refused: %w", err),
			remedy: "residency init --help, or residency help configuration"}
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &usageError{err: fmt.Errorf("%s is there, and is not written over", file)}
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	_, err = out.WriteString(text)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("write the configuration: %w", errors.Join(err, os.Remove(file)))
	}
	if a.output == "json" {
		return a.json(struct {
			Schema string `json:"schema"`
			File   string `json:"file"`
		}{"residency/init/1", file})
	}
	at := ""
	if file != config.DefaultFile || a.getenv("RESIDENCY_CONFIG") != "" {
		at = " --config " + file
	}
	fmt.Fprintf(a.Out, "Wrote %s, and checked it. It asks nobody yet; next:\n", file)
	fmt.Fprintf(a.Out, "  residency doctor%[1]s\n  residency inventory%[1]s\n", at)
	return nil
}
